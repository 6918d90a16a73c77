"""A picture with what is in it, as it goes through augmentation: pixels, boxes, and regions that teach nothing.

Boxes are xyxy, float pixels of `picture`, half-open. What is left of a box of which too little is seen becomes a
region: it is neither an object to find nor a place where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Scene:
    """picture: (H, W, 3) uint8, RGB.  classes: (N,) int64.  xyxy: (N, 4) float64.  regions: (R, 4) float64, xyxy."""

    picture: np.ndarray
    classes: np.ndarray
    xyxy: np.ndarray
    regions: np.ndarray

    def seen(self, min_visible: float) -> Scene:
        """What is inside the picture: boxes clipped, and kept where at least `min_visible` of their area is left."""
        height, width = self.picture.shape[:2]
        limits = np.array([width, height, width, height], dtype=np.float64)
        clipped, regions = self.xyxy.clip(0, limits), self.regions.clip(0, limits)
        kept = (areas(clipped) >= min_visible * areas(self.xyxy)) & _a_pixel(clipped)
        rest = clipped[~kept]
        regions = np.concatenate((regions, rest))
        return replace(self, classes=self.classes[kept], xyxy=clipped[kept], regions=regions[_a_pixel(regions)])

    def moved(self, x: float, y: float) -> Scene:
        """The same, its boxes in the pixels of a picture in which this one's corner is at (x, y)."""
        shift = np.array([x, y, x, y], dtype=np.float64)
        return replace(self, xyxy=self.xyxy + shift, regions=self.regions + shift)


def together(picture: np.ndarray, scenes: Sequence[Scene]) -> Scene:
    """`picture` with all that is in the scenes."""
    return Scene(
        picture,
        np.concatenate([scene.classes for scene in scenes]),
        np.concatenate([scene.xyxy for scene in scenes]),
        np.concatenate([scene.regions for scene in scenes]),
    )


def areas(xyxy: np.ndarray) -> np.ndarray:
    """(N, 4) to (N,); an inverted box has none."""
    return (xyxy[:, 2:] - xyxy[:, :2]).clip(0).prod(axis=1)


def _a_pixel(xyxy: np.ndarray) -> np.ndarray:
    """Whether each box is at least a pixel wide and high."""
    return (xyxy[:, 2:] - xyxy[:, :2] >= 1).all(axis=1)
