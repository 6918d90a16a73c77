"""How far two boxes agree, pair by pair, as a value to maximise: IoU, and what was added to it to give a gradient.

    iou   shared / union
    giou  minus the share of the hull that neither covers           Rezatofighi et al., 2019, algorithm 1
    diou  minus (distance of centres / diagonal of the hull)²       Zheng et al., "Distance-IoU Loss", 2020, eq. 6-7
    ciou  and minus alpha v, v being how the aspects differ         the same, eq. 8-11; alpha takes no gradient

Boxes: (P, 4) xyxy. Values: (P,), at most 1. IoU alone gives no gradient where boxes are apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def iou(a: Tensor, b: Tensor) -> Tensor:
    shared, union = _shared_union(a, b)
    return shared / union


def giou(a: Tensor, b: Tensor) -> Tensor:
    shared, union = _shared_union(a, b)
    hull = _hull_wh(a, b).prod(dim=1)
    return shared / union - (hull - union) / hull


def diou(a: Tensor, b: Tensor) -> Tensor:
    diagonal = _hull_wh(a, b).square().sum(dim=1)
    distance = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).square().sum(dim=1)
    return iou(a, b) - distance / diagonal


def ciou(a: Tensor, b: Tensor) -> Tensor:
    overlap = iou(a, b)
    a_wh, b_wh = _size(a), _size(b)
    aspect = 4 / math.pi**2 * (torch.atan(a_wh[:, 0] / a_wh[:, 1]) - torch.atan(b_wh[:, 0] / b_wh[:, 1])).square()
    with torch.no_grad():
        alpha = aspect / (1 - overlap + aspect + torch.finfo(a.dtype).eps)
    return diou(a, b) - alpha * aspect


FORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}


def _size(xyxy: Tensor) -> Tensor:
    """Width and height, never 0, so that nothing here divides by it."""
    return (xyxy[:, 2:] - xyxy[:, :2]).clamp(min=torch.finfo(xyxy.dtype).eps)


def _shared_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    return shared, _size(a).prod(dim=1) + _size(b).prod(dim=1) - shared


def _hull_wh(a: Tensor, b: Tensor) -> Tensor:
    wh = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    return wh.clamp(min=torch.finfo(a.dtype).eps)
