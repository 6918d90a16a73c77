"""Average precision as COCO computes it, and counts at one confidence; plain numpy, no files.

COCO's rules: in a picture, detections of a class in falling score take the still unmatched truth they overlap most,
if the IoU reaches the threshold; at most 100 detections a picture and class; precision made monotone and read at 101
recalls. IoU has no +1. Agrees with pycocotools to 1e-6 (a test). Limit: no crowd regions, no area ranges.
Source: Lin et al., "Microsoft COCO", 2014; cocoeval.py for the order of equal scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100


@dataclass(frozen=True)
class Found:
    """One picture's boxes. xyxy: (N, 4) float64, pixels.  classes: (N,) int.  scores: (N,), of detections."""

    xyxy: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


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


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of (N, 4) with (M, 4), xyxy: (N, M) float64; zero-area boxes score 0."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def match(detections: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Which detections hit, at each threshold: (T, N) bool. `detections` (N, 4) best first, `truths` (M, 4)."""
    hits = np.zeros((len(THRESHOLDS), len(detections)), dtype=bool)
    if not len(detections) or not len(truths):
        return hits
    overlap = overlaps(detections, truths)
    free = np.ones((len(THRESHOLDS), len(truths)), dtype=bool)
    rows, reach = np.arange(len(THRESHOLDS)), np.minimum(THRESHOLDS, 1 - 1e-10)
    for d in np.flatnonzero(overlap.max(axis=1) >= reach[0]):
        candidates = np.where(free, overlap[d], -1.0)
        # Of equal overlaps COCO's loop ends with the last.
        best = len(truths) - 1 - candidates[:, ::-1].argmax(axis=1)
        hit = candidates[rows, best] >= reach
        hits[hit, d] = True
        free[rows[hit], best[hit]] = False
    return hits


def average_precision(hits: np.ndarray, scores: np.ndarray, truths: int) -> np.ndarray:
    """(T,) AP of a class. hits: (T, N) of all pictures' detections, picture after picture.  scores: (N,)."""
    order = np.argsort(-scores, kind="mergesort")
    right = hits[:, order].cumsum(axis=1).astype(np.float64)
    recall = right / truths
    precision = right / (np.arange(len(scores)) + 1 + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    found = np.zeros((len(hits), len(RECALLS)))
    for row in range(len(hits)):
        at = np.searchsorted(recall[row], RECALLS, side="left")
        reached = at < len(scores)
        found[row, reached] = precision[row, at[reached]]
    return found.mean(axis=1)


def score_class(detections: list[Found], truths: list[Found], number: int, confidence: float) -> ClassScore:
    """Score one class; `detections` and `truths` are lists of the same pictures."""
    hits, scores, total = [], [], 0
    for found, true in zip(detections, truths, strict=True):
        own = np.flatnonzero(found.classes == number)
        own = own[np.argsort(-found.scores[own], kind="mergesort")][:MAX_DETECTIONS]
        wanted = true.xyxy[true.classes == number]
        hits.append(match(found.xyxy[own], wanted))
        scores.append(found.scores[own])
        total += len(wanted)
    all_hits, all_scores = np.concatenate(hits, axis=1), np.concatenate(scores)
    sure = all_scores >= confidence
    right = int(all_hits[0, sure].sum())
    ap = average_precision(all_hits, all_scores, total) if total else None
    return ClassScore(
        ap50=None if ap is None else float(ap[0]),
        ap50_95=None if ap is None else float(ap.mean()),
        tp=right,
        fp=int(sure.sum()) - right,
        fn=total - right,
    )


def mean(values: list[float | None]) -> float | None:
    """The mean of those that are numbers; None where none is."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None
