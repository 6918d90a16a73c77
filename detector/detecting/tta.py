"""Test-time augmentation: a picture seen several times; `fusion` makes one list of what was found.

"flip": as it is and mirrored; two passes. "full": besides, at three and at five quarters of its size; the work of
four passes. A size is rounded to what the network's cells fill.
Limit: other sizes need a network run by torch; an exported model takes the size that it was exported with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from detector.errors import UserError

if TYPE_CHECKING:
    from detector.detecting.runtime import Runtime

VIEWS: dict[str, tuple[tuple[float, bool], ...]] = {
    "none": ((1.0, False),),
    "flip": ((1.0, False), (1.0, True)),
    "full": ((1.0, False), (1.0, True), (0.75, False), (1.25, False)),
}


def seen(run: Runtime, squares: Tensor, views: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each view: boxes (B, N, 4) in pixels of the squares as they are, and scores (B, N, C), on the CPU.

    squares: (B, 3, S, S) in [0, 1].
    """
    for scale, mirrored in VIEWS[views]:
        view = squares if scale == 1 else _resized(run, squares, scale)
        side, other = squares.shape[-1], view.shape[-1]
        xyxy, scores = (part.cpu() for part in run(view.flip(3) if mirrored else view))
        if mirrored:
            xyxy = torch.stack((other - xyxy[..., 2], xyxy[..., 1], other - xyxy[..., 0], xyxy[..., 3]), dim=-1)
        yield (xyxy if other == side else xyxy * (side / other)), scores


def _resized(run: Runtime, squares: Tensor, scale: float) -> Tensor:
    model = getattr(run, "model", None)
    strides = getattr(model, "strides", None)
    if strides is None:
        raise UserError("--tta full", "an exported model takes one size", "a .pt or .weights file", "use --tta flip")
    stride = max(strides)
    side = max(1, round(squares.shape[-1] * scale / stride)) * stride
    return interpolate(squares, (side, side), mode="bilinear", antialias=True)
