"""A scene shown in a square: flipped, zoomed, turned, sheared and moved in one warp, then recoloured.

A box goes with the picture as the ellipse inside it does, so that turning does not grow it; a region as all of it
does. The amounts are in `augmentation.py`; mixing of pictures is in `mosaic.py` and `paste.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from detector.data.augmentation import Augmentation
from detector.data.pictures import GREY
from detector.data.scene import Scene


@dataclass(frozen=True)
class Affine:
    """x -> turn (x - pivot) + centre, in half-open pixels. turn: (2, 2).  pivot, centre: (2,)."""

    turn: np.ndarray
    pivot: np.ndarray
    centre: np.ndarray

    def boxes(self, xyxy: np.ndarray, whole: bool) -> np.ndarray:
        """Upright boxes round what the boxes become: round all of each if `whole`, else round its ellipse."""
        middle = ((xyxy[:, :2] + xyxy[:, 2:]) / 2 - self.pivot) @ self.turn.T + self.centre
        half, turn = (xyxy[:, 2:] - xyxy[:, :2]) / 2, np.abs(self.turn)
        reach = half @ turn.T if whole else np.sqrt(half**2 @ (turn**2).T)
        return np.concatenate((middle - reach, middle + reach), axis=1)

    def zoomed(self, zoom: float) -> Affine:
        """The same, `zoom` times as large round the same point."""
        return replace(self, turn=zoom * self.turn)

    def picture(self, picture: np.ndarray, side: int) -> np.ndarray:
        """OpenCV maps pixel centres, we map edges: the half pixel between them is put right here."""
        offset = self.turn @ (0.5 - self.pivot) + self.centre - 0.5
        matrix = np.column_stack((self.turn, offset))
        grey = (GREY,) * 3
        return cv2.warpAffine(
            picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=grey
        )


def draw_affine(pivot: np.ndarray, side: int, how: Augmentation, rng: np.random.Generator) -> Affine:
    """One that brings `pivot`, a point of the picture, near the centre of the square."""
    zoom = np.exp(rng.uniform(-1, 1) * np.log1p(how.scale))
    shift = rng.uniform(-how.shift, how.shift, size=2) * side
    mirror = -1.0 if rng.random() < how.flip else 1.0
    angle, across, down = np.radians(rng.uniform(-1, 1, size=3) * (how.rotate_deg, how.shear_deg, how.shear_deg))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, np.tan(across)], [np.tan(down), 1]])
    turn = zoom * rotation @ shear @ np.diag([mirror, 1.0])
    return Affine(turn, np.asarray(pivot, dtype=np.float64), side / 2 + shift)


def warp(scene: Scene, affine: Affine, side: int, min_visible: float) -> Scene:
    """The scene as `affine` shows it in a square; boxes clipped, or made regions where too little is left of them."""
    square = affine.picture(scene.picture, side)
    xyxy, regions = affine.boxes(scene.xyxy, whole=False), affine.boxes(scene.regions, whole=True)
    return Scene(square, scene.classes, xyxy, regions).seen(min_visible)


def recolour(picture: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Hue, saturation and value of all pixels, each by one gain; and noise."""
    gain = 1 + rng.uniform(-1, 1, size=3) * (how.hue, how.saturation, how.value)
    if not (how.hue or how.saturation or how.value):
        return noised(picture, how.noise, rng)
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    levels = np.arange(256, dtype=np.float64)
    tables = (levels * gain[0] % 180, (levels * gain[1]).clip(0, 255), (levels * gain[2]).clip(0, 255))
    table = np.stack(tables, axis=1).astype(np.uint8)[None]
    recoloured = cv2.cvtColor(cv2.LUT(hsv, table.transpose(1, 0, 2)), cv2.COLOR_HSV2RGB)
    return noised(recoloured, how.noise, rng)


def noised(picture: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise, of a deviation drawn up to `most` of white; grey in half of the cases, else of each channel."""
    if not most:
        return picture
    sigma, channels = 255 * rng.uniform(0, most), 1 if rng.random() < 0.5 else 3
    noise = rng.standard_normal((*picture.shape[:2], channels), dtype=np.float32)
    return np.rint(picture + np.float32(sigma) * noise).clip(0, 255).astype(np.uint8)
