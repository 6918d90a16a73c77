"""How a copy's picture is moved: flips, affine, crop, drawn as one matrix, executed by one warp.

The matrix takes continuous coordinates (0-based, a pixel's centre at .5) of the old picture to the new one's.  An
affine scales, shears (x by y), turns (clockwise on the screen, y points down) and shifts, in this order, about the
picture's middle, as imgaug's `Affine` does.  Each draw takes the same count of numbers from the stream, whatever the
policy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
Said = Mapping[str, Mapping[str, Any]]
Matrix = list[list[float]]
_NUMBERS = 15  # that a draw takes


@dataclass(frozen=True, eq=False)
class Geometry:
    """matrix: (2, 3).  size_wh: of the new picture.  part: xyxy of the old one where the new one is a part of it,
    flipped or not, whose pixels are copied; None where they are interpolated."""

    matrix: NDArray
    size_wh: tuple[int, int]
    flipped: tuple[bool, bool] = (False, False)
    part: tuple[int, int, int, int] | None = None

    def pixels(self, pixels: NDArray, border: int) -> NDArray:
        """The moved picture, (H, W, 3) uint8; may share the memory of the one that is passed in."""
        import cv2

        if self.part is None:
            half = self.matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV counts from the middle of the first pixel
            matrix = np.column_stack([self.matrix[:, :2], self.matrix[:, 2] + half])
            return cv2.warpAffine(pixels, matrix, self.size_wh, flags=cv2.INTER_LINEAR, borderValue=(border,) * 3)
        x1, y1, x2, y2 = self.part
        seen = pixels[y1:y2, x1:x2]
        if any(self.flipped):
            return cv2.flip(seen, {(True, False): 1, (False, True): 0, (True, True): -1}[self.flipped])
        return np.ascontiguousarray(seen)


def draw_geometry(said: Said, size_wh: tuple[int, int], rng: np.random.Generator, *, moves: bool = True) -> Geometry:
    """said: a policy's `geometry`.  moves: False for flips alone."""
    w, h = size_wh
    draws = rng.random(_NUMBERS).tolist()
    flipped = _happens(said, "flip_horizontal", draws[0]), _happens(said, "flip_vertical", draws[1])
    matrix = [
        [-1.0, 0.0, float(w)] if flipped[0] else [1.0, 0.0, 0.0],
        [0.0, -1.0, float(h)] if flipped[1] else [0.0, 1.0, 0.0],
    ]
    affine = moves and _happens(said, "affine", draws[2])
    if affine:
        matrix = _after(_affine(said["affine"], size_wh, draws[3:10]), matrix)
    left, top, right, bottom = 0, 0, 0, 0
    if moves and _happens(said, "crop", draws[10]):
        share = [_between(said["crop"].get("share", (0.0, 0.0)), u) for u in draws[11:15]]
        left, top, right, bottom = (int(s * side) for s, side in zip(share, (w, h, w, h), strict=True))
        matrix[0][2] -= left
        matrix[1][2] -= top
    new_wh = w - left - right, h - top - bottom
    part = None if affine else _source_part(flipped, (left, top, right, bottom), size_wh)
    return Geometry(np.array(matrix), new_wh, flipped, part)


def _affine(values: Mapping[str, Any], size_wh: tuple[int, int], draws: list[float]) -> Matrix:
    """About the picture's middle."""
    scale = _between(values.get("scale", (1.0, 1.0)), draws[0])
    turn = math.radians(_between(values.get("rotate_deg", (0.0, 0.0)), draws[1]))
    shear = math.tan(math.radians(_between(values.get("shear_deg", (0.0, 0.0)), draws[2])))
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    a, b, c, d = cos, -sin - cos * shear, sin, cos - sin * shear
    x, y = size_wh[0] / 2, size_wh[1] / 2
    none = (0.0, 0.0)
    dx = _between(values.get("shift_x", none), draws[3]) * size_wh[0] + _whole(values.get("shift_x_px", none), draws[5])
    dy = _between(values.get("shift_y", none), draws[4]) * size_wh[1] + _whole(values.get("shift_y_px", none), draws[6])
    return [[a, b, x + dx - a * x - b * y], [c, d, y + dy - c * x - d * y]]


def _after(second: Matrix, first: Matrix) -> Matrix:
    """Both, one after the other."""
    (a, b, e), (c, d, f) = second
    (p, q, s), (r, t, u) = first
    return [[a * p + b * r, a * q + b * t, a * s + b * u + e], [c * p + d * r, c * q + d * t, c * s + d * u + f]]


def _source_part(flipped: tuple[bool, bool], cut: tuple[int, ...], size_wh: tuple[int, int]) -> tuple:
    """The part of the old picture that is left when `cut` goes from the sides of the flipped one, xyxy."""
    left, top, right, bottom = cut
    if flipped[0]:
        left, right = right, left
    if flipped[1]:
        top, bottom = bottom, top
    return left, top, size_wh[0] - right, size_wh[1] - bottom


def _happens(said: Said, name: str, draw: float) -> bool:
    return name in said and draw < said[name].get("p", 1.0)


def _between(span: Span, draw: float) -> float:
    return span[0] + (span[1] - span[0]) * draw


def _whole(span: Span, draw: float) -> int:
    low, high = round(span[0]), round(span[1])
    return low + int(draw * (high - low + 1))
