"""Darknet's report (`darknet detector map`), in its own lines and by its own arithmetic, or, on request, corrected.

As Darknet has it: every score above .005 counts; a detection means the truth of its class that it overlaps most, if
the IoU is above .5; in falling score the first that means a truth is right, every further one wrong. AP is the area
under the curve of precision made monotone; the mean is over all classes, those without truths as 0. TP, FP and the
average IoU are at scores above .25, in the *order in which Darknet lists the boxes* (that of the last class's scores,
after its suppression): a box below .25 that comes first takes the truth. The average IoU is the sum over TP divided by
TP + FP.
`corrected`: TP and FP in falling score, the average IoU over TP, the mean over the classes that have truths.
Crowds, difficult objects and regions that judge nothing take no part. Limit: our letterbox stays, where Darknet
stretches.
Source: AlexeyAB's Darknet, its behaviour; the tests hold a slow reference of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.boxes import Letterbox, suppress
from detector.detecting.runtime import Runtime
from detector.judging.found import Found, Truth, as_truth
from detector.judging.meant import firsts, in_regions, meant, offsets

LOWEST, NMS, LEAST, CONFIDENCE = 0.005, 0.45, 0.5, 0.25


@dataclass(frozen=True)
class DarknetClass:
    """ap: in [0, 1].  tp, fp: above the confidence."""

    name: str
    ap: float
    tp: int
    fp: int
    truths: int


@dataclass(frozen=True)
class DarknetReport:
    classes: tuple[DarknetClass, ...]
    detections: int
    confidence: float
    average_iou: float
    corrected: bool

    @property
    def truths(self) -> int:
        return sum(one.truths for one in self.classes)

    @property
    def counts(self) -> tuple[int, int, int]:
        """TP, FP, FN."""
        tp = sum(one.tp for one in self.classes)
        return tp, sum(one.fp for one in self.classes), self.truths - tp

    @property
    def ratios(self) -> tuple[float, float, float]:
        """precision, recall, F1; nan without a denominator."""
        tp, fp, fn = self.counts
        precision, recall = tp / (tp + fp) if tp + fp else nan, tp / (tp + fn) if tp + fn else nan
        total = precision + recall
        return precision, recall, 2 * precision * recall / total if total else nan

    @property
    def mean_ap(self) -> float:
        counted = [one.ap for one in self.classes if one.truths or not self.corrected]
        return sum(counted) / len(counted) if counted else nan

    def lines(self) -> str:
        """What Darknet prints."""
        (tp, fp, fn), (precision, recall, f1) = self.counts, self.ratios
        at, share = f"for conf_thresh = {self.confidence:.2f}", self.mean_ap
        each = [
            f"class_id = {i}, name = {one.name}, ap = {one.ap * 100:.2f}%   \t (TP = {one.tp}, FP = {one.fp}) "
            for i, one in enumerate(self.classes)
        ]
        return "\n".join(
            [
                f" detections_count = {self.detections}, unique_truth_count = {self.truths}  ",
                *each,
                "",
                f" {at}, precision = {precision:.2f}, recall = {recall:.2f}, F1-score = {f1:.2f} ",
                f" {at}, TP = {tp}, FP = {fp}, FN = {fn}, average IoU = {self.average_iou * 100:.2f} % ",
                "",
                f" IoU threshold = {LEAST * 100:.0f} %, used Area-Under-Curve for each unique Recall ",
                f" mean average precision (mAP@{LEAST:.2f}) = {share:.6f}, or {share * 100:.2f} % ",
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values; None stands for "not defined"."""
        names = ("precision", "recall", "f1", "average_iou", "map50")
        figures = (*self.ratios, self.average_iou, self.mean_ap)
        return {
            "detections_count": self.detections,
            "unique_truth_count": self.truths,
            "conf_thresh": self.confidence,
            "corrected": self.corrected,
            **dict(zip(("tp", "fp", "fn"), self.counts, strict=True)),
            **{name: None if value != value else value for name, value in zip(names, figures, strict=True)},
            "classes": [vars(one) for one in self.classes],
        }


def darknet_batch(run: Runtime, squares: Tensor, boxes: list[Letterbox]) -> list[Found]:
    """Detections as Darknet's `map` lists them, and in that order; not clipped to the picture."""
    with torch.inference_mode():
        xyxy, scores = (part.cpu() for part in run(squares))
        return [listed(box.out_of(xyxy[i]), scores[i]) for i, box in enumerate(boxes)]


def listed(xyxy: Tensor, scores: Tensor) -> Found:
    """xyxy: (N, 4).  scores: (N, C).  Each class sorts the boxes anew before it is thinned; the last decides."""
    scores = torch.where(scores > LOWEST, scores, 0)
    order = scores.any(dim=1).nonzero()[:, 0]
    xyxy, scores = xyxy[order].double(), scores[order].clone()
    for number in range(scores.shape[1]):
        again = torch.argsort(scores[:, number], descending=True, stable=True)
        xyxy, scores = xyxy[again], scores[again]
        own = scores[:, number].nonzero()[:, 0]
        kept = own[suppress(xyxy[own], scores[own, number], torch.zeros_like(own), NMS)]
        thinned = torch.zeros_like(scores[:, number])
        thinned[kept] = scores[kept, number]
        scores[:, number] = thinned
    row, number_ = scores.nonzero(as_tuple=True)
    return Found(xyxy[row].numpy(), number_.numpy(), scores[row, number_].numpy().astype(np.float64))


def darknet_report(
    detections: Sequence[Found],
    truths: Sequence[Found | Truth],
    classes: tuple[str, ...],
    confidence: float = CONFIDENCE,
    corrected: bool = False,
) -> DarknetReport:
    """The report of lists of the same pictures, each picture's detections in Darknet's order."""
    known = [as_truth(one) for one in truths]
    rows = [
        _picture(found, true, int(start), confidence, corrected)
        for found, true, start in zip(detections, known, offsets(known), strict=True)
    ]
    truth, score, number, overlap, right = (
        np.concatenate([np.zeros(0), *column]) for column in zip(*rows, strict=True)
    )
    labels = np.concatenate([np.zeros(0, int), *(one.classes[~one.passed_over] for one in known)])
    sure, right = score > confidence, right.astype(bool)
    each = []
    for i, name in enumerate(classes):
        own, total = number == i, int((labels == i).sum())
        ap = _area(truth[own], score[own], total)
        tp = int((own & right).sum())
        each.append(DarknetClass(name, ap, tp, int((own & sure).sum()) - tp, total))
    shown = right.sum() if corrected else sure.sum()
    average = float(overlap[right].sum() / shown) if shown else 0.0
    return DarknetReport(tuple(each), len(score), confidence, average, corrected)


def _picture(found: Found, truth: Truth, start: int, confidence: float, corrected: bool) -> tuple[np.ndarray, ...]:
    """Of each detection: its truth's number or -1, score, class, IoU, and whether it is right above the confidence."""
    real = ~truth.passed_over
    best, overlap = meant(found, Truth(truth.xyxy[real], truth.classes[real]))
    hit = (best >= 0) & (overlap > LEAST)
    crowd = None if truth.crowd is None else truth.crowd[~real]
    other, share = meant(found, Truth(truth.xyxy[~real], truth.classes[~real], crowd))
    kept = hit | ~(((other >= 0) & (share > LEAST)) | in_regions(found, truth))
    best, overlap, score, number = (
        part[kept] for part in (np.where(hit, best, -1), overlap, found.scores, found.classes)
    )
    order = np.argsort(-score, kind="stable") if corrected else np.arange(len(score))
    right = np.zeros(len(score), dtype=bool)
    right[order] = firsts(best[order])
    return np.where(best >= 0, start + best, -1), score, number, overlap, right & (score > confidence)


def _area(truth: np.ndarray, score: np.ndarray, truths: int) -> float:
    if not len(score) or not truths:
        return 0.0
    right = firsts(truth[np.argsort(-score, kind="stable")]).cumsum()
    recall, precision = right / truths, right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * best).sum())
