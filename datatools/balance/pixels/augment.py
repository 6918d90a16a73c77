"""Augment a picture together with its boxes, geometry first.

Geometry is drawn, and the boxes are moved, before a pixel is touched: a draw under which a box would leave the picture
further than allowed is thrown away and drawn again, and after `ATTEMPTS` draws only the flips remain, which lose
nothing.  So every box that the plan counts on survives.

All numbers come from the copy's own stream; pixels are moved by one warp (`geometry`), and coloured by imgaug
(`colour`).  Regions that need not survive go along: `Drawn.move` takes any boxes of the old picture to the new one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datatools.balance.pixels import box_fit
from datatools.balance.pixels.box_fit import moved_boxes
from datatools.balance.pixels.colour import Colours, draw_colours, paint
from datatools.balance.pixels.geometry import Geometry, draw_geometry
from datatools.balance.pixels.policy import Policy
from datatools.core import areas, clip_boxes

ATTEMPTS = 6
LEAST_PX = 2.0  # a box thinner than this after clipping counts as lost


@dataclass(frozen=True, eq=False)
class Drawn:
    """geometry: accepted.  xyxy: (N, 4) boxes in the new picture, clipped.  fit: how they were re-fitted.

    attempt: number of the draw that was accepted; ATTEMPTS where only the flips remained.
    """

    geometry: Geometry
    xyxy: NDArray
    fit: str
    attempt: int

    @property
    def size_wh(self) -> tuple[int, int]:
        """Of the new picture."""
        return self.geometry.size_wh

    def move(self, xyxy: NDArray) -> NDArray:
        """Any other boxes of the old picture, (M, 4), in the new one, clipped; what left it has no area."""
        return clip_boxes(moved_boxes(self.geometry.matrix, xyxy, self.fit), self.size_wh)


class Augmenter:
    """A policy, made ready; every draw depends only on the stream that is passed in."""

    def __init__(self, policy: Policy, min_visibility: float, fit: str = box_fit.DEFAULT) -> None:
        """min_visibility: the share of its area that a box must keep inside the picture, 0 to 1.  fit: of BOX_FITS."""
        self.policy, self.min_visibility, self.fit = policy, min_visibility, fit

    def draw(self, xyxy: NDArray, size_wh: tuple[int, int], rng: np.random.Generator) -> Drawn:
        """Geometry under which every box of (N, 4) stays visible enough."""
        for attempt in range(ATTEMPTS + 1):
            geometry = draw_geometry(self.policy.geometry, size_wh, rng, moves=attempt < ATTEMPTS)
            moved = moved_boxes(geometry.matrix, xyxy, self.fit)
            inside = clip_boxes(moved, geometry.size_wh)
            if attempt == ATTEMPTS or self._all_visible(moved, inside):
                return Drawn(geometry, inside, self.fit, attempt)
        raise AssertionError("the last attempt always returns")

    def _all_visible(self, moved: NDArray, inside: NDArray) -> bool:
        sides = inside[:, 2:] - inside[:, :2]
        return bool((sides >= LEAST_PX).all() and (areas(inside) >= self.min_visibility * areas(moved) - 1e-9).all())

    def pixels(self, pixels: NDArray, drawn: Drawn, rng: np.random.Generator) -> tuple[NDArray, Colours]:
        """The picture under the drawn geometry, with fresh colours, and which; (H, W, 3) uint8 in and out.

        What is returned may be the very array that was passed in.  JPEG artefacts are not drawn yet: the file is to be
        written with the quality that `Colours.jpeg` says.
        """
        colours = draw_colours(self.policy.colour, rng)
        return paint(drawn.geometry.pixels(pixels, self.policy.border), colours, rng), colours
