"""What training shows of a picture: flipped, scaled, moved and recoloured, modestly, in one warp.

Boxes go with the picture: clipped at its edge, and dropped when less than `min_visible` of their area is left.
Source of the amounts: the YOLO family's habits (HSV .015/.7/.4, flip .5, scale .5), milder here since runs are short.
"""

from __future__ import annotations

import cv2
import numpy as np

from detector.augmentation import Augmentation
from detector.pictures import GREY


def augment(
    inner: np.ndarray, xyxy: np.ndarray, side: int, how: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Show `inner` ((h, w, 3) uint8) in a square of `side`.

    xyxy: (N, 4) pixels of `inner`. Returns the square, the boxes left in it (M, 4), and which they were (M,) int.
    """
    height, width = inner.shape[:2]
    zoom = np.exp(rng.uniform(-1, 1) * np.log1p(how.scale))
    move = rng.uniform(-how.shift, how.shift, size=2) * side
    centre = side / 2 + move
    flip = -1.0 if rng.random() < how.flip else 1.0
    # Half-open pixels: x -> flip * zoom * (x - width / 2) + centre.
    scale = np.array([flip * zoom, zoom])
    offset = centre - scale * np.array([width / 2, height / 2])
    square = _warp(inner, scale, offset, side)
    corners = xyxy.reshape(-1, 2, 2) * scale + offset
    moved = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
    clipped = moved.clip(0, side)
    visible = _area(clipped) / np.maximum(_area(moved), 1e-9)
    kept = np.flatnonzero((visible >= how.min_visible) & ((clipped[:, 2:] - clipped[:, :2]).min(axis=1) >= 1))
    return _recolour(square, how, rng), clipped[kept], kept


def _warp(inner: np.ndarray, scale: np.ndarray, offset: np.ndarray, side: int) -> np.ndarray:
    """OpenCV maps pixel centres, we map edges: the half pixel between them is put right here."""
    shift = offset + 0.5 * scale - 0.5
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    return cv2.warpAffine(
        inner, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3
    )


def _recolour(square: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    gain = 1 + rng.uniform(-1, 1, size=3) * (how.hue, how.saturation, how.value)
    hsv = cv2.cvtColor(square, cv2.COLOR_RGB2HSV)
    levels = np.arange(256, dtype=np.float64)
    tables = (levels * gain[0] % 180, (levels * gain[1]).clip(0, 255), (levels * gain[2]).clip(0, 255))
    channels = [cv2.LUT(hsv[..., i], table.astype(np.uint8)) for i, table in enumerate(tables)]
    return cv2.cvtColor(cv2.merge(channels), cv2.COLOR_HSV2RGB)


def _area(xyxy: np.ndarray) -> np.ndarray:
    return (xyxy[:, 2:] - xyxy[:, :2]).clip(0).prod(axis=1)
