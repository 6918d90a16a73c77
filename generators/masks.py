"""Mask artwork: a pleated surgical mask, drawn by code on the face that wears it.

The mask is a smooth sheet through the control points of `wear`: u runs from the picture's left edge (0) to its right
(1), v from the upper edge (0) to the lower (1).  It is painted sheet cell by sheet cell at `SUPERSAMPLING` times the
photograph's size, which smooths its edge, and shaded by the luminance of the face below it.
Limits: faces seen from the front; straps are straight and vanish at the ears.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from generators.sample.people import Point

SUPERSAMPLING = 4
COLOURS = {  # sRGB, in the proportions seen in photographs: mostly white and light blue, then black
    "white": (236, 238, 240),
    "light blue": (150, 198, 226),
    "teal": (128, 196, 196),
    "black": (38, 39, 44),
    "pink": (232, 178, 190),
}
COLOUR_SHARES = (0.35, 0.35, 0.1, 0.15, 0.05)
_CELLS_VU = (40, 14)
_PLEATS = (0.3, 0.5, 0.7)


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture to lay over another.  rgb: (H, W, 3) float32, 0..255.  alpha: (H, W) float32 in [0, 1]."""

    rgb: NDArray
    alpha: NDArray


def sheet(rows: NDArray) -> NDArray:
    """Points of the mask's surface, (V + 1, U + 1, 2), indexed [v, u].  rows: (3, 5, 2)."""
    n_v, n_u = _CELLS_VU
    across = CubicSpline(np.linspace(0, 1, 5), rows, axis=1, bc_type="natural")(np.linspace(0, 1, n_u + 1))
    v = np.linspace(0, 1, n_v + 1)[:, None, None]
    upper, middle, lower = across[None, 0], across[None, 1], across[None, 2]
    return 2 * (v - 0.5) * (v - 1) * upper + 4 * v * (1 - v) * middle + 2 * v * (v - 0.5) * lower


def outline(rows: NDArray) -> NDArray:
    """The mask's edge as a closed polygon, (M, 2)."""
    s = sheet(rows)
    return np.concatenate([s[0], s[1:, -1], s[-1, -2::-1], s[-2:0:-1, 0]])


def _cloth() -> NDArray:
    """Brightness of each cell of the sheet, (V, U), 1 for a flat, lit cloth: folds, rims, curvature."""
    v, u = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in _CELLS_VU], indexing="ij")
    folds = sum(np.exp(-(((v - p) / 0.018) ** 2)) - 0.5 * np.exp(-(((v - p + 0.05) / 0.03) ** 2)) for p in _PLEATS)
    rims = np.exp(-((v / 0.03) ** 2)) + np.exp(-(((1 - v) / 0.03) ** 2))
    return 1 - 0.16 * folds * (np.abs(2 * u - 1) < 0.93) - 0.1 * rims - 0.3 * np.abs(2 * u - 1) ** 3 - 0.1 * v**2


def _painted(rows: NDArray, shape: tuple[int, int], colour: NDArray) -> Layer:
    """The cloth alone, unshaded by the face.  shape: (H, W)."""
    h, w = shape
    canvas = np.zeros((h * SUPERSAMPLING, w * SUPERSAMPLING), np.float32)
    cover = np.zeros_like(canvas)
    s = np.round(sheet(rows) * SUPERSAMPLING).astype(np.int32)
    cloth = _cloth()
    for i in range(_CELLS_VU[0]):
        for j in range(_CELLS_VU[1]):
            cell = s[[i, i, i + 1, i + 1], [j, j + 1, j + 1, j]]
            cv2.fillConvexPoly(canvas, cell, float(cloth[i, j]))
    cv2.fillPoly(cover, [np.round(outline(rows) * SUPERSAMPLING).astype(np.int32)], 1.0)
    alpha = cv2.resize(cover, (w, h), interpolation=cv2.INTER_AREA)
    light = cv2.resize(canvas * cover, (w, h), interpolation=cv2.INTER_AREA) / np.maximum(alpha, 1e-3)
    return Layer(np.where(alpha[..., None] > 0, light[..., None] * colour, colour).astype(np.float32), alpha)


def _over(below: Layer, rgb: NDArray, alpha: NDArray) -> Layer:
    a = alpha[..., None]
    return Layer(below.rgb * (1 - a) + rgb * a, np.maximum(below.alpha, alpha))


def _straps(rows: NDArray, ears: NDArray, shape: tuple[int, int], size: float) -> NDArray:
    """Alpha of the four straps, from the mask's corners to the ears."""
    alpha = np.zeros(shape, np.uint8)
    for side, ear in ((0, ears[0]), (-1, ears[1])):
        for corner in (rows[0, side], rows[2, side]):
            a, b = np.round(np.array([corner, ear]) * 16).astype(int).tolist()  # 4 fractional bits
            cv2.line(alpha, a, b, 255, max(1, round(size * 0.015)), cv2.LINE_AA, 4)
    return cv2.GaussianBlur(alpha.astype(np.float32) / 255, (0, 0), 0.5) * 0.8


def _face_light(below: Layer, alpha: NDArray, size: float) -> NDArray:
    """How much lighter or darker the face is than its own mean under the mask, (H, W) around 1."""
    luminance = cv2.cvtColor(np.clip(below.rgb, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)
    weight = cv2.GaussianBlur(below.alpha, (0, 0), size * 0.1) + 1e-3
    blurred = cv2.GaussianBlur(luminance * below.alpha, (0, 0), size * 0.1) / weight
    mean = float((blurred * alpha).sum() / max(float(alpha.sum()), 1e-3))
    return np.clip(blurred / max(mean, 1.0), 0.5, 1.4) ** 0.6 * np.clip(mean / 150, 0.75, 1.08)


def put_on(below: Layer, rows: NDArray, ears: tuple[Point, Point], size: float, colour: NDArray) -> Layer:
    """The face with the mask on; what is farther from the mask than half a face is not worked on.

    below: the face.  rows: (3, 5, 2), from `wear.control_points`.
    size: of the face, pixels.  colour: (3,) sRGB of the cloth.
    """
    edge = np.concatenate([outline(rows), np.array(ears)])
    limit = np.array(below.alpha.shape[::-1])
    x1, y1 = np.clip(np.floor(edge.min(axis=0) - size / 2), 0, limit - 1).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(edge.max(axis=0) + size / 2), (x1 + 1, y1 + 1), limit).astype(int).tolist()
    face = Layer(below.rgb[y1:y2, x1:x2], below.alpha[y1:y2, x1:x2])
    corner = np.array([x1, y1])
    worn = _worn(face, rows - corner, np.array(ears) - corner, size, colour.astype(np.float32))
    rgb, alpha = below.rgb.copy(), below.alpha.copy()
    rgb[y1:y2, x1:x2], alpha[y1:y2, x1:x2] = worn.rgb, worn.alpha
    return Layer(rgb, alpha)


def _worn(below: Layer, rows: NDArray, ears: NDArray, size: float, colour: NDArray) -> Layer:
    """Shadow, straps, then the cloth in the face's light, with a soft edge."""
    h, w = below.alpha.shape
    cloth = _painted(rows, (h, w), colour)
    shadow = cv2.GaussianBlur(np.roll(cloth.alpha, round(size * 0.02), axis=0), (0, 0), size * 0.03)
    shaded = Layer(below.rgb * (1 - 0.45 * shadow * (1 - cloth.alpha))[..., None], below.alpha)
    strapped = _over(shaded, colour * 0.85 + 20, _straps(rows, ears, (h, w), size))
    strapped = Layer(strapped.rgb, below.alpha)
    light = _face_light(below, cloth.alpha, size)
    feathered = cv2.GaussianBlur(cloth.alpha, (0, 0), max(0.5, size * 0.005))
    return _over(strapped, cloth.rgb * light[..., None], feathered)
