"""Close-ups: a picture shown so that one of its objects is large, as before a webcam, where a set's objects are small.

Which: a class of the picture, all alike, then one of its objects, all alike. How large: its longer side takes a share
of the square drawn evenly in its logarithm, from what it takes anyway to `LARGEST`, and is enlarged at most
`MOST` times, since what is enlarged further is a blur. Where: anywhere that shows the whole object; the square stays
inside the picture where it fits.
Source: data-anchor-sampling, Tang et al., "PyramidBox", 2018, section 3.4, with a share of the square for an anchor.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.data.augment import Affine, draw_affine
from detector.data.augmentation import Augmentation
from detector.data.scene import Scene

LARGEST = 0.85  # of the square's side
MOST = 6.0


def draw_close_up(scene: Scene, side: int, how: Augmentation, rng: np.random.Generator) -> Affine | None:
    """One that shows an object of `scene` large; None where it holds none, or only such as fill the square anyway."""
    if not len(scene.classes):
        return None
    number = rng.choice(np.unique(scene.classes))
    x0, y0, x1, y1 = scene.xyxy[rng.choice(np.flatnonzero(scene.classes == number))]
    longer = max(x1 - x0, y1 - y0)
    highest = min(LARGEST * side / longer, MOST)
    if highest <= 1:
        return None
    zoom = float(np.exp(rng.uniform(0, np.log(highest))))
    window = side / zoom
    spare = (window - np.array([x1 - x0, y1 - y0])) / 2
    middle = np.array([x0 + x1, y0 + y1]) / 2 + rng.uniform(-1, 1, size=2) * spare
    pivot = _inside(middle, window, np.array(scene.picture.shape[1::-1], dtype=np.float64))
    return draw_affine(pivot, side, replace(how, shift=0.0, scale=0.0), rng).zoomed(zoom)


def _inside(middle: np.ndarray, window: float, size_wh: np.ndarray) -> np.ndarray:
    """`middle` (2,), moved so that a window round it stays in the picture; along an edge that is shorter, centred."""
    half = window / 2
    return np.where(size_wh > window, middle.clip(half, np.maximum(size_wh - half, half)), size_wh / 2)
