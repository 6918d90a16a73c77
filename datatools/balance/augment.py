"""Augment a picture together with its boxes (imgaug), geometry first.

Geometry is drawn, and the boxes are moved, before a pixel is touched: a draw under which a box would leave the picture
further than allowed is thrown away and drawn again, and after `ATTEMPTS` draws only the flips remain, which lose
nothing.  So every box that the plan counts on survives.

A box is moved by the ellipse inscribed in it, the outline of a face rather than of its corners: a box round a turned
ellipse grows by 1.5 % at 10°, the box round its turned corners by 34 % (for a square).  Under flips, shifts and scales
both are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datatools.balance.imgaug_import import import_imgaug
from datatools.balance.policy import Policy
from datatools.core import areas, clip_boxes

ATTEMPTS = 6
LEAST_PX = 2.0  # a box thinner than this after clipping counts as lost
_RIM = 32  # points on the ellipse; their hull misses it by at most 0.5 %


@dataclass(frozen=True)
class Drawn:
    """geometry: the operators, fixed.  xyxy: (N, 4) boxes in the new picture.  size_wh: its size.

    attempt: number of the draw that was accepted; ATTEMPTS where only the flips remained.
    """

    geometry: Any
    xyxy: NDArray
    size_wh: tuple[int, int]
    attempt: int


class Augmenter:
    """A policy's operators, built once a process; every draw depends only on the stream that is passed in."""

    def __init__(self, policy: Policy, min_visibility: float) -> None:
        """min_visibility: the share of its area that a box must keep inside the picture, 0 to 1."""
        iaa = import_imgaug()
        self.min_visibility = min_visibility
        flips = _flips(iaa, policy.geometry)
        self._flips = iaa.Sequential(flips)
        self._geometry = iaa.Sequential([*flips, *_moves(iaa, policy.geometry, policy.border)])
        self._colour = iaa.Sequential(_colours(iaa, policy.colour))

    def draw(self, xyxy: NDArray, size_wh: tuple[int, int], rng: np.random.Generator) -> Drawn:
        """Geometry under which every box of (N, 4) stays visible enough."""
        for attempt in range(ATTEMPTS + 1):
            operators = self._geometry if attempt < ATTEMPTS else self._flips
            operators.seed_(int(rng.integers(2**31)))
            fixed = operators.to_deterministic()
            moved, new_wh = _moved(fixed, xyxy, size_wh)
            inside = clip_boxes(moved, new_wh)
            if attempt == ATTEMPTS or self._all_visible(moved, inside):
                return Drawn(fixed, inside, new_wh, attempt)
        raise AssertionError("the last attempt always returns")

    def _all_visible(self, moved: NDArray, inside: NDArray) -> bool:
        sides = inside[:, 2:] - inside[:, :2]
        return bool((sides >= LEAST_PX).all() and (areas(inside) >= self.min_visibility * areas(moved) - 1e-9).all())

    def pixels(self, pixels: NDArray, drawn: Drawn, rng: np.random.Generator) -> NDArray:
        """The picture under the drawn geometry, then with fresh colours.  (H, W, 3) uint8 in and out."""
        self._colour.seed_(int(rng.integers(2**31)))
        return self._colour.augment_image(drawn.geometry.augment_image(np.ascontiguousarray(pixels)))


def _moved(fixed: Any, xyxy: NDArray, size_wh: tuple[int, int]) -> tuple[NDArray, tuple[int, int]]:
    """Boxes round the moved ellipses, unclipped, and the new picture's size."""
    from imgaug.augmentables import KeypointsOnImage

    w, h = size_wh
    angle = np.linspace(0, 2 * np.pi, _RIM, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    radius = (xyxy[:, 2:] - xyxy[:, :2]) / 2
    points = centre[:, None] + radius[:, None] * circle[None]
    moved = fixed.augment_keypoints(KeypointsOnImage.from_xy_array(points.reshape(-1, 2), shape=(h, w, 3)))
    rim = moved.to_xy_array().reshape(len(xyxy), _RIM, 2).astype(np.float64)
    new_h, new_w = moved.shape[:2]
    if not len(xyxy):
        return np.zeros((0, 4)), (int(new_w), int(new_h))
    return np.concatenate([rim.min(axis=1), rim.max(axis=1)], axis=1), (int(new_w), int(new_h))


def _flips(iaa: Any, said: Mapping[str, Mapping[str, Any]]) -> list:
    makers = {"flip_horizontal": iaa.Fliplr, "flip_vertical": iaa.Flipud}
    return [make(said[name].get("p", 1.0)) for name, make in makers.items() if name in said]


def _moves(iaa: Any, said: Mapping[str, Mapping[str, Any]], border: int) -> list:
    operators = []
    if "affine" in said:
        values = said["affine"]
        affine = iaa.Sequential(
            [
                iaa.Affine(
                    scale=values.get("scale", 1.0),
                    rotate=values.get("rotate_deg", 0.0),
                    shear=values.get("shear_deg", 0.0),
                    translate_percent={"x": values.get("shift_x", 0.0), "y": values.get("shift_y", 0.0)},
                    cval=border,
                )
            ]
        )
        if "shift_x_px" in values or "shift_y_px" in values:
            shift = {axis: _whole(values.get(f"shift_{axis}_px", (0, 0))) for axis in "xy"}
            affine.append(iaa.Affine(translate_px=shift, cval=border))
        operators.append(iaa.Sometimes(values.get("p", 1.0), affine))
    if "crop" in said:
        values = said["crop"]
        operators.append(iaa.Sometimes(values.get("p", 1.0), iaa.Crop(percent=values["share"], keep_size=False)))
    return operators


def _whole(span: tuple[float, float]) -> tuple[int, int]:
    return round(span[0]), round(span[1])


def _colours(iaa: Any, said: Mapping[str, Mapping[str, Any]]) -> list:
    def noise(v: Mapping[str, Any]) -> Any:
        low, high = v["sigma"]
        return iaa.AdditiveGaussianNoise(scale=(low * 255, high * 255), per_channel=v.get("per_channel", 0.5))

    def jpeg(v: Mapping[str, Any]) -> Any:
        low, high = v["quality"]
        return iaa.JpegCompression(compression=(100 - high, 100 - low))

    makers = {
        "brightness": lambda v: iaa.Multiply(v["multiply"]),
        "contrast": lambda v: iaa.LinearContrast(v["multiply"]),
        "hue_saturation": lambda v: iaa.AddToHueAndSaturation(_whole(v["add"])),
        "blur": lambda v: iaa.GaussianBlur(v["sigma_px"]),
        "noise": noise,
        "jpeg": jpeg,
    }
    return [iaa.Sometimes(said[name].get("p", 1.0), make(said[name])) for name, make in makers.items() if name in said]
