"""Balance a split from end to end: read, plan, preview or apply, and count again what lies on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datatools import convert, formats
from datatools.balance.apply import Settings, apply_plan
from datatools.balance.planning.kin import kin_of
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Plan, Wanted
from datatools.balance.planning.planfile import plan_text, read_plan
from datatools.check import box_problems
from datatools.core import Dataset
from datatools.errors import LayoutError, OutputError
from datatools.outputs import refuse_overwrite, write_file
from datatools.provenance import Provenance, read_provenance
from datatools.repair import refuse, tidy
from datatools.walk import folder_of


@dataclass(frozen=True)
class Balance:
    """A split and the plan that balances it.

    ways: id -> how each original gets to the new folder.  known: what the split's manifest says of its pictures.
    """

    source: Path
    dataset: Dataset
    ways: Mapping[str, convert.Picture]
    plan: Plan
    known: Provenance = field(default_factory=Provenance)


def plan_balance(source: Path, wanted: Wanted | Path, *, workers: int = 0, quiet: bool = False) -> Balance:
    """Read a split and plan; nothing is written.  wanted: what the plan is to reach, or the file that holds it.

    Raises PlanError where the file holds none for this split, LayoutError where the set is not divided, AnnotationError
    where it holds errors, TargetError where the target is out of reach.
    """
    reading = formats.read(source, workers=workers, quiet=quiet)
    refuse((*reading.problems, *box_problems(reading.dataset)))
    dataset, _ = tidy(reading.dataset)
    train = dataset.of_split("train")
    if not train:
        raise LayoutError(source, "no training split", "train, val and test", "run `datatools convert` on it first")
    ways = convert.conversion_of(dataset, reading, convert.Settings()).pictures
    known = read_provenance(folder_of(source))
    invented = [_is_synthetic(known, a.id) for a in train]
    kin = kin_of(train, np.array(invented, dtype=bool), known)
    if isinstance(wanted, Path):
        plan = read_plan(wanted, train, dataset.classes, invented, kin)
    else:
        plan = make_plan(train, dataset.classes, np.random.default_rng(wanted.seed), wanted, invented, kin)
    return Balance(source, dataset, ways, plan, known)


def _is_synthetic(known: Provenance, name: str) -> bool:
    return name in known.origins and known.origins[name].recipe == "synthetic"


def save_plan(balance: Balance, path: Path, *, overwrite: bool = False) -> None:
    """Write the plan for `read_plan`.  Raises OutputError where the file is there already."""
    if path.exists() and not overwrite:
        raise OutputError(path, "is already there", remedy="pass --overwrite, or choose another --save-plan")
    write_file(path, plan_text(balance.plan, balance.dataset.of_split("train")))


def carry_out(balance: Balance, out: Path, settings: Settings, *, overwrite: bool = False) -> tuple[Dataset, int]:
    """Write the balanced split; returns it as read back from the disk, and how many copies could only be flipped.

    Raises AssertionError, a fault of ours, if the counts on the disk are not the plan's.
    """
    refuse_overwrite(out, balance.source, overwrite=overwrite)
    flipped = apply_plan(balance.plan, balance.dataset, balance.ways, out, settings, balance.known)
    written = formats.read(out, workers=settings.workers, quiet=settings.quiet).dataset
    if written.counts("train").tolist() != balance.plan.after.tolist():
        raise AssertionError(f"{out}: {written.counts('train')} boxes on disk, {balance.plan.after} were planned")
    return written, flipped
