"""How the loss is put together, as one value: checked here, read by `loss.py`. Free of torch, so that --help is.

Sources: Redmon & Farhadi, "YOLOv3", 2018 (positive, ignore); Lin et al., "Focal Loss", 2017 (gamma, alpha); Cui et
al., "Class-Balanced Loss", 2019 (class_weights, beta).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from detector.errors import UserError

BOX_FORMS = ("ciou", "diou", "giou", "iou", "yolov3")
CLASS_WEIGHTS = ("none", "inverse", "sqrt-inverse", "effective")
OVER = ("slots", "cells")
EVEN, FINE_FIRST = (1.0, 1.0, 1.0), (4.0, 1.0, 0.4)


@dataclass(frozen=True)
class LossSettings:
    """Weights of the terms, and what each is made of.

    form: of the box term; "yolov3" is the original's squared error.  box, objectness, classes: weights.
    positive: shape IoU above which further anchors answer for a truth (1: the best one alone).
    ignore: IoU with a truth above which a predicted box is not told "nothing here" (1: all are told).
    region: share of a predicted box in an ignore region from which on it is not told so either.
    objectness_gamma, classes_gamma: of the focal loss, 0 for plain cross entropy.  objectness_alpha, classes_alpha:
    weight of what is there, 1 - alpha of what is not; None for 1 and 1.
    class_weights: of a truth's class term, by how many boxes its class has; beta: of "effective".
    smoothing: share of a class target that is split evenly between yes and no.
    balance: weights of the objectness of heads of stride 8, 16, and 32 and more.
    objectness_over: what objectness is divided by: "slots" that answer for a truth, as the other terms are, or each
    head's "cells" that count.
    """

    form: str = "ciou"
    box: float = 5.0
    objectness: float = 1.0
    classes: float = 1.0
    positive: float = 0.213
    ignore: float = 0.7
    region: float = 0.5
    objectness_gamma: float = 0.0
    objectness_alpha: float | None = None
    classes_gamma: float = 0.0
    classes_alpha: float | None = None
    class_weights: str = "none"
    beta: float = 0.999
    smoothing: float = 0.0
    balance: tuple[float, float, float] = EVEN
    objectness_over: str = "slots"

    def __post_init__(self) -> None:
        """Raises UserError, naming the setting, where a value makes no loss."""
        object.__setattr__(self, "balance", tuple(self.balance))
        _one_of("form", self.form, BOX_FORMS)
        _one_of("class_weights", self.class_weights, CLASS_WEIGHTS)
        _one_of("objectness_over", self.objectness_over, OVER)
        for name in ("box", "objectness", "classes", "objectness_gamma", "classes_gamma"):
            _within(name, getattr(self, name), 0, math.inf)
        for name in ("positive", "ignore", "region", "objectness_alpha", "classes_alpha"):
            _within(name, getattr(self, name), 0, 1)
        for name in ("beta", "smoothing"):
            _within(name, getattr(self, name), 0, 1, below=True)
        if len(self.balance) != 3:
            raise UserError("loss: balance", f"{len(self.balance)} values", "3: for stride 8, 16 and 32")
        for value in self.balance:
            _within("balance", value, 0, math.inf)

    def head_weight(self, stride: int) -> float:
        """What the objectness of a head of `stride` counts."""
        return self.balance[min(2, max(0, round(math.log2(stride / 8))))]


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"loss: {name}", repr(value), f"one of {', '.join(known)}")


def _within(name: str, value: float | None, low: float, high: float, below: bool = False) -> None:
    if value is None:
        return
    if not (low <= value <= high and math.isfinite(value)) or (below and value == high):
        limits = "0 or more" if high == math.inf else f"{low:g} to {'below ' if below else ''}{high:g}"
        raise UserError(f"loss: {name}", f"{value:g}", limits)
