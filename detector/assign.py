"""Which cell and anchor answers for which truth: assignment, and the predicted boxes that are not told "nothing here".

By shape IoU, the best anchor over *all* heads answers for a truth, in the cell that holds its centre, and so does any
other anchor above `positive`. A slot (picture, anchor, cell) answers for one truth, the one that fits its anchor best.
Source: Redmon & Farhadi, "YOLOv3", 2018, section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from detector.boxes import area, iou, shape_iou, to_xyxy


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


def in_region(boxes: Tensor, stride: int, regions: Tensor, share: float) -> Tensor:
    """Which predicted boxes lie in an ignore region: `share` of the box and more, or the centre of its cell.

    boxes: (B, A, H, W, 4) xyxy.  regions: (R, 5): picture, cx cy w h in pixels.  Returns (B, A, H, W) bool.
    """
    rows, columns = boxes.shape[2:4]
    found = torch.zeros(boxes.shape[:-1], dtype=torch.bool, device=boxes.device)
    corners = to_xyxy(regions[:, 1:5])
    x = ((torch.arange(columns, device=boxes.device) + 0.5) * stride).expand(rows, columns)
    y = ((torch.arange(rows, device=boxes.device) + 0.5) * stride)[:, None].expand(rows, columns)
    for picture in regions[:, 0].long().unique().tolist():
        own = corners[regions[:, 0] == picture]
        left, top, right, bottom = own[:, :, None, None].unbind(1)
        centred = ((x >= left) & (x < right) & (y >= top) & (y < bottom)).any(dim=0)
        covered = _covered(boxes[picture].reshape(-1, 4), own) >= share
        found[picture] = covered.view(found.shape[1:]) | centred
    return found


def _covered(boxes: Tensor, regions: Tensor) -> Tensor:
    """Largest share of each box, (N, 4) xyxy, that is in one of the regions, (R, 4)."""
    low = torch.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    return (shared / area(boxes)[:, None].clamp(min=torch.finfo(boxes.dtype).tiny)).amax(dim=1)
