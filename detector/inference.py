"""A network and squares in, detections out: the one way that evaluating and detecting share.

A detection's score is objectness x class probability; every class of a cell above the threshold counts, and each
class is thinned for itself. The boxes are clipped to the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detector.average_precision import Found
from detector.boxes import Letterbox, decode, suppress
from detector.model import Darknet

MAX_CANDIDATES = 3000  # a picture, before suppression, best first


@dataclass(frozen=True)
class Thresholds:
    """confidence: least score of a detection.  overlap: IoU above which the lesser of two boxes goes."""

    confidence: float = 0.25
    overlap: float = 0.45


def detect_batch(model: Darknet, pictures: Tensor, boxes: list[Letterbox], how: Thresholds) -> list[Found]:
    """Detections in each picture's own pixels, best first.

    pictures: (B, 3, S, S) in [0, 1].  boxes: how each picture sits in its square.  The model must be in eval mode.
    """
    with torch.inference_mode():
        heads = model(pictures)
        parts = [_flatten(raw, a, s) for raw, a, s in zip(heads, model.anchors_wh, model.strides, strict=True)]
        xyxy, scores = (torch.cat(many, dim=1).cpu() for many in zip(*parts, strict=True))
        return [_select(xyxy[i], scores[i], box, how) for i, box in enumerate(boxes)]


def _flatten(raw: Tensor, anchors_wh: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """(B, A * H * W, 4) boxes and (B, A * H * W, C) scores."""
    raw = raw.float()
    scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()
    return decode(raw, anchors_wh, stride).flatten(1, 3), scores.flatten(1, 3)


def _select(xyxy: Tensor, scores: Tensor, box: Letterbox, how: Thresholds) -> Found:
    cell, number = (scores >= how.confidence).nonzero(as_tuple=True)
    score = scores[cell, number]
    if len(score) > MAX_CANDIDATES:
        best = torch.topk(score, MAX_CANDIDATES).indices
        cell, number, score = cell[best], number[best], score[best]
    width, height = box.size_wh
    limit = torch.tensor([width, height, width, height], dtype=xyxy.dtype)
    own = torch.minimum(box.out_of(xyxy[cell]).clamp(min=0), limit)
    kept = suppress(own, score, number, how.overlap)
    return Found(own[kept].numpy().astype(np.float64), number[kept].numpy(), score[kept].numpy().astype(np.float64))
