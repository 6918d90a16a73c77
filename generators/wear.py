"""How a mask is worn, as a shape on a face: three rows of five control points in dlib's numbering.

Rows: upper edge, middle, lower edge, each from the picture's left to its right.  `a~b@t` in the comments is the point
at share t of the way from a to b; `ext` lengthens the mask below the chin by a share of the face's height.
Wrongly worn masks, by eye on real photographs: about four in five leave the nose out, the others nose and mouth.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from generators.sample.people import Point

MODES = ("correct", "nose_out", "nose_mouth_out")
_QUARTER = 0.55


def control_points(points: Mapping[int, Point], mode: str, rng: np.random.Generator) -> NDArray:
    """Rows of the mask on a face, (3, 5, 2) pixels.

    points: dlib number -> point.  mode: one of MODES.
    """
    p = {number: np.array(point, dtype=np.float64) for number, point in points.items()}
    chosen = {"correct": _correct, "nose_out": _nose_out, "nose_mouth_out": _nose_mouth_out}[mode]
    return chosen(p, rng)


def _between(a: NDArray, b: NDArray, share: float) -> NDArray:
    return a + (b - a) * share


def _row(left: NDArray, centre: NDArray, right: NDArray) -> NDArray:
    return np.stack([left, _between(left, centre, _QUARTER), centre, _between(right, centre, _QUARTER), right])


def _below_chin(p: Mapping[int, NDArray], share: float) -> NDArray:
    return p[8] + share * (p[8] - p[27])


def _correct(p: Mapping[int, NDArray], rng: np.random.Generator) -> NDArray:
    """Upper edge 1~2@.3, 27~28@.3..1, 15~14@.3; middle 3, 33, 13; lower edge 4, 6, 8 + ext .04...10, 10, 12."""
    bridge = _between(p[27], p[28], rng.uniform(0.6, 1.6))
    upper = _row(_between(p[1], p[2], 0.3), bridge, _between(p[15], p[14], 0.3))
    lower = np.stack([p[4], p[6], _below_chin(p, rng.uniform(0.04, 0.10)), p[10], p[12]])
    return np.stack([upper, _row(p[3], p[33], p[13]), lower])


def _nose_out(p: Mapping[int, NDArray], rng: np.random.Generator) -> NDArray:
    """Upper edge 2~3@0...8, 33~51@.1...55, mirrored; middle 4, 57~8@.2, 12; lower edge 5, 6, 8 + ext .06...20."""
    side = rng.uniform(0.0, 0.8)
    upper = _row(
        _between(p[2], p[3], side), _between(p[33], p[51], rng.uniform(0.1, 0.55)), _between(p[14], p[13], side)
    )
    lower = np.stack([p[5], p[6], _below_chin(p, rng.uniform(0.06, 0.20)), p[10], p[11]])
    return np.stack([upper, _row(p[4], _between(p[57], p[8], 0.2), p[12]), lower])


def _nose_mouth_out(p: Mapping[int, NDArray], rng: np.random.Generator) -> NDArray:
    """Upper edge 4~5@0...8, 57~8@.2...7, mirrored; middle 5, 8, 11; lower edge 5, 6, 8 + ext .20...30, 10, 11."""
    side = rng.uniform(0.0, 0.8)
    upper = _row(_between(p[4], p[5], side), _between(p[57], p[8], rng.uniform(0.2, 0.7)), _between(p[12], p[11], side))
    middle = _row(_between(p[5], p[6], 0.2), p[8], _between(p[11], p[10], 0.2))
    lower = np.stack([p[5], p[6], _below_chin(p, rng.uniform(0.20, 0.30)), p[10], p[11]])
    lower[[1, 3]] += 0.12 * (p[8] - p[27])
    return np.stack([upper, middle, lower])
