"""Which cell and anchor answers for which truth: assignment, and the predicted boxes that are not told "nothing here".

By shape IoU, the best anchor over *all* heads answers for a truth, in the cell that holds its centre, and so does any
other anchor above `positive`. A slot (picture, anchor, cell) answers for one truth, the one that fits its anchor best.
Source: Redmon & Farhadi, "YOLOv3", 2018, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from detector.boxes import area, shape_iou, to_xyxy

PAIRS = {True: 2**18, False: 2**24}  # of boxes compared at once: on a CPU, what its caches hold


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
    return _any(
        boxes, by_picture(truths[:, 0], truths[:, 2:6], len(boxes)), lambda o, a, b: o > threshold * (a + b - o)
    )


def in_region(boxes: Tensor, stride: int, regions: Tensor, share: float) -> Tensor:
    """Which predicted boxes lie in an ignore region: `share` of the box and more, or the centre of its cell.

    boxes: (B, A, H, W, 4) xyxy.  regions: (R, 5): picture, cx cy w h in pixels.  Returns (B, A, H, W) bool.
    """
    if not len(regions):
        return torch.zeros(boxes.shape[:-1], dtype=torch.bool, device=boxes.device)
    places = by_picture(regions[:, 0], regions[:, 1:5], len(boxes))
    rows, columns = boxes.shape[2:4]
    x = (torch.arange(columns, device=boxes.device) + 0.5) * stride
    y = (torch.arange(rows, device=boxes.device) + 0.5) * stride
    left, top, right, bottom = places[:, :, None].unbind(-1)
    across, down = (x >= left) & (x < right), (y >= top) & (y < bottom)
    centred = (down[..., None] & across[:, :, None]).any(dim=1)
    return centred[:, None] | _any(boxes, places, lambda shared, a, b: (shared > 0) & (shared >= share * a))


def by_picture(picture: Tensor, cxcywh: Tensor, count: int) -> Tensor:
    """Boxes sorted by picture: (count, M, 4) xyxy, M the most in one picture, filled up with empty boxes."""
    picture = picture.long()
    order = torch.argsort(picture, stable=True)
    held = torch.bincount(picture, minlength=count)
    place = torch.arange(len(order), device=order.device) - (held.cumsum(0) - held)[picture[order]]
    found = cxcywh.new_zeros(count, int(held.max()) if len(order) else 0, 4)
    found[picture[order], place] = to_xyxy(cxcywh)[order]
    return found


def _any(boxes: Tensor, others: Tensor, holds: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Where `holds` (shared area, box's area, other's area) is true of a box and any of its picture's others.

    boxes: (B, A, H, W, 4).  others: (B, M, 4).  In parts of pictures, so that memory stays bounded.
    """
    flat = boxes.flatten(1, 3)
    step = max(1, PAIRS[boxes.device.type == "cpu"] // max(1, flat.shape[1] * others.shape[1]))
    parts = [_pairs(a, b, holds) for a, b in zip(flat.split(step), others.split(step), strict=True)]
    return torch.cat(parts).view(boxes.shape[:-1])


def _pairs(boxes: Tensor, others: Tensor, holds: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    x0, y0, x1, y1 = boxes[:, :, None].unbind(-1)
    left, top, right, bottom = others[:, None].unbind(-1)
    wide = (torch.minimum(x1, right) - torch.maximum(x0, left)).clamp_(min=0)
    shared = wide.mul_((torch.minimum(y1, bottom) - torch.maximum(y0, top)).clamp_(min=0))
    return holds(shared, area(boxes)[:, :, None], area(others)[:, None]).any(dim=2)
