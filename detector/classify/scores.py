"""How good a classifier is: precision, recall and F1 of each class, accuracy with an interval, by size of the face.

Balanced accuracy is the mean of the recalls. The interval draws photographs anew, not crops, since the faces of one
photograph are alike: 95 % of 2,000 draws. Where there is nothing to divide by there is no value, and a mean leaves
it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.judging.bootstrap import SHARE, Interval

DRAWS = 2000
EDGES = (0, 16, 32, 64)  # of the box's longer edge, pixels: where each bin begins


@dataclass(frozen=True)
class Scores:
    """matrix: (C, C) counts, rows what is there, columns what was said.  sizes: name, right, all of each bin."""

    classes: tuple[str, ...]
    matrix: np.ndarray
    interval: Interval
    sizes: tuple[tuple[str, int, int], ...]

    @property
    def precision(self) -> list[float | None]:
        return [_share(self.matrix[i, i], self.matrix[:, i].sum()) for i in range(len(self.classes))]

    @property
    def recall(self) -> list[float | None]:
        return [_share(self.matrix[i, i], self.matrix[i].sum()) for i in range(len(self.classes))]

    @property
    def f1(self) -> list[float | None]:
        both = self.matrix.sum(axis=0) + self.matrix.sum(axis=1)
        return [_share(2 * self.matrix[i, i], both[i]) for i in range(len(self.classes))]

    @property
    def mean_f1(self) -> float:
        return float(np.mean([value for value in self.f1 if value is not None]))

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def balanced(self) -> float:
        return float(np.mean([value for value in self.recall if value is not None]))

    def as_json(self) -> dict[str, Any]:
        rows = zip(self.classes, self.precision, self.recall, self.f1, self.matrix.sum(axis=1).tolist(), strict=True)
        keys = ("precision", "recall", "f1", "count")
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": vars(self.interval),
            "balanced_accuracy": self.balanced,
            "mean_f1": self.mean_f1,
            "classes": {name: dict(zip(keys, values, strict=True)) for name, *values in rows},
            "confusion": self.matrix.tolist(),
            "sizes": [{"edge": name, "right": right, "count": count} for name, right, count in self.sizes],
        }

    def table(self) -> str:
        width = max(5, *(len(name) for name in self.classes))
        lines = [f"{'class':{width}} {'faces':>6} {'precision':>9} {'recall':>6} {'F1':>6}"]
        counts = self.matrix.sum(axis=1)
        for i, name in enumerate(self.classes):
            precision, recall, f1 = (_said(values[i]) for values in (self.precision, self.recall, self.f1))
            lines.append(f"{name:{width}} {counts[i]:>6} {precision:>9} {recall:>6} {f1:>6}")
        low, high = _said(self.interval.low), _said(self.interval.high)
        means = f"balanced accuracy {self.balanced:.3f}, mean F1 {self.mean_f1:.3f}"
        lines.append(f"accuracy {self.accuracy:.3f} ({low} - {high}), {means}")
        if self.sizes:
            said = [f"{name} px {_said(_share(right, count))} of {count}" for name, right, count in self.sizes]
            lines.append(f"accuracy by the face's longer edge: {', '.join(said)}")
        return "\n".join(lines)


def score(
    classes: tuple[str, ...], truths: np.ndarray, said: np.ndarray, sources: list[str], edges: list[float | None],
    draws: int = DRAWS, seed: int = 0,
) -> Scores:  # fmt: skip
    """truths, said: (N,) int64, N above 0.  sources: the photograph of each.  edges: as of `faces.Face`."""
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, (truths, said), 1)
    return Scores(classes, matrix, _interval(truths == said, sources, draws, seed), _sizes(truths == said, edges))


def _interval(right: np.ndarray, sources: list[str], draws: int, seed: int) -> Interval:
    _, photograph = np.unique(sources, return_inverse=True)
    rights, counts = np.bincount(photograph, right), np.bincount(photograph)
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(counts)]))
    drawn = rng.integers(0, len(counts), (draws, len(counts)))
    low, high = np.quantile(rights[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high))


def _sizes(right: np.ndarray, edges: list[float | None]) -> tuple[tuple[str, int, int], ...]:
    known = np.array([edge is not None for edge in edges])
    if not known.any():
        return ()
    longer = np.array([edge or 0.0 for edge in edges])
    found = []
    for low, high in zip(EDGES, (*EDGES[1:], None), strict=True):
        inside = known & (longer >= low) & (True if high is None else longer < high)
        name = f"{low}+" if high is None else f"{low}-{high}"
        found.append((name, int(right[inside].sum()), int(inside.sum())))
    return tuple(found)


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
