"""Boxes: from raw heads to pixels, between conventions, how far they overlap, and which to keep.

Inside, a box is xyxy, float pixels, 0-based, half-open (width = xmax - xmin; no +1). Darknet's decoding: sigmoid
for the centre, exp for the size (Redmon & Farhadi, "YOLOv3", 2018, section 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SIZE_LOGIT_LIMIT = 8.0  # exp(8) x an anchor is beyond any picture; without it one bad step overflows


def decode(raw: Tensor, anchors_wh: Tensor, stride: int) -> Tensor:
    """Boxes a raw head stands for.

    raw: (B, A, H, W, 5 + C) of logits.  anchors_wh: (A, 2) pixels of the network's input.
    Returns (B, A, H, W, 4), xyxy pixels of the network's input; differentiable.
    """
    height, width = raw.shape[2:4]
    rows = torch.arange(height, device=raw.device, dtype=raw.dtype)
    columns = torch.arange(width, device=raw.device, dtype=raw.dtype)
    x = (raw[..., 0].sigmoid() + columns) * stride
    y = (raw[..., 1].sigmoid() + rows[:, None]) * stride
    half = raw[..., 2:4].clamp(max=SIZE_LOGIT_LIMIT).exp() * anchors_wh.to(raw)[:, None, None] / 2
    return torch.stack((x - half[..., 0], y - half[..., 1], x + half[..., 0], y + half[..., 1]), dim=-1)


def to_xyxy(cxcywh: Tensor) -> Tensor:
    """(..., 4) centre and size to (..., 4) corners, same unit."""
    centre, half = cxcywh[..., :2], cxcywh[..., 2:4] / 2
    return torch.cat((centre - half, centre + half), dim=-1)


def corners(boxes: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """(N, 4) centre and size in shares of a picture to xyxy pixels."""
    half = boxes[:, 2:] / 2
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1) * np.tile(size_wh, 2)


def to_cxcywh(xyxy: Tensor) -> Tensor:
    """(..., 4) corners to (..., 4) centre and size, same unit."""
    low, high = xyxy[..., :2], xyxy[..., 2:4]
    return torch.cat(((low + high) / 2, high - low), dim=-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Overlap of each box in `a` with each in `b`.

    a: (N, 4) float, xyxy pixels.  b: (M, 4).
    Returns (N, M) in [0, 1]; zero-area boxes score 0.
    Raises ValueError unless the last axis is 4.
    """
    if a.shape[-1] != 4 or b.shape[-1] != 4:
        raise ValueError(f"boxes are (N, 4) and (M, 4), not {tuple(a.shape)} and {tuple(b.shape)}")
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return torch.where(shared > 0, shared / union.clamp(min=torch.finfo(a.dtype).tiny), torch.zeros_like(shared))


def area(xyxy: Tensor) -> Tensor:
    """(..., 4) to (...), square pixels; an inverted box has none."""
    return (xyxy[..., 2:] - xyxy[..., :2]).clamp(min=0).prod(dim=-1)


def shape_iou(a_wh: Tensor, b_wh: Tensor) -> Tensor:
    """IoU of (N, 2) sizes with (M, 2) sizes, were their centres the same: (N, M)."""
    shared = torch.minimum(a_wh[:, None], b_wh[None]).prod(dim=-1)
    return shared / (a_wh.prod(dim=-1)[:, None] + b_wh.prod(dim=-1)[None] - shared)


def suppress(xyxy: Tensor, scores: Tensor, classes: Tensor, threshold: float) -> Tensor:
    """Greedy non-maximum suppression, each class for itself.

    xyxy: (N, 4).  scores: (N,).  classes: (N,) int.  A box goes when its IoU with a better kept one of its class is
    above `threshold`. Returns the indices kept, best score first; equal scores in the order given. No time limit.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    kept = [_suppress_one(xyxy, order[classes[order] == c], threshold) for c in classes.unique().tolist()]
    together = torch.cat(kept) if kept else order
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return together[torch.argsort(rank[together])]


def _suppress_one(xyxy: Tensor, order: Tensor, threshold: float) -> Tensor:
    """NMS in one class, `order` best first. In blocks, so that memory stays O(block x N)."""
    block, kept = 512, order[:0]
    for start in range(0, len(order), block):
        candidates = order[start : start + block]
        if len(kept):
            candidates = candidates[(iou(xyxy[candidates], xyxy[kept]) <= threshold).all(dim=1)]
        # Which earlier candidate of the block hides which later one; numpy's row loop beats torch's here.
        hides = (iou(xyxy[candidates], xyxy[candidates]) > threshold).triu(diagonal=1).cpu().numpy()
        alive = np.ones(len(hides), dtype=bool)
        for row in range(len(hides)):
            if alive[row]:
                alive &= ~hides[row]
        kept = torch.cat((kept, candidates[torch.from_numpy(alive).to(candidates.device)]))
    return kept


@dataclass(frozen=True)
class Letterbox:
    """How a picture of `size_wh` sits in a square of `side`: scaled by `scale`, then moved by `left`, `top`.

    The scale is per axis, since the scaled picture has whole pixels: no half pixel is lost there or in the padding.
    """

    size_wh: tuple[int, int]
    side: int

    @property
    def inner_wh(self) -> tuple[int, int]:
        ratio = self.side / max(self.size_wh)
        return max(1, round(self.size_wh[0] * ratio)), max(1, round(self.size_wh[1] * ratio))

    @property
    def scale(self) -> tuple[float, float]:
        return self.inner_wh[0] / self.size_wh[0], self.inner_wh[1] / self.size_wh[1]

    @property
    def offset(self) -> tuple[int, int]:
        return (self.side - self.inner_wh[0]) // 2, (self.side - self.inner_wh[1]) // 2

    def into(self, xyxy: Tensor) -> Tensor:
        """(N, 4) pixels of the picture to pixels of the square."""
        return xyxy * xyxy.new_tensor(self.scale * 2) + xyxy.new_tensor(self.offset * 2)

    def out_of(self, xyxy: Tensor) -> Tensor:
        """(N, 4) pixels of the square to pixels of the picture; the inverse of `into`."""
        return (xyxy - xyxy.new_tensor(self.offset * 2)) / xyxy.new_tensor(self.scale * 2)
