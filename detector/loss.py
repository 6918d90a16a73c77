"""What training minimises: which cell answers for which truth, and the three terms.

Assignment: by shape IoU, the best anchor over *all* heads answers for a truth, in the cell that holds its centre,
and so does any other anchor above `positive`. A slot (picture, anchor, cell) answers for one truth, the one that
fits its anchor best. Cells whose *predicted* box overlaps a truth by more than `ignore` are not told "nothing here".
Terms: CIoU for boxes (Zheng et al., "Distance-IoU Loss", 2020), binary cross entropy for objectness and classes.
Source: Redmon & Farhadi, "YOLOv3", 2018, section 2.1-2.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.boxes import decode, iou, shape_iou, to_xyxy


@dataclass(frozen=True)
class LossSettings:
    """positive: shape IoU of an extra anchor.  ignore: IoU of a predicted box.  The rest: weights of the terms."""

    positive: float = 0.213
    ignore: float = 0.7
    box: float = 5.0
    objectness: float = 1.0
    classes: float = 1.0


@dataclass(frozen=True)
class Terms:
    """Each a scalar, weighted already and divided by `count`, the slots that answer for a truth. `total` is their sum.

    By `count` the means of parts of a batch, on one device or several, are put together to that of the whole.
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


@dataclass(frozen=True)
class Slots:
    """Where one head answers. picture, anchor, row, column, truth: (P,) int64; truth is an index into the truths."""

    picture: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    truth: Tensor

    @property
    def index(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.picture, self.anchor, self.row, self.column


def assign(
    truths: Tensor, anchors_wh: list[Tensor], strides: list[int], side_hw: tuple[int, int], positive: float
) -> list[Slots]:
    """The slots of each head.

    truths: (N, 6): picture, class, cx cy w h in pixels of the network's input.  side_hw: of that input.
    """
    together = torch.cat(anchors_wh).to(truths)
    fit = shape_iou(truths[:, 4:6], together)
    answers = fit > positive
    if len(truths):
        answers[torch.arange(len(truths), device=truths.device), fit.argmax(dim=1)] = True
    found, first = [], 0
    for anchors, stride in zip(anchors_wh, strides, strict=True):
        last = first + len(anchors)
        truth, anchor = answers[:, first:last].nonzero(as_tuple=True)
        rows, columns = side_hw[0] // stride, side_hw[1] // stride
        column = (truths[truth, 2] / stride).long().clamp(0, columns - 1)
        row = (truths[truth, 3] / stride).long().clamp(0, rows - 1)
        picture = truths[truth, 0].long()
        slot = ((picture * len(anchors) + anchor) * rows + row) * columns + column
        one = _one_truth_a_slot(slot, fit[truth, first + anchor])
        found.append(Slots(picture[one], anchor[one], row[one], column[one], truth[one]))
        first = last
    return found


def _one_truth_a_slot(slot: Tensor, fit: Tensor) -> Tensor:
    """Indices of the best fitting entry of each slot (the first of equals), by slot."""
    by_fit = torch.argsort(fit, descending=True, stable=True)
    order = by_fit[torch.argsort(slot[by_fit], stable=True)]
    sorted_slot = slot[order]
    first = torch.ones_like(sorted_slot, dtype=torch.bool)
    first[1:] = sorted_slot[1:] != sorted_slot[:-1]
    return order[first]


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """Complete IoU of boxes pair by pair, (P, 4) and (P, 4) xyxy: (P,), at most 1.

    Zheng et al., 2020, equations 7-11; the weight alpha takes no gradient.
    """
    tiny = torch.finfo(a.dtype).eps
    a_wh, b_wh = (a[:, 2:] - a[:, :2]).clamp(min=tiny), (b[:, 2:] - b[:, :2]).clamp(min=tiny)
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    overlap = shared / (a_wh.prod(dim=1) + b_wh.prod(dim=1) - shared)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    diagonal = hull.square().sum(dim=1) + tiny
    distance = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).square().sum(dim=1) / diagonal
    aspect = 4 / math.pi**2 * (torch.atan(a_wh[:, 0] / a_wh[:, 1]) - torch.atan(b_wh[:, 0] / b_wh[:, 1])).square()
    with torch.no_grad():
        alpha = aspect / (1 - overlap + aspect + tiny)
    return overlap - distance - alpha * aspect


def ignored(boxes: Tensor, truths: Tensor, threshold: float) -> Tensor:
    """Which predicted boxes cover a truth of their picture by more than `threshold`.

    boxes: (B, A, H, W, 4) xyxy.  truths: (N, 6).  Returns (B, A, H, W) bool.
    """
    found = torch.zeros(boxes.shape[:-1], dtype=torch.bool, device=boxes.device)
    corners = to_xyxy(truths[:, 2:6])
    for picture in truths[:, 0].long().unique().tolist():
        own = corners[truths[:, 0] == picture]
        overlap = iou(boxes[picture].reshape(-1, 4), own).amax(dim=1)
        found[picture] = (overlap > threshold).view(found.shape[1:])
    return found


def loss(
    heads: list[Tensor],
    truths: Tensor,
    anchors_wh: list[Tensor],
    strides: list[int],
    settings: LossSettings | None = None,
) -> Terms:
    """The terms for a batch: sums over slots, divided by the number of slots that answer for a truth (at least 1).

    heads: raw, (B, A, H, W, 5 + C) each.  truths: (N, 6) picture, class, cx cy w h in pixels of the input.
    """
    how = settings or LossSettings()
    side_hw = (heads[0].shape[2] * strides[0], heads[0].shape[3] * strides[0])
    truths = truths.to(heads[0])
    all_slots = assign(truths, anchors_wh, strides, side_hw, how.positive)
    corners = to_xyxy(truths[:, 2:6])
    box = objectness = classes = heads[0].new_zeros(())
    for raw, anchors, stride, slots in zip(heads, anchors_wh, strides, all_slots, strict=True):
        predicted = decode(raw, anchors, stride)
        wanted = torch.zeros_like(raw[..., 4])
        wanted[slots.index] = 1.0
        counted = ~ignored(predicted.detach(), truths, how.ignore)
        counted[slots.index] = True
        entropy = F.binary_cross_entropy_with_logits(raw[..., 4], wanted, reduction="none")
        objectness = objectness + (entropy * counted).sum()
        answers = raw[slots.index][:, 5:]
        one_hot = F.one_hot(truths[slots.truth, 1].long(), answers.shape[1]).to(answers)
        classes = classes + F.binary_cross_entropy_with_logits(answers, one_hot, reduction="sum")
        box = box + (1 - ciou(predicted[slots.index], corners[slots.truth])).sum()
    count = max(1, sum(len(slots.truth) for slots in all_slots))
    return Terms(how.box * box / count, how.objectness * objectness / count, how.classes * classes / count, count)
