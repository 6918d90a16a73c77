"""What light does on the folds, hems and seams of flat cloth: one function a kind of mask.

Each takes the sheet's u and v, (H, W) float32 in 0..1, and a stream for the places of the folds, and returns the
brightness of each pixel, (H, W) about 1.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray


def _line(distance: NDArray, width: float) -> NDArray:
    """1 on a line, falling to 0 at about its width."""
    return np.exp(-((distance / width) ** 2))


def _rims(u: NDArray, v: NDArray, width: float = 0.03) -> NDArray:
    """A hem around the sheet: a seam line inside a slightly lighter edge."""
    edge = np.minimum(np.minimum(u * 1.4, (1 - u) * 1.4), np.minimum(v, 1 - v))
    return 0.03 * (edge < width) - 0.12 * _line(edge - width, 0.006) - 0.14 * _line(edge, 0.01)


def _weave(shape: tuple[int, int], rng: np.random.Generator, strength: float) -> NDArray:
    """Unevenness of cloth, (H, W) around 0."""
    coarse = rng.normal(0, 1, (12, 18)).astype(np.float32)
    return strength * cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _surgical(u: NDArray, v: NDArray, rng: np.random.Generator) -> NDArray:
    """Three pleats that open downwards and flatten towards the sides, a nose wire, welded hems."""
    light = 1 + _rims(u, v) + _weave(u.shape, rng, 0.012)
    middle = 1 - (2 * u - 1) ** 2
    open_ = np.clip(0.15 + 1.1 * middle, 0.15, 1)
    for place in np.array([0.27, 0.47, 0.67]) + rng.uniform(-0.025, 0.025, 3):
        below = v - place - 0.05 * middle - 0.008 * np.sin(u * rng.uniform(5, 12) + rng.uniform(0, 6))
        light -= open_ * (0.26 * _line(below, 0.011) + 0.15 * _line(below - 0.028, 0.03) * (below > 0))
        light += open_ * 0.05 * _line(below + 0.03, 0.025)
    wire = _line(u - 0.5, 0.3)
    return light + wire * (0.05 * _line(v - 0.055, 0.02) - 0.06 * _line(v - 0.085, 0.01))


def _folded(u: NDArray, v: NDArray, rng: np.random.Generator) -> NDArray:
    """A respirator folded along its middle: a standing seam, two halves that catch the light differently."""
    side = rng.uniform(-0.09, 0.09)
    bend = 0.5 + 0.006 * np.sin(v * 7)
    light = 1 + side * np.tanh((u - bend) / 0.08) + _rims(u, v, 0.045) + _weave(u.shape, rng, 0.008)
    light -= 0.2 * _line(u - bend - 0.012, 0.012) + 0.1 * _line(u - bend, 0.008)
    weld = v - (0.2 + 0.5 * np.abs(u - 0.5))
    return light - 0.08 * _line(weld, 0.01) - 0.06 * _line(v - 0.9 + 0.25 * np.abs(u - 0.5), 0.012)


def _flat(u: NDArray, v: NDArray, rng: np.random.Generator) -> NDArray:
    """A respirator of three panels: two folds from side to side, the middle one standing forward."""
    rise = 0.1 * (1 - (2 * u - 1) ** 2)
    upper, lower = 0.34 - rise, 0.66 + rise
    panel = 0.03 * np.tanh((v - upper) / 0.03) - 0.07 * np.tanh((v - lower) / 0.03) - 0.02
    seams = 0.16 * _line(v - upper, 0.01) + 0.2 * _line(v - lower, 0.012)
    return 1 + panel - seams + _rims(u, v, 0.04) + _weave(u.shape, rng, 0.008)


def _cloth(u: NDArray, v: NDArray, rng: np.random.Generator) -> NDArray:
    """Sewn cloth: a middle seam, stitches along the hem, soft creases."""
    light = 1 + _rims(u, v, 0.06) + _weave(u.shape, rng, 0.03)
    light -= 0.14 * _line(u - 0.5 - 0.015 * np.sin(v * 3), 0.008)
    for _ in range(3):
        slope, place = rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.8)
        across = v - place - slope * (u - 0.5)
        light += 0.07 * _line(across, 0.03) - 0.09 * _line(across - 0.045, 0.03)
    return light


def _knit(u: NDArray, v: NDArray, rng: np.random.Generator) -> NDArray:
    """One smooth, stretched piece with a middle seam and a cut edge."""
    light = 1 + 0.4 * _rims(u, v) + _weave(u.shape, rng, 0.015)
    return light - 0.12 * _line(u - 0.5, 0.007) + 0.06 * _line(u - 0.47, 0.05)


FOLDS: dict[str, Callable[[NDArray, NDArray, np.random.Generator], NDArray]] = {
    "surgical": _surgical,
    "folded": _folded,
    "flat": _flat,
    "cloth": _cloth,
    "knit": _knit,
}
