"""What mistakes cost, and the confidence at which they cost least.

A file of costs is YAML: `missed` and `false_alarm` are a number each, or a number a class; `confused` is a number, or
for each true class a number for each class it is taken for. What is not named costs 1; what is right costs nothing.

    missed: {mask_weared_incorrect: 5, without_mask: 5, with_mask: 1}
    false_alarm: 0.5
    confused: {without_mask: {with_mask: 10}}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import UserError
from detector.judging.confusion import confusion
from detector.judging.found import Found, Truth
from detector.mappings import read_mapping

KINDS = ("missed", "false_alarm", "confused")
CONFIDENCES = np.round(np.arange(0.05, 0.96, 0.05), 2)


@dataclass(frozen=True)
class Expected:
    """cost: of the mistakes in a picture, at each of the confidences."""

    confidences: list[float]
    cost: list[float]

    @property
    def best(self) -> int:
        return int(np.argmin(self.cost))

    def table(self) -> str:
        head = f"expected cost a picture: least at --conf {self.confidences[self.best]:g}, {self.cost[self.best]:.4g}"
        pairs = zip(self.confidences[1::2], self.cost[1::2], strict=True)
        return head + "\n" + "  ".join(f"{confidence:.2f}: {cost:.4g}" for confidence, cost in pairs)


def read_costs(path: Path, classes: tuple[str, ...]) -> np.ndarray:
    """(C + 1, C + 1) like `confusion`'s: rows what is there, columns what was found. Raises UserError."""
    kinds = ", ".join(KINDS)
    content = read_mapping(path, UserError, f"YAML of {kinds}", kinds)
    if not set(content) <= set(KINDS):
        raise UserError(path, f"holds {', '.join(map(str, content))[:60]}", kinds)
    count = len(classes)
    table = np.ones((count + 1, count + 1))
    table[:count, count] = _each(content.get("missed", 1), classes, f"{path}: missed")
    table[count, :count] = _each(content.get("false_alarm", 1), classes, f"{path}: false_alarm")
    confused = content.get("confused", 1)
    rows = confused if isinstance(confused, dict) else dict.fromkeys(classes, confused)
    for name, row in rows.items():
        where = f"{path}: confused"
        table[_number(name, classes, where), :count] = _each(row, classes, f"{where}: {name}")
    np.fill_diagonal(table, 0)
    return table


def _each(value: Any, classes: tuple[str, ...], where: str) -> np.ndarray:
    """(C,) of a number, or of a number a class, 1 for those not named."""
    given = value if isinstance(value, dict) else dict.fromkeys(classes, value)
    costs = np.ones(len(classes))
    for name, cost in given.items():
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < np.inf:
            raise UserError(where, f"{name} costs {cost!r}", "a number from 0")
        costs[_number(name, classes, where)] = cost
    return costs


def _number(name: Any, classes: tuple[str, ...], where: str) -> int:
    if name not in classes:
        raise UserError(where, f"{name!r} is no class", f"one of {', '.join(classes)}")
    return classes.index(name)


def expected_costs(detections: Sequence[Found], truths: Sequence[Found | Truth], costs: np.ndarray) -> Expected:
    """costs: as `read_costs` gives them."""
    return expected_of(confusions(detections, truths, len(costs) - 1), len(truths), costs)


def confusions(detections: Sequence[Found], truths: Sequence[Found | Truth], classes: int) -> np.ndarray:
    """(K, C + 1, C + 1): the confusion at each of `CONFIDENCES`."""
    return np.stack([confusion(detections, truths, classes, confidence) for confidence in CONFIDENCES])


def expected_of(matrices: np.ndarray, pictures: int, costs: np.ndarray) -> Expected:
    """matrices: (K, C + 1, C + 1), of `confusions`, or their mean over several networks."""
    values = (matrices * costs).sum(axis=(1, 2)) / max(1, pictures)
    return Expected(CONFIDENCES.tolist(), values.tolist())
