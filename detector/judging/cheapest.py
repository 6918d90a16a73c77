"""What the mistakes cost at given confidences, kind by kind; and a confidence for each class at which they cost least.

The search goes class by class, the others held, from the best common confidence: tenths first, then the twentieths
around the best, until a round changes nothing. It finds a place where no single class can do better, which need not be
the best of all. Of confidences that cost the same the one nearest to where it stood is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.judging.confusion import confusion
from detector.judging.found import Found, Least, Truth

TENTHS = np.round(np.arange(0.1, 0.95, 0.1), 2)
NEAR = (-0.1, -0.05, 0.05, 0.1)
ROUNDS = 4
MOST = 8  # kinds of mistake that the table names


@dataclass(frozen=True)
class Costed:
    """Confidences of every class, (C,), what a picture's mistakes cost there, and how many there are of each kind.

    there_by_found: (C + 1, C + 1), as `confusion` gives it.
    """

    confidence: np.ndarray
    cost: float
    there_by_found: np.ndarray

    def as_json(self, classes: tuple[str, ...]) -> dict[str, Any]:
        each = dict(zip(classes, self.confidence.tolist(), strict=True))
        return {"conf": each, "cost": self.cost, "there_by_found": self.there_by_found.tolist()}

    def option(self, classes: tuple[str, ...]) -> str:
        """As `--conf` takes it."""
        return ",".join(f"{name}={value:g}" for name, value in zip(classes, self.confidence, strict=True))


def costed(detections: Sequence[Found], truths: Sequence[Found | Truth], costs: np.ndarray, least: Least) -> Costed:
    """costs: as `read_costs` gives them."""
    classes = len(costs) - 1
    table = confusion(detections, truths, classes, least)
    each = np.broadcast_to(np.asarray(least, dtype=np.float64), (classes,)).copy()
    return Costed(each, float((table * costs).sum() / max(1, len(truths))), table)


def cheapest_each(
    detections: Sequence[Found], truths: Sequence[Found | Truth], costs: np.ndarray, start: float
) -> Costed:
    """A confidence for each class. start: the best common one."""
    best = costed(detections, truths, costs, np.full(len(costs) - 1, start))
    for turn in range(ROUNDS):
        before = best
        for number in range(len(costs) - 1):
            at = best.confidence[number]
            tried = TENTHS if turn == 0 else np.round(at + np.array(NEAR), 2)
            for value in sorted(tried[(tried >= 0.05) & (tried <= 0.95)], key=lambda one: abs(one - at)):
                each = best.confidence.copy()
                each[number] = value
                one = costed(detections, truths, costs, each)
                best = one if one.cost < best.cost else best
        if turn and best is before:
            break
    return best


def costs_table(named: dict[str, Costed], costs: np.ndarray, classes: tuple[str, ...]) -> str:
    """For people: what a picture costs at each of `named`, and below the dearest kinds of mistake of them all."""
    width = max(map(len, named))
    lines = [f"{name:{width}}  {one.cost:.4g} a picture at --conf {one.option(classes)}" for name, one in named.items()]
    kinds = _kinds(list(named.values()), costs)
    if kinds:
        said = [_said(row, column, classes) for row, column in kinds]
        wide = max(map(len, said))
        lines.append(f"{'mistakes':{wide}}  {'each':>6}  " + "  ".join(f"{name:>{width}}" for name in named))
        for words, (row, column) in zip(said, kinds, strict=True):
            counts = "  ".join(f"{one.there_by_found[row, column]:>{width}}" for one in named.values())
            lines.append(f"{words:{wide}}  {costs[row, column]:>6g}  {counts}")
    return "\n".join(lines)


def _kinds(many: list[Costed], costs: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns of the dearest mistakes that occur, dearest first."""
    total = np.max([one.there_by_found * costs for one in many], axis=0)
    order = np.argsort(-total, axis=None, kind="stable")[:MOST]
    places = [divmod(int(one), len(costs)) for one in order]
    return [(row, column) for row, column in places if total[row, column] > 0]


def _said(row: int, column: int, classes: tuple[str, ...]) -> str:
    if row == len(classes):
        return f"{classes[column]} where nothing is"
    return f"{classes[row]} missed" if column == len(classes) else f"{classes[row]} as {classes[column]}"
