"""The plan without new pictures: `weights.txt` (see `weights`), by which a trainer draws the pictures that are there.

A picture's weight is how often the plan shows it, so that an epoch of as many draws as all weights together holds the
planned counts, in expectation.  Only plans of whole pictures can be told in weights.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from numpy.typing import NDArray

from datatools import formats
from datatools.balance.apply import Settings
from datatools.balance.run import Balance
from datatools.core import Dataset, class_counts
from datatools.display import grid
from datatools.errors import PlanError
from datatools.outputs import put, refuse_overwrite, staged
from datatools.resumable import bring_originals, describe, fingerprint, same_run
from datatools.weights import WEIGHTS, expected_counts, read_weights


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
    written = formats.read(out, workers=settings.workers, quiet=settings.quiet).dataset
    found, _ = expected_counts(written, out, read_weights(out / WEIGHTS))
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


def weights_report(balance: Balance, expected: NDArray) -> tuple[str, dict]:
    """What drawing by the weights comes to: in as many draws as the plan has pictures, and as there are pictures."""
    plan = balance.plan
    pictures, draws = int((plan.repeats > 0).sum()), int(plan.repeats.sum())
    train = zip(balance.dataset.of_split("train"), plan.repeats.tolist(), strict=True)
    once = class_counts((a for a, r in train if r), len(plan.classes))
    columns = (once, expected, expected * pictures / draws)
    rows = [
        (name, *(f"{v:.0f}" for v in values))
        for name, *values in zip(plan.classes, *(c.tolist() for c in columns), strict=True)
    ]
    table = grid(("expected boxes", "each once", f"{draws} draws", f"{pictures} draws"), rows, "<>>>")
    note = f"{pictures} training pictures, none new; an epoch draws by weight, from 1 to {plan.repeats.max()}"
    data = {"expected": dict(zip(plan.classes, expected.tolist(), strict=True)), "draws": draws, "pictures": pictures}
    return f"{table}\n{note}\ntrain with `detector train --sampler plan`", data
