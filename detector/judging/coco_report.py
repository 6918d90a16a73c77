"""COCO's summary of a detector: AP and AR, by class and by the size of boxes.

Sizes are COCO's own by area in the picture's own pixels (small up to 32², medium up to 96², large), and bins of side,
the root of the area, which may be finer where objects are small. A box on the edge between two bins is in the upper
one; on the edge between two of COCO's sizes in both, as COCO has it. Agrees with pycocotools (a test).
Source: Lin et al., "Microsoft COCO", 2014; cocoeval.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from detector.judging.average_precision import average_precision, mean
from detector.judging.found import Found, Truth
from detector.judging.matching import Matching, match

BINS = (10, 16, 24, 32, 48, 96)
RECALL_LIMITS = (1, 10, 100)
COCO_SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, np.inf)}


@dataclass(frozen=True)
class SizeScore:
    """Boxes of one range of sizes: how many truths; AP@.5, AP@.5:.95 and AR (at most 100 a picture and class)."""

    truths: int
    ap50: float | None
    ap: float | None
    ar: float | None


@dataclass(frozen=True)
class CocoClass:
    """A class, or all of them: means over the classes that have truths. ar: at most 1, 10, 100 a picture."""

    ap: float | None
    ap50: float | None
    ap75: float | None
    ar: tuple[float | None, ...]
    sizes: dict[str, SizeScore]


@dataclass(frozen=True)
class CocoReport:
    classes: dict[str, CocoClass]
    every: CocoClass

    def as_json(self) -> dict[str, Any]:
        """Plain values; None stands for "not defined"."""
        return {"all": _plain(self.every), "classes": {name: _plain(one) for name, one in self.classes.items()}}

    def table(self) -> str:
        """For people: a line a size for all classes together, then AP@.5 of each class by size."""
        names = list(self.classes)
        width = max(10, *(len(name) + 1 for name in names))
        every = self.every
        lines = [
            f"AP@.5:.95 {_number(every.ap)}   AP@.5 {_number(every.ap50)}   AP@.75 {_number(every.ap75)}   "
            + "   ".join(f"AR@{n} {_number(value)}" for n, value in zip(RECALL_LIMITS, every.ar, strict=True)),
            f"{'side, px':10} {'truths':>7} {'AP@.5:.95':>10} {'AP@.5':>7} {'AR':>7}   AP@.5 of "
            + " ".join(f"{name:>{width}}" for name in names),
        ]
        for size, one in every.sizes.items():
            each = " ".join(f"{_number(self.classes[name].sizes[size].ap50):>{width}}" for name in names)
            figures = f"{one.truths:>7} {_number(one.ap):>10} {_number(one.ap50):>7} {_number(one.ar):>7}"
            lines.append(f"{size:10} {figures}            {each}")
        return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _plain(one: CocoClass) -> dict[str, Any]:
    ar = {f"ar{limit}": value for limit, value in zip(RECALL_LIMITS, one.ar, strict=True)}
    return {"ap": one.ap, "ap50": one.ap50, "ap75": one.ap75, **ar, "sizes": {k: vars(s) for k, s in one.sizes.items()}}


def size_bins(edges: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Ranges of area for sides below, between and above `edges`; named for people."""
    sides = [0.0, *map(float, edges), np.inf]
    names = [f"<{edges[0]:g}", *(f"{a:g}-{b:g}" for a, b in pairwise(edges)), f">={edges[-1]:g}"]
    upper = [np.nextafter(side**2, 0) if np.isfinite(side) else np.inf for side in sides[1:]]
    return {name: (low**2, high) for name, low, high in zip(names, sides, upper, strict=False)}


def coco_report(
    detections: Sequence[Found],
    truths: Sequence[Found | Truth],
    classes: tuple[str, ...],
    bins: Sequence[float] = BINS,
) -> CocoReport:
    """COCO's figures of lists of the same pictures. bins: sides in pixels at which sizes are divided, rising."""
    sizes = COCO_SIZES | (size_bins(bins) if bins else {})
    matching = match(detections, truths, areas=[(0.0, np.inf), *sizes.values()])
    return report_of(matching, classes, tuple(sizes))


def report_of(matching: Matching, classes: tuple[str, ...], sizes: tuple[str, ...]) -> CocoReport:
    """The report of a matching whose first range is every size, and whose others are called `sizes`."""
    each = {name: _class(matching, number, sizes) for number, name in enumerate(classes)}
    many = list(each.values())
    every = CocoClass(
        mean(one.ap for one in many),
        mean(one.ap50 for one in many),
        mean(one.ap75 for one in many),
        tuple(mean(one.ar[i] for one in many) for i in range(len(RECALL_LIMITS))),
        {size: _together([one.sizes[size] for one in many]) for size in sizes},
    )
    return CocoReport(each, every)


def _together(many: list[SizeScore]) -> SizeScore:
    return SizeScore(
        sum(one.truths for one in many),
        mean(one.ap50 for one in many),
        mean(one.ap for one in many),
        mean(one.ar for one in many),
    )


def _class(matching: Matching, number: int, sizes: tuple[str, ...]) -> CocoClass:
    aps = [_ap(matching, number, size) for size in range(len(sizes) + 1)]
    ars = [_ar(matching, number, size, RECALL_LIMITS[-1]) for size in range(len(sizes) + 1)]
    whole = aps[0]
    by_size = {
        name: SizeScore(
            matching.total(number, i),
            None if aps[i] is None else float(aps[i][0]),
            None if aps[i] is None else float(aps[i].mean()),
            ars[i],
        )
        for i, name in enumerate(sizes, start=1)
    }
    return CocoClass(
        None if whole is None else float(whole.mean()),
        None if whole is None else float(whole[0]),
        None if whole is None else float(whole[5]),
        tuple(_ar(matching, number, 0, limit) for limit in RECALL_LIMITS),
        by_size,
    )


def _ap(matching: Matching, number: int, size: int) -> Any:
    """(T,) AP of a class and size; None where it has no truth."""
    own, total = matching.of_class(number), matching.total(number, size)
    if not total:
        return None
    return average_precision(matching.hits[size][:, own], matching.passed[size][:, own], matching.scores[own], total)


def _ar(matching: Matching, number: int, size: int, limit: int) -> float | None:
    own, total = matching.of_class(number), matching.total(number, size)
    if not total:
        return None
    return float((matching.hits[size][:, own] & (matching.rank[own] < limit)).sum(axis=1).mean() / total)
