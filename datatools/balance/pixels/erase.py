"""Take a box's content out of a picture, so that no unlabelled object stays there to teach the detector wrongly.

The region is filled from its surroundings (Telea, "An Image Inpainting Technique Based on the Fast Marching Method",
2004) at a reduced size, because a fill has no detail to lose and its cost grows with the area, and is given back the
noise that it lacks.  Where an erased box overlaps a kept one, the kept one's pixels stay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WORKING_PX = 32  # longer side of the region while it is filled
CONTEXT = 0.6  # surroundings on each side, in parts of the box's longer side
FILL_RADIUS_PX = 3  # of what a filled pixel is made of, while the region is small
FEATHER_PX = 1.5
_RIM_PX = 6  # of nothing round the box, into which its feather is blurred
_FEATHER = np.minimum(np.maximum(np.arange(256), 140) / 255 * 1.6, 1).astype(np.float32)  # blurred mask -> share


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
        left, top = max(x1 - margin, 0), max(y1 - margin, 0)
        region = np.s_[top : y2 + margin, left : x2 + margin]
        box = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
        out[y1:y2, x1:x2] = _filled(out[region], gone[region], box, rng)
    return out


def _whole(boxes: NDArray, width: int, height: int) -> list[list[int]]:
    """Boxes that cover every pixel they touch, inside the picture."""
    low = np.floor(boxes[:, :2]).clip(0, [width, height])
    high = np.ceil(boxes[:, 2:]).clip(0, [width, height])
    return np.hstack([low, high]).astype(int).tolist()


def _filled(pixels: NDArray, gone: NDArray, box: tuple[slice, slice], rng: np.random.Generator) -> NDArray:
    """What is to stand in the box of a region.  gone: 255 where the region is no source for the filling, else 0.

    A pixel of the box that is not gone stays.
    """
    import cv2

    old, own = pixels[box], gone[box]
    if not own.any():
        return old
    height, width = gone.shape
    scale = min(1.0, WORKING_PX / max(height, width))
    size = (max(round(width * scale), 2), max(round(height * scale), 2))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(gone, size, interpolation=cv2.INTER_AREA)
    hole = cv2.dilate((hole > 0).astype(np.uint8), np.ones((3, 3), np.uint8))  # colour bleeds over a box's edge
    filled = cv2.inpaint(small, hole, FILL_RADIUS_PX, cv2.INPAINT_TELEA)
    new = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)[box].astype(np.float32)
    new += rng.standard_normal((*own.shape, 1), np.float32) * _grain(pixels, gone)
    edge = cv2.copyMakeBorder(own, _RIM_PX, _RIM_PX, _RIM_PX, _RIM_PX, cv2.BORDER_CONSTANT)
    alpha = cv2.GaussianBlur(edge, (0, 0), FEATHER_PX)[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX]
    alpha = cv2.LUT(alpha, _FEATHER)[..., None] * (own[..., None] > 0)  # never over a kept pixel
    return np.rint(old + (new.clip(0, 255) - old) * alpha).astype(np.uint8)


def _grain(pixels: NDArray, gone: NDArray) -> float:
    """Standard deviation of the surroundings' fine noise, in grey levels; robust against edges."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    fine = cv2.absdiff(cv2.GaussianBlur(grey, (0, 0), 1.2), grey)
    counts = cv2.calcHist([fine], [0], cv2.bitwise_not(gone), [256], [0, 256])[:, 0].cumsum()
    if not counts[-1]:
        return 0.0
    half = counts[-1] / 2
    level = int(np.searchsorted(counts, half))
    below = float(counts[level - 1]) if level else 0.0
    median = level - 0.5 + (half - below) / (float(counts[level]) - below)  # between the levels, which are whole
    return float(np.clip(median * 1.5, 0, 6))
