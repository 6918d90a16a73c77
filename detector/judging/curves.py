"""Precision, recall and F1 of each class at every confidence, at IoU .5: for drawing, and to choose thresholds from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.judging.matching import Matching


@dataclass(frozen=True)
class Curve:
    """A class. confidence: (K,) every score that occurs, falling.  precision, recall, f1: (K,), of all boxes of at

    least that score; recall and F1 are 0 where there is no truth.  truths: how many there are.
    """

    confidence: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    truths: int


def curve(matching: Matching, number: int) -> Curve:
    """The curve of one class; what was passed over is neither right nor wrong."""
    own, truths = matching.of_class(number), matching.total(number)
    return curve_of(matching.hits[0, 0, own], matching.passed[0, 0, own], matching.scores[own], truths)


def curve_of(hits: np.ndarray, passed: np.ndarray, scores: np.ndarray, truths: int) -> Curve:
    """hits, passed: (N,) bool.  scores: (N,)."""
    judged = np.flatnonzero(~passed)
    order = judged[np.argsort(-scores[judged], kind="mergesort")]
    right, falling = hits[order].cumsum(), scores[order]
    last = np.flatnonzero(np.diff(falling, append=-np.inf))  # of equal scores: all or none
    right, shown = right[last], last + 1
    return Curve(
        falling[last],
        right / shown,
        right / truths if truths else np.zeros(len(last)),
        2 * right / (shown + truths),
        truths,
    )


def curves(matching: Matching, classes: tuple[str, ...]) -> dict[str, Curve]:
    return {name: curve(matching, number) for number, name in enumerate(classes)}
