"""The part of `Options` that makes the loss. No heavy imports."""

from __future__ import annotations

from dataclasses import dataclass

from detector.errors import UserError
from detector.loss.settings import BOX_FORMS, CLASS_WEIGHTS, OVER, LossSettings
from detector.training.setting import LOSS, setting


@dataclass(frozen=True)
class LossOptions:
    box_loss: str = setting(LOSS, "ciou", "Of boxes; yolov3: the original's squared error.", words=BOX_FORMS)
    box_gain: float = setting(LOSS, 5.0, "Weight of the box term.", low=0)
    objectness_gain: float = setting(LOSS, 1.0, "Weight of the objectness term.", low=0)
    class_gain: float = setting(LOSS, 1.0, "Weight of the class term.", low=0)
    positive_iou: float = setting(
        LOSS, 0.213, "Shape IoU above which further anchors answer for a truth; 1: the best alone.", low=0, high=1
    )
    ignore_iou: float = setting(
        LOSS, 0.7, 'IoU above which a predicted box near a truth is not told "nothing here".', low=0, high=1
    )
    ignore_share: float = setting(
        LOSS, 0.5, "Share of a predicted box in an ignore region from which on it is not either.", low=0, high=1
    )
    objectness_gamma: float = setting(LOSS, 0.0, "Of the focal loss on objectness; 0: cross entropy.", low=0)
    objectness_alpha: float | None = setting(
        LOSS, None, "Weight of what is there, 1 - it of what is not. [1 and 1]", float, low=0, high=1
    )
    class_gamma: float = setting(LOSS, 0.0, "Of the focal loss on classes.", low=0)
    class_alpha: float | None = setting(LOSS, None, "As --objectness-alpha. [1 and 1]", float, low=0, high=1)
    class_weights: str = setting(
        LOSS, "none", "Rare classes count more, by how many boxes they have.", words=CLASS_WEIGHTS
    )
    class_weights_beta: float = setting(LOSS, 0.999, "Of effective.", low=0, high=0.999999)
    label_smoothing: float = setting(LOSS, 0.0, "Share of a class target split between yes and no.", low=0, high=0.99)
    objectness_balance: str = setting(LOSS, "1,1,1", "Weights of the heads of stride 8, 16, and 32 and more.")
    objectness_over: str = setting(
        LOSS,
        "slots",
        "Objectness is divided by the slots that answer for a truth, or by each head's cells.",
        words=OVER,
    )

    @property
    def loss(self) -> LossSettings:
        return LossSettings(
            form=self.box_loss,
            box=self.box_gain,
            objectness=self.objectness_gain,
            classes=self.class_gain,
            positive=self.positive_iou,
            ignore=self.ignore_iou,
            region=self.ignore_share,
            objectness_gamma=self.objectness_gamma,
            objectness_alpha=self.objectness_alpha,
            classes_gamma=self.class_gamma,
            classes_alpha=self.class_alpha,
            class_weights=self.class_weights,
            beta=self.class_weights_beta,
            smoothing=self.label_smoothing,
            balance=_three(self.objectness_balance),
            objectness_over=self.objectness_over,
        )


def _three(text: str) -> tuple[float, float, float]:
    try:
        a, b, c = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError("--objectness-balance", repr(text), "three numbers with commas, such as 4,1,0.4") from error
    return a, b, c
