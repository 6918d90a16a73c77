"""Which box stands round a shape that was turned or sheared, when only the shape's box is known.

Each fit takes the shape for one that fills its box: an ellipse, a regular octagon, or the box's own rectangle.  Its
support function gives the new box in closed form.  `u`, `v`: what the box's half width and half height contribute to
an axis of the new picture, |a| w / 2 and |b| h / 2 for x' = a x + b y.  Where one of them is 0 (flips, shifts, scales,
quarter turns), every fit is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

DEFAULT = "ellipse"
_CUT = float(np.tan(np.pi / 8))  # where a regular octagon's corners lie on the sides of its box


def _ellipse(u: NDArray, v: NDArray) -> NDArray:
    return np.hypot(u, v)


def _octagon(u: NDArray, v: NDArray) -> NDArray:
    return np.maximum(u + _CUT * v, _CUT * u + v)


def _rectangle(u: NDArray, v: NDArray) -> NDArray:
    return u + v


BOX_FITS: Mapping[str, Callable[[NDArray, NDArray], NDArray]] = {
    "ellipse": _ellipse,
    "octagon": _octagon,
    "rectangle": _rectangle,
}


def moved_boxes(matrix: NDArray, xyxy: NDArray, fit: str = DEFAULT) -> NDArray:
    """Boxes round the moved shapes, (N, 4), not clipped.

    matrix: (2, 3), from the old picture's pixels to the new one's, both continuous (a pixel's centre is at .5).
    """
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    radius = (xyxy[:, 2:] - xyxy[:, :2]) / 2
    reach = np.abs(matrix[:, :2]) * radius[:, None]  # (N, axis of the new picture, axis of the box)
    half = BOX_FITS[fit](reach[..., 0], reach[..., 1])
    return np.concatenate([centre - half, centre + half], axis=1)
