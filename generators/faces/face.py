"""One face whose 68 landmarks are known, in dlib's numbering, and the measures that everything drawn on it hangs on.

Points are continuous pixels of the upright picture (the first pixel spans 0..1), as boxes are.  0..16 is the jaw from
the picture's left ear over the chin (8) to its right ear, 17..26 the brows, 27..30 the bridge of the nose, 31..35 its
base, 36..47 the eyes, 48..67 the mouth.  Left and right are the picture's.
Source of the numbering: Sagonas et al., 300 Faces in-the-wild challenge, ICCV workshops 2013.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

LANDMARKS = 68
CHIN, BRIDGE, NOSE_TIP = 8, 27, 30
NOSE = (30, 31, 33, 35)
MOUTH = (48, 51, 54, 57, 62, 66)
CHIN_POINTS = (7, 8, 9)
EYES = tuple(range(36, 48))
HULL = (*range(17), 26, 25, 24, 19, 18, 17)  # jaw and brows, once around
# the same landmark on the mirrored face
MIRRORED = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
    39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Face:
    """xyxy: the annotated box, (4,) pixels.  points: (68, 2) float64, read-only.

    spread: how far the landmarks moved under small changes of the box, share of the face's side (0 where measured by
    hand).  score: of dlib's HOG detector on the crop, None where it was not asked.

    size: geometric mean of the box's sides, height: from between the eyes to the chin, both in pixels.
    down: unit vector from between the eyes to the chin, (2,).  across: that to the picture's right, at a right angle.
    yaw: how far the head is turned, -1..1: where the nose's tip stands between the cheeks; 0 seen from the front.
    Negative where the nose is nearer to the picture's left cheek; beyond about 0.7 the far cheek is out of sight.
    Raises ValueError on other shapes.
    """

    xyxy: NDArray
    points: NDArray
    spread: float = 0.0
    score: float | None = None
    size: float = field(init=False)
    height: float = field(init=False)
    down: NDArray = field(init=False)
    across: NDArray = field(init=False)
    yaw: float = field(init=False)

    def __post_init__(self) -> None:
        for name, shape in (("xyxy", (4,)), ("points", (LANDMARKS, 2))):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise ValueError(f"{name}: shape {array.shape}, expected {shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        self._measure()

    def _measure(self) -> None:
        (x1, y1, x2, y2), p = self.xyxy.tolist(), self.points
        axis = p[CHIN] - p[BRIDGE]
        height = math.hypot(*axis.tolist())
        down = axis / max(height, 1e-9)
        across = np.array([down[1], -down[0]])
        left, tip, right = (p[[2, NOSE_TIP, 14]] @ across).tolist()
        yaw = 2 * (tip - left) / max(right - left, 1e-9) - 1
        size = math.sqrt(max((x2 - x1) * (y2 - y1), 0.0))
        measured = {"size": size, "height": height, "down": down, "across": across, "yaw": min(max(yaw, -1.0), 1.0)}
        for name, value in measured.items():
            object.__setattr__(self, name, value)

    def moved(self, offset: ArrayLike, scale: float = 1.0) -> Face:
        """The face in a frame whose origin is at `offset` (2,), and whose pixels are `scale` times as fine."""
        shift = np.asarray(offset, np.float64)
        return Face((self.xyxy - np.tile(shift, 2)) * scale, (self.points - shift) * scale, self.spread, self.score)
