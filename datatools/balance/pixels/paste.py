"""Paste a box's content into another picture: scaled, matched in colour at its rim, with a soft edge.

After the aim of Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation"
(CVPR 2021), for boxes without masks: the content is taken to fill a rounded shape in its box, and some surroundings go
along to fade out in.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datatools.images import decode

MARGIN = 0.2  # surroundings on each side, in parts of the box's side
SOLID, GONE = 0.74, 1.0  # where the edge begins and ends to fade, 1 being the middle of the margin's rim
ROUND = 3.0  # the shape's exponent: 2 is an ellipse, more is nearer to the rectangle
GAIN = 1.3  # of each channel, at most, to match the rim


def with_margin(xyxy: NDArray) -> NDArray:
    """Boxes with the surroundings that are pasted with them, (N, 4); not clipped."""
    margin = MARGIN * (xyxy[..., 2:] - xyxy[..., :2])
    return np.concatenate([xyxy[..., :2] - margin, xyxy[..., 2:] + margin], axis=-1)


@lru_cache(maxsize=64)
def cutting(path: str, box: tuple[float, float, float, float]) -> NDArray:
    """(h, w, 3) uint8 of the box with its margin; beyond the picture its edge goes on."""
    pixels = decode(path)
    x1, y1, x2, y2 = np.rint(with_margin(np.array(box))).astype(int).tolist()
    cut = pixels[max(y1, 0) : y2, max(x1, 0) : x2]
    around = max(-x1, 0), max(-y1, 0), max(x2 - pixels.shape[1], 0), max(y2 - pixels.shape[0], 0)
    return _extended(cut, around)


def _extended(cut: NDArray, around: tuple[int, int, int, int]) -> NDArray:
    """With its own edge repeated where the picture ended: left, top, right, bottom."""
    left, top, right, bottom = around
    return np.pad(cut, ((top, bottom), (left, right), (0, 0)), mode="edge")


def paste(pixels: NDArray, path: str, box: NDArray, place: tuple[int, int, int, int]) -> NDArray:
    """A copy of the picture with another one's box at a place, xyxy whole pixels.  path: of the other picture."""
    import cv2

    cut = cutting(path, tuple(box.tolist()))
    x1, y1, x2, y2 = np.rint(with_margin(np.array(place, dtype=np.float64))).astype(int).tolist()
    size = x2 - x1, y2 - y1
    how = cv2.INTER_AREA if size[0] < cut.shape[1] else cv2.INTER_CUBIC
    fitted = cv2.resize(cut, size, interpolation=how).astype(np.float32)
    height, width = pixels.shape[:2]
    seen = np.s_[max(-y1, 0) : min(y2, height) - y1, max(-x1, 0) : min(x2, width) - x1]
    target = np.s_[max(y1, 0) : min(y2, height), max(x1, 0) : min(x2, width)]
    alpha, fitted = _edge(size)[seen], fitted[seen]
    under = pixels[target].astype(np.float32)
    fitted = (fitted * _gain(fitted, under, alpha)).clip(0, 255)
    out = pixels.copy()
    out[target] = np.rint(under + (fitted - under) * alpha[..., None]).astype(np.uint8)
    return out


def _edge(size_wh: tuple[int, int]) -> NDArray:
    """(h, w) float32: 1 in the rounded shape, falling smoothly to 0 at the rim."""
    w, h = size_wh
    x = np.abs((np.arange(w) + 0.5) / w * 2 - 1)
    y = np.abs((np.arange(h) + 0.5) / h * 2 - 1)
    far = (x[None] ** ROUND + y[:, None] ** ROUND) ** (1 / ROUND)
    t = ((GONE - far) / (GONE - SOLID)).clip(0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _gain(fitted: NDArray, under: NDArray, alpha: NDArray) -> NDArray:
    """(3,) factors by which the pasted rim gets the colour of what it meets, within GAIN."""
    rim = ((alpha > 0.02) & (alpha < 0.6)).astype(np.float32)[..., None]
    if not rim.any():
        return np.ones(3, np.float32)
    ratio = ((under * rim).sum(axis=(0, 1)) + 1) / ((fitted * rim).sum(axis=(0, 1)) + 1)
    return np.clip(ratio, 1 / GAIN, GAIN).astype(np.float32)
