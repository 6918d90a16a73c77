"""Test-time augmentation: a picture seen several times, and what was found fused.

"flip": as it is and mirrored; two passes. "full": besides, at three and at five quarters of its size; the work of
four passes. A size is rounded to what the network's cells fill.
Limit: other sizes need a network run by torch; an exported model takes the size that it was exported with.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from detector.boxes import Letterbox
from detector.errors import UserError
from detector.found import Found
from detector.fusion import fused
from detector.inference import InTorch, Runtime, Thresholds, select

VIEWS: dict[str, tuple[tuple[float, bool], ...]] = {
    "flip": ((1.0, False), (1.0, True)),
    "full": ((1.0, False), (1.0, True), (0.75, False), (1.25, False)),
}


def detect_views(
    run: Runtime, squares: Tensor, boxes: list[Letterbox], how: Thresholds, views: str = "flip"
) -> list[Found]:
    """As `detect_batch`, from several views. squares: (B, 3, S, S) in [0, 1]."""
    found: list[list[Found]] = [[] for _ in boxes]
    with torch.inference_mode():
        for scale, mirrored in VIEWS[views]:
            xyxy, scores = _seen(run, squares, scale, mirrored)
            for i, box in enumerate(boxes):
                found[i].append(select(xyxy[i], scores[i], box, how))
    return [fused(many) for many in found]


def _seen(run: Runtime, squares: Tensor, scale: float, mirrored: bool) -> tuple[Tensor, Tensor]:
    """Boxes in pixels of the squares as they are, and scores."""
    side = squares.shape[-1]
    other = side
    if scale != 1:
        if not isinstance(run, InTorch):
            raise UserError(
                "--tta full", "an exported model takes one size", "a .pt or .weights file", "use --tta flip"
            )
        stride = max(run.model.strides)
        other = max(1, round(side * scale / stride)) * stride
    view = interpolate(squares, (other, other), mode="bilinear", antialias=True) if other != side else squares
    xyxy, scores = (part.cpu() for part in run(view.flip(3) if mirrored else view))
    if mirrored:
        xyxy = torch.stack((other - xyxy[..., 2], xyxy[..., 1], other - xyxy[..., 0], xyxy[..., 3]), dim=-1)
    return xyxy * (side / other), scores
