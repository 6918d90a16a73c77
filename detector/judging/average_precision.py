"""Average precision and recall as COCO computes them, and counts at one confidence; plain numpy, no files.

Precision is made monotone and read at 101 recalls; what `matching` passed over is neither right nor wrong. Agrees with
pycocotools to 1e-6 (a test). Source: Lin et al., "Microsoft COCO", 2014; cocoeval.py for the order of equal scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from detector.judging.found import Found as Found
from detector.judging.found import Least, sure_of
from detector.judging.found import overlaps as overlaps
from detector.judging.matching import MAX_DETECTIONS as MAX_DETECTIONS
from detector.judging.matching import Matching

RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class ClassScore:
    """A class over a data set; None where it has no truth (ap) or the ratio has no denominator.

    ap50, ap50_95: at IoU .5, and the mean over .5:.05:.95.  tp, fp, fn: at IoU .5 and the confidence given.
    """

    ap50: float | None
    ap50_95: float | None
    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float | None:
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        wrong = self.fp + self.fn
        return 2 * self.tp / (2 * self.tp + wrong) if self.tp + wrong else None


def average_precision(hits: np.ndarray, passed: np.ndarray, scores: np.ndarray, truths: int) -> np.ndarray:
    """(T,) AP of a class. hits, passed: (T, N) of all pictures' detections, picture after picture.  scores: (N,)."""
    order = np.argsort(-scores, kind="mergesort")
    ap = np.zeros(len(hits))
    for row, (hit, out) in enumerate(zip(hits[:, order], passed[:, order], strict=True)):
        at = np.flatnonzero(hit)
        ranks = (~out).cumsum()[at] if out.any() else at + 1
        right = np.arange(1, len(at) + 1)
        ap[row] = read_at_recalls(right / (ranks + np.spacing(1)), right / truths)
    return ap


def read_at_recalls(precision: np.ndarray, recall: np.ndarray) -> float:
    """The mean at 101 recalls of precision made monotone, given at each right detection, best score first."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return float(best[at[at < len(best)]].sum() / len(RECALLS))


def score_classes(matching: Matching, classes: int, least: Least) -> list[ClassScore]:
    """A score a class, over boxes of every size."""
    return [_score(matching, number, least) for number in range(classes)]


def _score(matching: Matching, number: int, least: Least) -> ClassScore:
    own = matching.of_class(number)
    hits, passed, scores = matching.hits[0][:, own], matching.passed[0][:, own], matching.scores[own]
    total = matching.total(number)
    sure = sure_of(scores, matching.classes[own], least)
    right, wrong = int(hits[0, sure].sum()), int((sure & ~hits[0] & ~passed[0]).sum())
    ap = average_precision(hits, passed, scores, total) if total else None
    return ClassScore(
        ap50=None if ap is None else float(ap[0]),
        ap50_95=None if ap is None else float(ap.mean()),
        tp=right,
        fp=wrong,
        fn=total - right,
    )


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are numbers; None where none is."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None
