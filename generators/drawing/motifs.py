"""What is woven into, printed on or set into a mask: patterns, motifs, a valve; drawn by code at the sheet's size.

Shapes are (H, W); a mark is (H, W) float32 in 0..1, the share of the second colour.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PATTERNS = ("plain", "stripes", "checks", "dots", "leaves")
PRINTS = ("", "heart", "star", "smile")
_DRAWN_PX = 576  # width at which small shapes are drawn: OpenCV makes those of a few pixels too large


def pattern(name: str, u: NDArray, v: NDArray, seed: int) -> NDArray | None:
    """Where the second colour is; None for plain cloth.  name: one of PATTERNS."""
    if name == "plain":
        return None
    rng = np.random.default_rng([seed, 1])
    n = float(rng.uniform(9, 18))
    if name == "stripes":
        return (np.sin(2 * np.pi * n * (v + 0.08 * u)) > 0.3).astype(np.float32)
    if name == "checks":
        on = (np.sin(2 * np.pi * n * u * 1.3) > 0).astype(np.float32) + (np.sin(2 * np.pi * n * v) > 0)
        return on * np.float32(0.45)
    return _scattered(u.shape, n, rng, leaves=name == "leaves")


def _scattered(shape: tuple[int, int], n: float, rng: np.random.Generator, *, leaves: bool) -> NDArray:
    """Dots, or leaves in all directions, on a staggered grid of n columns."""
    h, w = shape
    canvas = np.zeros((h * _DRAWN_PX // w, _DRAWN_PX), np.float32)
    step = _DRAWN_PX / n
    axes = (0.84 * step, 0.32 * step) if leaves else (0.52 * step, 0.52 * step)
    for row in range(int(canvas.shape[0] / step) + 2):
        for column in range(int(n) + 2):
            at = ((column + 0.5 * (row % 2)) * step, row * step)
            cv2.ellipse(canvas, (at, axes, float(rng.uniform(0, 180))), 1.0, -1, cv2.LINE_AA)
    return cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA)


def printed(name: str, shape: tuple[int, int]) -> NDArray | None:
    """A motif; None for none.  name: one of PRINTS."""
    if not name:
        return None
    h, w = shape
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    centre, r = (0.7 * w, 0.45 * h), 0.16 * h
    if name == "heart":
        outline = np.stack([16 * np.sin(t) ** 3, -13 * np.cos(t) + 5 * np.cos(2 * t) + 2 * np.cos(3 * t)], axis=1) / 16
    elif name == "star":
        k = np.arange(10)
        radius, turn = np.where(k % 2 == 0, 1.0, 0.42), k * np.pi / 5
        outline = np.stack([radius * np.sin(turn), -radius * np.cos(turn)], axis=1)
    else:
        centre, r = (0.5 * w, 0.45 * h), 0.3 * h
        bend = np.linspace(0.15 * np.pi, 0.85 * np.pi, 32)
        arc = np.stack([np.cos(bend), 0.7 * np.sin(bend)], axis=1)
        outline = np.concatenate([arc, arc[::-1] * (0.97, 0.8) - (0, 0.02)])
    canvas = np.zeros(shape, np.float32)
    cv2.fillPoly(canvas, [np.round((outline * r + centre) * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    return cv2.GaussianBlur(canvas, (0, 0), 0.0028 * w)


def valve(u: NDArray, v: NDArray) -> tuple[NDArray, NDArray]:
    """A round valve with slits, left of the middle: (where it is, its grey levels), each (H, W)."""
    x, y = (u - 0.31) * 1.5, v - 0.52  # the sheet is half as wide again as it is high
    far = np.hypot(x, y) / 0.15
    body = 1 / (1 + np.exp(np.minimum(far - 1, 2) * 30))
    relief = 0.9 - 0.25 * np.exp(-(((far - 1) / 0.09) ** 2)) + 0.12 * np.exp(-(((far - 0.78) / 0.12) ** 2))
    relief -= 0.22 * ((np.sin(y / 0.15 * 14) > 0.2) & (far < 0.62))
    return body, np.float32(225) * relief
