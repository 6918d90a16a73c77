"""The plan without new pictures: `weights.txt`, by which a trainer draws the pictures that are there.

weights.txt   `<number> <picture>` a line, the picture's path below the folder; a picture that is not listed weighs 1
data.yaml     says `weights: weights.txt`; who does not know the key trains on every picture once

A picture's weight is how often the plan shows it, so that an epoch of as many draws as all weights together holds the
planned counts, in expectation.  Only plans of whole pictures can be told in weights.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datatools import formats
from datatools.balance.apply import Settings
from datatools.balance.run import Balance
from datatools.core import Dataset
from datatools.display import grid
from datatools.errors import LayoutError, PlanError
from datatools.outputs import put, refuse_overwrite, staged
from datatools.resumable import bring_originals, describe, fingerprint, same_run

WEIGHTS = "weights.txt"


def write_weighted(balance: Balance, out: Path, settings: Settings, *, overwrite: bool = False) -> NDArray:
    """Write the split, its pictures as they are, with their weights; returns the expected counts as read back, (C,).

    Raises PlanError where a box is to appear less often than its picture, and AssertionError, a fault of ours, if the
    counts on the disk are not the plan's.
    """
    refuse_overwrite(out, balance.source, overwrite=overwrite)
    refuse_parts(balance)
    shown = _shown(balance)
    said = {"as": "weights", "weights": weights_text(balance), "link": settings.link}
    with staged(out, resume=True) as folder:
        same_run(folder, fingerprint([said, balance.plan.classes], shown, balance.known))
        entries = list(bring_originals(shown, balance.ways, folder, settings.link, balance.known))
        put(folder / WEIGHTS, weights_text(balance))
        describe(folder, shown.classes, entries, "balanced", {"weights": WEIGHTS})
    found = expected_counts(out, settings)
    if found.tolist() != balance.plan.after.tolist():
        raise AssertionError(f"{out}: {found} boxes by the weights on disk, {balance.plan.after} were planned")
    return found


def refuse_parts(balance: Balance) -> None:
    """Raises PlanError where the plan shows only a part of a picture, or of its boxes."""
    train = balance.dataset.of_split("train")
    for row, (a, r) in enumerate(zip(train, balance.plan.appearances, strict=True)):
        if row in balance.plan.listed or (len(r) and r.min() != balance.plan.repeats[row]):
            found = f"{a.id} is to appear without some of its boxes"
            raise PlanError("--as weights", found, "whole pictures", "plan with --recipes whole,synthetic")


def _shown(balance: Balance) -> Dataset:
    """The set without the synthetic training pictures that the plan leaves out."""
    train = balance.dataset.of_split("train")
    gone = {a.id for a, r in zip(train, balance.plan.repeats.tolist(), strict=True) if not r}
    pairs = zip(balance.dataset.annotations, balance.dataset.splits, strict=True)
    kept = [(a, split) for a, split in pairs if split != "train" or a.id not in gone]
    return replace(balance.dataset, annotations=tuple(a for a, _ in kept), splits=tuple(s for _, s in kept))


def weights_text(balance: Balance) -> str:
    """The file's text: the pictures that do not weigh 1."""
    train = balance.dataset.of_split("train")
    pairs = zip(train, balance.plan.repeats.tolist(), strict=True)
    return "".join(f"{r} {balance.ways[a.id].target}\n" for a, r in pairs if r > 1)


def read_weights(path: Path) -> dict[str, float]:
    """Picture -> weight.  Raises LayoutError, with file and line, where a line is no weight."""
    found: dict[str, float] = {}
    for k, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        number, _, picture = line.partition(" ")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not picture or not 0 <= weight < np.inf:
            raise LayoutError(f"{path}:{k}", repr(line[:60]), "a number from 0 and a picture", "correct the line")
        found[picture] = weight
    return found


def expected_counts(folder: Path, settings: Settings) -> NDArray:
    """Boxes of each class that an epoch of as many draws as the weights' sum holds, (C,)."""
    written = formats.read(folder, workers=settings.workers, quiet=settings.quiet).dataset
    weights = read_weights(folder / WEIGHTS)
    counts = np.zeros(len(written.classes))
    for a in written.of_split("train"):
        np.add.at(counts, a.labels, weights.get(Path(a.path).relative_to(folder).as_posix(), 1.0))
    return counts


def weights_report(balance: Balance, expected: NDArray) -> tuple[str, dict]:
    """What drawing by the weights comes to: in as many draws as the plan has pictures, and as there are pictures."""
    plan = balance.plan
    pictures, draws = int((plan.repeats > 0).sum()), int(plan.repeats.sum())
    columns = (plan.before, expected, expected * pictures / draws)
    rows = [
        (name, *(f"{v:.0f}" for v in values))
        for name, *values in zip(plan.classes, *(c.tolist() for c in columns), strict=True)
    ]
    table = grid(("expected boxes", "as they are", f"{draws} draws", f"{pictures} draws"), rows, "<>>>")
    note = f"{pictures} training pictures, none new; an epoch draws by weight, from 1 to {plan.repeats.max()}"
    data = {"expected": dict(zip(plan.classes, expected.tolist(), strict=True)), "draws": draws, "pictures": pictures}
    return f"{table}\n{note}\ntrain with `detector train --sampler plan`", data
