"""Pascal VOC's AP at IoU .5: the 11-point mean of VOC 2007, and the area under the curve of VOC 2010 and later.

A detection means the truth of its class that it overlaps most; the first, in falling score, is right from an IoU of
.5 on, every further one a false alarm; what means a difficult object is passed over. Boxes here are half-open, so no
pixel is added, as VOC does for its inclusive corners.
Source: Everingham et al., "The Pascal Visual Object Classes Challenge", 2010, section 4.2; development kits 2007, 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.judging.average_precision import mean
from detector.judging.found import Found, Truth, as_truth
from detector.judging.meant import firsts, in_regions, meant, offsets

LEAST = 0.5


@dataclass(frozen=True)
class VocClass:
    """ap11: mean of the best precision at recalls 0, .1 ... 1.  area: under the curve. None without truths."""

    ap11: float | None
    area: float | None
    truths: int


@dataclass(frozen=True)
class VocReport:
    classes: dict[str, VocClass]

    @property
    def every(self) -> VocClass:
        many = list(self.classes.values())
        return VocClass(mean(one.ap11 for one in many), mean(one.area for one in many), sum(one.truths for one in many))

    def as_json(self) -> dict[str, Any]:
        return {"all": vars(self.every), "classes": {name: vars(one) for name, one in self.classes.items()}}

    def table(self) -> str:
        width = max(5, *(len(name) for name in self.classes))
        lines = [f"{'class':{width}} {'truths':>7} {'AP area':>8} {'AP 11-point':>12}"]
        for name, one in [*self.classes.items(), ("all", self.every)]:
            area, points = ("-" if value is None else f"{value:.3f}" for value in (one.area, one.ap11))
            lines.append(f"{name:{width}} {one.truths:>7} {area:>8} {points:>12}")
        lines.append("Pascal VOC's AP at IoU .5; 'all' is the mean over the classes that have truths.")
        return "\n".join(lines)


def voc_report(detections: Sequence[Found], truths: Sequence[Found | Truth], classes: tuple[str, ...]) -> VocReport:
    known = [as_truth(one) for one in truths]
    rows = [
        _picture(found, true, int(start)) for found, true, start in zip(detections, known, offsets(known), strict=True)
    ]
    truth, score, number = (np.concatenate([np.zeros(0), *column]) for column in zip(*rows, strict=True))
    labels = np.concatenate([np.zeros(0, int), *(one.classes[~one.passed_over] for one in known)])
    return VocReport(
        {
            name: _class(truth[number == i], score[number == i], int((labels == i).sum()))
            for i, name in enumerate(classes)
        }
    )


def _picture(found: Found, truth: Truth, start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each detection that is judged: the number of the truth it hits, -1 for none; its score; its class."""
    best, overlap = meant(found, truth)
    hit = (best >= 0) & (overlap >= LEAST)
    passed = np.where(hit, truth.passed_over[best] if len(truth.classes) else False, in_regions(found, truth))
    kept = ~passed.astype(bool)
    return np.where(hit, start + best, -1)[kept], found.scores[kept], found.classes[kept]


def _class(truth: np.ndarray, score: np.ndarray, truths: int) -> VocClass:
    if not truths:
        return VocClass(None, None, 0)
    right = firsts(truth[np.argsort(-score, kind="stable")])
    recall = right.cumsum() / truths
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.arange(11) / 10)
    points = best[at[at < len(best)]].sum() / 11
    return VocClass(float(points), float((np.diff(recall, prepend=0.0) * best).sum()), truths)
