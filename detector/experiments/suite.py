"""A suite as a value: a question, data sets and how they are made, configurations, seeds, what is held against what.

No heavy imports. How it is written down: `reading.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from detector.training.options import Options


@dataclass(frozen=True)
class Source:
    """Where every data set begins: a split in a folder, or a raw folder that `datatools convert` divides by `split`."""

    folder: str
    convert: bool = False
    split: str = ""


@dataclass(frozen=True)
class Configuration:
    """A line of the table. data: a recipe's name.  train: options of `detector train`, by their command-line names."""

    name: str
    data: str
    train: dict[str, Any]

    def options(self, seed: int = 0) -> Options:
        """All that decides the training. Raises UserError where options do not go together."""
        return Options(**{key.replace("-", "_"): value for key, value in self.train.items()}, seed=seed)


@dataclass(frozen=True)
class Suite:
    """data: the commands of each recipe, in order.  runs: in order, the first the baseline.

    compare: (better, base) by name: is the first better than the second?
    """

    name: str
    title: str
    question: str
    source: Source
    data: dict[str, tuple[str, ...]]
    runs: tuple[Configuration, ...]
    seeds: tuple[int, ...]
    compare: tuple[tuple[str, str], ...]
