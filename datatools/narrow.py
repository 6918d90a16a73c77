"""The training part narrowed to pictures that hold a box of certain classes; val and test stay as they are.

The simplest cure for imbalance there is: leave out what shows none of the rare class. It throws photographs away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datatools.core import Dataset
from datatools.errors import LayoutError


def only_with(dataset: Dataset, names: Sequence[str]) -> tuple[Dataset, list[str]]:
    """The set without those training pictures that hold no box of any of `names`, and their ids.

    Raises LayoutError for a class that is not there, a set without a training part, and where nothing would be left.
    """
    wanted = {dataset.classes.index(_known(name, dataset.classes)) for name in names}
    if "train" not in dataset.splits:
        raise LayoutError("--only-with", "the set has no training part", "train, val and test", "give --split")
    pairs = list(zip(dataset.annotations, dataset.splits, strict=True))
    kept = [(a, split) for a, split in pairs if split != "train" or wanted & set(a.labels.tolist())]
    if not any(split == "train" for _, split in kept):
        raise LayoutError("--only-with", f"no training picture holds a box of {', '.join(names)}", "at least one")
    left = {a.id for a, _ in pairs} - {a.id for a, _ in kept}
    found = replace(dataset, annotations=tuple(a for a, _ in kept), splits=tuple(split for _, split in kept))
    return found, [a.id for a, _ in pairs if a.id in left]


def _known(name: str, classes: Sequence[str]) -> str:
    if name not in classes:
        raise LayoutError("--only-with", f"{name!r}: no such class", f"one of {', '.join(classes)}")
    return name
