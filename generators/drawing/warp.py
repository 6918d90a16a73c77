"""A smooth map from a face to the cloth that lies on it: a thin-plate spline, solved once, evaluated on a coarse grid.

The map runs backwards, from a pixel of the picture to a place on the cloth, as `cv2.remap` wants it.  Coordinates are
continuous (the first pixel spans 0..1) until the last step, where OpenCV counts from pixel centres.
Source: Bookstein, Principal warps, IEEE PAMI 11(6), 1989, equations 4 to 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = 24  # about so many nodes a side: enough for 35 points that lie smoothly


@dataclass(frozen=True, eq=False, slots=True)
class ThinPlate:
    """points: (K, 2), moved and scaled to about -1..1.  weights: (K + 3, C): of each point, then 1, x, y."""

    points: NDArray
    weights: NDArray
    centre: NDArray
    scale: float

    def __call__(self, xy: NDArray) -> NDArray:
        """Values at (N, 2) points: (N, C)."""
        at = (xy - self.centre) / self.scale
        return np.hstack([_kernel(at, self.points), np.ones((len(at), 1)), at]) @ self.weights


def _kernel(a: NDArray, b: NDArray) -> NDArray:
    """r² log r² between each of (N, 2) and each of (K, 2) points: (N, K)."""
    r2 = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    return r2 * np.log(np.maximum(r2, 1e-12))


def thin_plate(points: NDArray, values: NDArray) -> ThinPlate:
    """The smoothest function that takes `values` (K, C) at `points` (K, 2).

    Raises ValueError unless there are three points that do not lie on one line.
    """
    centre = points.mean(axis=0)
    scale = float(np.abs(points - centre).max())
    at = (points - centre) / max(scale, 1e-9)
    k = len(at)
    border = np.hstack([np.ones((k, 1)), at])
    if np.linalg.matrix_rank(border, tol=1e-6) < 3:
        raise ValueError(f"{k} points on one line")
    system = np.block([[_kernel(at, at), border], [border.T, np.zeros((3, 3))]])
    return ThinPlate(at, np.linalg.solve(system, np.vstack([values, np.zeros((3, values.shape[1]))])), centre, scale)


def on_pixels(plate: ThinPlate, size_wh: tuple[int, int], scale: float = 1.0) -> NDArray:
    """The map at every pixel of a canvas, (H, W, C) float32; solved on a coarse grid and interpolated.

    scale: pixels of the canvas to one unit of the plate's points, whose origin is the canvas's corner.
    """
    (w, h), (cell_w, cell_h) = size_wh, (max(1, round(side / _GRID)) for side in size_wh)
    x, y = _nodes(w, cell_w), _nodes(h, cell_h)
    values = plate(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2) / scale).astype(np.float32)
    whole_wh = (len(x) * cell_w, len(y) * cell_h)
    whole = cv2.resize(values.reshape(len(y), len(x), -1), whole_wh, interpolation=cv2.INTER_LINEAR)
    return whole.reshape(*whole.shape[:2], -1)[cell_h : cell_h + h, cell_w : cell_w + w]


def _nodes(side: int, cell: int) -> NDArray:
    """Centres of the cells that hold a side, and of one more at each end, so that nothing is read off the last node."""
    return (np.arange(-1, -(-side // cell) + 1) + 0.5) * cell


def sampled(texture: NDArray, uv: NDArray) -> NDArray:
    """The texture's values at (H, W, 2) places, u and v in 0..1; what lies outside takes the edge's.

    texture: (h, w) or (h, w, C) float32.
    """
    size = np.array(texture.shape[1::-1], np.float32)
    at = uv * size - np.float32(0.5)
    return cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def through(points: NDArray, steps: int = 8) -> NDArray:
    """A closed Catmull-Rom curve through (K, 2) points: (K * steps, 2)."""
    p = np.asarray(points, np.float64)
    padded = np.vstack([p[-1:], p, p[:2]])
    a, b, c, d = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return curve.reshape(-1, 2)
