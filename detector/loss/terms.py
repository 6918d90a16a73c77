"""What training minimises: three terms, of the slots that answer for a truth and of all that must say "nothing here".

Box: 1 - an overlap (`overlaps.py`), or YOLOv3's own squared error of the offsets, each scaled by 2 - the box's share
of the picture. Objectness and class: binary cross entropy, or focal loss (`focal.py`). Not told "nothing here" are
predicted boxes that overlap a truth by more than `ignore`, and those in an ignore region; a slot that answers for a
truth always counts. Terms are float32 at least, whatever autocast says.
Source: Redmon & Farhadi, "YOLOv3", 2018, section 2.1-2.3; assignment is in `assign.py`, settings in `loss_settings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.boxes import decode, to_xyxy
from detector.loss.assign import Slots, assign, ignored, in_region
from detector.loss.focal import focal
from detector.loss.overlaps import FORMS
from detector.loss.settings import LossSettings

__all__ = ["LossSettings", "Terms", "loss"]


@dataclass(frozen=True)
class Terms:
    """Each a scalar, weighted already and divided by `count`, the slots that answer for a truth. `total` is their sum.

    By `count` the means of parts of a batch, on one device or several, are put together to that of the whole; not
    those of an objectness over cells.
    """

    box: Tensor
    objectness: Tensor
    classes: Tensor
    count: int = 1

    @property
    def total(self) -> Tensor:
        return self.box + self.objectness + self.classes

    def values(self) -> Tensor:
        """(3,) without gradient: box, objectness, class."""
        return torch.stack((self.box, self.objectness, self.classes)).detach()


def loss(
    heads: list[Tensor],
    truths: Tensor,
    anchors_wh: list[Tensor],
    strides: list[int],
    settings: LossSettings | None = None,
    *,
    regions: Tensor | None = None,
    weights: Tensor | None = None,
) -> Terms:
    """The terms for a batch: sums over slots, divided by the number of slots that answer for a truth (at least 1).

    heads: raw, (B, A, H, W, 5 + C) each.  truths: (N, 6) picture, class, cx cy w h in pixels of the input.
    regions: (R, 5) picture, cx cy w h, where nothing is judged.  weights: (C,) of the classes, from `class_weights`.
    """
    how = settings or LossSettings()
    with torch.autocast(heads[0].device.type, enabled=False):
        heads = [head.float() if head.dtype in (torch.float16, torch.bfloat16) else head for head in heads]
        truths = truths.to(heads[0])
        regions = truths.new_zeros(0, 5) if regions is None else regions.to(heads[0])
        side_hw = (heads[0].shape[2] * strides[0], heads[0].shape[3] * strides[0])
        all_slots = assign(truths, anchors_wh, strides, side_hw, how.positive)
        count = max(1, sum(len(slots.truth) for slots in all_slots))
        box = objectness = classes = heads[0].new_zeros(())
        for raw, anchors, stride, slots in zip(heads, anchors_wh, strides, all_slots, strict=True):
            predicted = decode(raw, anchors, stride)
            entropy, counted = _objectness(raw, predicted.detach(), stride, slots, truths, regions, how)
            divisor = count if how.objectness_over == "slots" else counted.sum().clamp(min=1)
            objectness = objectness + how.head_weight(stride) * (entropy * counted).sum() / divisor
            classes = classes + _classes(raw, slots, truths, how, weights) / count
            if how.form == "yolov3":
                box = box + _offsets(raw, anchors, stride, slots, truths, side_hw) / count
            else:
                agree = FORMS[how.form](predicted[slots.index], to_xyxy(truths[slots.truth, 2:6]))
                box = box + (1 - agree).sum() / count
        return Terms(how.box * box, how.objectness * objectness, how.classes * classes, count)


def _objectness(
    raw: Tensor, predicted: Tensor, stride: int, slots: Slots, truths: Tensor, regions: Tensor, how: LossSettings
) -> tuple[Tensor, Tensor]:
    """The loss of every slot of a head, and which of them count; both (B, A, H, W)."""
    wanted = torch.zeros_like(raw[..., 4])
    wanted[slots.index] = 1.0
    counted = ~(ignored(predicted, truths, how.ignore) | in_region(predicted, stride, regions, how.region))
    counted[slots.index] = True
    return focal(raw[..., 4], wanted, how.objectness_gamma, how.objectness_alpha), counted


def _classes(raw: Tensor, slots: Slots, truths: Tensor, how: LossSettings, weights: Tensor | None) -> Tensor:
    logits = raw[slots.index][:, 5:]
    numbers = truths[slots.truth, 1].long()
    targets = F.one_hot(numbers, logits.shape[1]).to(logits) * (1 - how.smoothing) + how.smoothing / 2
    each = focal(logits, targets, how.classes_gamma, how.classes_alpha).sum(dim=1)
    return (each if weights is None else each * weights.to(each)[numbers]).sum()


def _offsets(
    raw: Tensor, anchors_wh: Tensor, stride: int, slots: Slots, truths: Tensor, side_hw: tuple[int, int]
) -> Tensor:
    """Half the squared errors of sigmoid(tx), sigmoid(ty), tw, th, times 2 - w h in shares of the picture."""
    own, guess = truths[slots.truth], raw[slots.index]
    cell = torch.stack((slots.column, slots.row), dim=1)
    centre = (own[:, 2:4] / stride - cell).clamp(0, 1)
    size = torch.log(own[:, 4:6].clamp(min=torch.finfo(raw.dtype).eps) / anchors_wh.to(raw)[slots.anchor])
    scale = 2 - own[:, 4] * own[:, 5] / (side_hw[0] * side_hw[1])
    squares = (guess[:, :2].sigmoid() - centre).square() + (guess[:, 2:4] - size).square()
    return (scale * squares.sum(dim=1)).sum() / 2
