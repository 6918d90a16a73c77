"""A finished run in figures: everything numeric under one name each, and what is drawn from.

Names: `map50`, `ap50_<class>`, `recall_at_p90_<class>` (the best recall at a precision of .9), `tp_at_25_<class>` (at
confidence .25), `tp_best_<class>` (at the confidence of the best F1), `ap50_<size>_<class>`, `conf_at_r80_<class>` and
`precision_at_r80_<class>` (what a recall of .8 asks for, and leaves), `ece_<class>`. None: not defined, or not reached.
Limit: confidences of the best F1, of a precision, of a recall are chosen on the pictures that they are judged on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detector.experiments.records import Found, Record
from detector.judging.average_precision import ClassScore, score_classes
from detector.judging.calibration import Calibration, calibrations
from detector.judging.coco_report import CocoReport, report_of, size_bins
from detector.judging.costs import confusions
from detector.judging.curves import Curve, curves
from detector.judging.matching import Matching, match
from detector.judging.paired import Draws, draw
from detector.judging.thresholds import best_f1, for_precision, for_recall

CONFIDENCE = 0.25
PRECISIONS, RECALLS = (0.9, 0.5), (0.9, 0.8)
EDGES = (16, 32, 96)  # of the sides of boxes: finer bins would hold too few of a rare class
DRAWS = 2000
Values = dict[str, float | None]


@dataclass(frozen=True)
class Judged:
    """values: by name.  confusions: (K, C + 1, C + 1), at each of `costs.CONFIDENCES`.  draws: for comparisons."""

    record: Record
    values: Values
    calibrations: dict[str, Calibration]
    confusions: np.ndarray
    draws: Draws


def judge_run(record: Record, found: Found, draws: int = DRAWS) -> Judged:
    truths = [one.truth for one in found.pictures]
    boxes = [one.found for one in found.pictures]
    sizes = size_bins(EDGES)
    matching = match(boxes, truths, areas=[(0.0, np.inf), *sizes.values()])
    first = replace(matching, hits=matching.hits[:1, :1], passed=matching.passed[:1, :1])
    sure = calibrations(first, found.classes)
    values = _whole(matching, found.classes) | _sizes(report_of(matching, found.classes, tuple(sizes)))
    for name, one in curves(first, found.classes).items():
        values |= _points(name, one)
        values[f"ece_{name}"], values[f"surplus_{name}"] = sure[name].error, sure[name].surplus
    return Judged(
        record,
        values,
        sure,
        confusions(boxes, truths, len(found.classes)),
        draw(first, len(found.classes), len(truths), draws),
    )


def _whole(matching: Matching, classes: tuple[str, ...]) -> Values:
    """What `detector evaluate` says first, of each class and of all."""
    scores = dict(zip(classes, score_classes(matching, len(classes), CONFIDENCE), strict=True))
    values: Values = {}
    for key in ("ap50", "ap50_95"):
        known = [v for one in scores.values() if (v := getattr(one, key)) is not None]
        values[f"m{key}"] = sum(known) / len(known) if known else None
        values |= {f"{key}_{name}": getattr(one, key) for name, one in scores.items()}
    total = ClassScore(None, None, *(sum(getattr(one, key) for one in scores.values()) for key in ("tp", "fp", "fn")))
    for name, one in {**scores, "all": total}.items():
        for key in ("precision", "recall", "f1", "tp", "fp", "fn"):
            values[f"{key}_at_25_{name}"] = getattr(one, key)
    return values


def _sizes(report: CocoReport) -> Values:
    values: Values = {f"map50_{size}": one.ap50 for size, one in report.every.sizes.items()}
    for name, of_class in report.classes.items():
        values |= {f"ap50_{size}_{name}": one.ap50 for size, one in of_class.sizes.items()}
    return values


def _points(name: str, curve: Curve) -> Values:
    """Where on its curve a class can be worked: at the best F1, at a precision, at a recall."""
    best = best_f1(curve)
    values: Values = dict.fromkeys(f"{key}_best_{name}" for key in ("conf", "precision", "recall", "f1"))
    if best is not None:
        values = {
            f"{key}_best_{name}": v for key, v in zip(("conf", "precision", "recall", "f1"), _four(best), strict=True)
        }
    tp = round(best.recall * curve.truths) if best else 0
    values[f"tp_best_{name}"], values[f"fn_best_{name}"] = tp, curve.truths - tp
    values[f"fp_best_{name}"] = round(tp / best.precision) - tp if best else 0
    for wanted in PRECISIONS:
        reached = for_precision(curve, wanted)
        none = 0.0 if curve.truths else None  # a precision that is never reached finds nothing
        values[f"recall_at_p{wanted * 100:.0f}_{name}"] = reached.recall if reached else none
    for wanted in RECALLS:
        reached = for_recall(curve, wanted)
        values[f"conf_at_r{wanted * 100:.0f}_{name}"] = reached.confidence if reached else None
        values[f"precision_at_r{wanted * 100:.0f}_{name}"] = reached.precision if reached else None
    return values


def _four(one: object) -> Iterator[float]:
    return (getattr(one, key) for key in ("confidence", "precision", "recall", "f1"))


def size_names() -> tuple[str, ...]:
    return tuple(size_bins(EDGES))
