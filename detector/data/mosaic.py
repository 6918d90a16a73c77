"""Several pictures in one: four that meet in a point (mosaic), or two that shine through each other (mixup).

Mosaic: Bochkovskiy et al., "YOLOv4", 2020, section 3.3. The four keep their size and meet in the middle of a canvas
of twice the side; the warp that follows looks at a point near it, so nothing is cut here.
Mixup: Zhang et al., "mixup", 2018, as for detection in Zhang et al., "Bag of Freebies", 2019, section 3.1: pixels are
averaged, and all boxes of both count.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detector.data.pictures import GREY
from detector.data.scene import Scene, together

BETA = 32.0  # of mixup's Beta distribution: shares near a half


def mosaic(scenes: Sequence[Scene], side: int) -> Scene:
    """Four scenes, none larger than `side`, in a square of 2 x `side`: top left, right, bottom left, right."""
    canvas = np.full((2 * side, 2 * side, 3), GREY, dtype=np.uint8)
    placed = []
    for number, scene in enumerate(scenes):
        height, width = scene.picture.shape[:2]
        x, y = side - width * (number % 2 == 0), side - height * (number < 2)
        canvas[y : y + height, x : x + width] = scene.picture
        placed.append(scene.moved(x, y))
    return together(canvas, placed)


def draw_pivot(side: int, rng: np.random.Generator) -> np.ndarray:
    """Where to look at a mosaic: up to half a side from the point where its pictures meet."""
    return side + rng.uniform(-0.5, 0.5, size=2) * side


def mixup(one: Scene, other: Scene, rng: np.random.Generator) -> Scene:
    """Both scenes, of one size, in one picture."""
    share = rng.beta(BETA, BETA)
    return together(cv2.addWeighted(one.picture, share, other.picture, 1 - share, 0), (one, other))
