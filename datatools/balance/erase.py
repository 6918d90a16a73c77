"""Take a box's content out of a picture, so that no unlabelled object stays there to teach the detector wrongly.

The region is filled from its surroundings (Telea, "An Image Inpainting Technique Based on the Fast Marching Method",
2004) at a reduced size, because a fill has no detail to lose and its cost grows with the area, and is given back the
noise that it lacks.  Where an erased box overlaps a kept one, the kept one's pixels stay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WORKING_PX = 40  # longer side of the region while it is filled
CONTEXT = 0.6  # surroundings on each side, in parts of the box's longer side
FEATHER_PX = 1.5


def erase_boxes(pixels: NDArray, erased: NDArray, kept: NDArray, rng: np.random.Generator) -> NDArray:
    """A copy of the picture without what stands in the erased boxes.

    pixels: (H, W, 3) uint8.  erased: (N, 4), kept: (M, 4), both xyxy pixels.  rng: for the grain of the filling.
    """
    out = pixels.copy()
    if not len(erased):
        return out
    height, width = pixels.shape[:2]
    gone = np.zeros((height, width), np.uint8)
    for x1, y1, x2, y2 in _whole(erased, width, height):
        gone[y1:y2, x1:x2] = 255
    for x1, y1, x2, y2 in _whole(kept, width, height):
        gone[y1:y2, x1:x2] = 0
    for x1, y1, x2, y2 in _whole(erased, width, height):
        margin = max(6, int(CONTEXT * max(x2 - x1, y2 - y1)))
        region = np.s_[max(y1 - margin, 0) : y2 + margin, max(x1 - margin, 0) : x2 + margin]
        own = np.zeros_like(gone)
        own[y1:y2, x1:x2] = gone[y1:y2, x1:x2]
        out[region] = _filled(out[region], gone[region], own[region], rng)
    return out


def _whole(boxes: NDArray, width: int, height: int) -> list[list[int]]:
    """Boxes that cover every pixel they touch, inside the picture."""
    low = np.floor(boxes[:, :2]).clip(0, [width, height])
    high = np.ceil(boxes[:, 2:]).clip(0, [width, height])
    return np.hstack([low, high]).astype(int).tolist()


def _filled(pixels: NDArray, gone: NDArray, own: NDArray, rng: np.random.Generator) -> NDArray:
    """The region with `own` (0 or 255) replaced; what else is `gone` is no source for the filling."""
    import cv2

    if not own.any():
        return pixels
    height, width = own.shape
    scale = min(1.0, WORKING_PX / max(height, width))
    size = (max(round(width * scale), 2), max(round(height * scale), 2))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(gone, size, interpolation=cv2.INTER_AREA)
    hole = cv2.dilate((hole > 0).astype(np.uint8), np.ones((3, 3), np.uint8))  # colour bleeds over a box's edge
    filled = cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    filled += rng.normal(0, _grain(pixels, gone), (height, width, 1)).astype(np.float32)
    alpha = cv2.GaussianBlur(own, (0, 0), FEATHER_PX)
    alpha = np.where(own > 0, np.maximum(alpha, 140), 0).astype(np.float32)[..., None] / 255  # never over a kept pixel
    alpha = np.minimum(alpha * 1.6, 1)
    return np.rint(pixels * (1 - alpha) + filled.clip(0, 255) * alpha).astype(np.uint8)


def _grain(pixels: NDArray, gone: NDArray) -> float:
    """Standard deviation of the surroundings' fine noise, in grey levels; robust against edges."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.2))[gone == 0]
    return min(float(np.median(fine)) * 1.5, 6.0) if fine.size else 0.0
