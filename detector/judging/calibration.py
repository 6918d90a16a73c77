"""Whether a confidence means what it says: of the boxes found with about .7, are seven in ten right?

A box is right if it is a true positive at IoU .5; what was passed over counts neither way. Boxes below `LEAST` are left
out: they are many, nobody acts on them, and they would decide the mean. The error is the mean distance between
confidence and the share that is right over bins of equal width, weighted by how many boxes a bin holds.
Limit: few boxes make it too large; a class of a dozen objects has an error by chance alone.
Source: Guo et al., "On Calibration of Modern Neural Networks", 2017; for boxes Kueppers et al., "Multivariate
Confidence Calibration for Object Detection", 2020.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.judging.matching import Matching

BINS, LEAST = 10, 0.05


@dataclass(frozen=True)
class Calibration:
    """Of the boxes in each bin, (B,): how many, the sum of their confidences, how many are right."""

    counts: np.ndarray
    sums: np.ndarray
    right: np.ndarray

    @property
    def confidence(self) -> np.ndarray:
        """(B,) means; nan in an empty bin."""
        return _ratio(self.sums, self.counts)

    @property
    def share(self) -> np.ndarray:
        """(B,) of what is right; nan in an empty bin."""
        return _ratio(self.right, self.counts)

    @property
    def error(self) -> float | None:
        """None without boxes."""
        return self._mean(np.abs(self.sums - self.right))

    @property
    def surplus(self) -> float | None:
        """Mean confidence less the share that is right: above 0 where the network is too sure."""
        return self._mean(self.sums - self.right)

    def _mean(self, sums: np.ndarray) -> float | None:
        total = int(self.counts.sum())
        return float(sums.sum() / total) if total else None

    def as_json(self) -> dict[str, Any]:
        bins = [
            {"boxes": int(n), "confidence": float(c), "right": float(s)}
            for n, c, s in zip(self.counts, self.confidence, self.share, strict=True)
            if n
        ]
        return {"error": self.error, "surplus": self.surplus, "bins": bins}


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def calibration(matching: Matching, number: int, bins: int = BINS, least: float = LEAST) -> Calibration:
    """Of one class, at the matching's first IoU and over boxes of every size."""
    own = matching.of_class(number)
    judged = ~matching.passed[0, 0, own] & (matching.scores[own] >= least)
    scores, hits = matching.scores[own][judged], matching.hits[0, 0, own][judged]
    at = np.minimum((scores * bins).astype(int), bins - 1)
    counted = (np.bincount(at, weights=weights, minlength=bins) for weights in (np.ones(len(at)), scores, hits))
    counts, sums, right = counted
    return Calibration(counts.astype(int), sums, right.astype(int))


def calibrations(matching: Matching, classes: tuple[str, ...]) -> dict[str, Calibration]:
    return {name: calibration(matching, number) for number, name in enumerate(classes)}


def pooled(many: Iterable[Calibration]) -> Calibration:
    """The boxes of all of them together, as of one class and several networks."""
    counts, sums, right = zip(*((one.counts, one.sums, one.right) for one in many), strict=True)
    return Calibration(np.sum(counts, axis=0), np.sum(sums, axis=0), np.sum(right, axis=0))


def calibration_line(classes: dict[str, Calibration]) -> str:
    """For people, in one line."""
    said = [f"{name} {_said(one)}" for name, one in classes.items()]
    return f"calibration error of confidences from {LEAST:g}: {', '.join(said)}"


def _said(one: Calibration) -> str:
    if one.error is None or one.surplus is None:
        return "-"
    return f"{one.error:.3f} (too {'sure' if one.surplus > 0 else 'unsure'} by {abs(one.surplus):.3f})"
