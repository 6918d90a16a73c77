"""What training may do to a picture, as one checked value, and four of them with names. Free of cv2, as --help is.

`light` is modest, for short runs; `default` is the YOLO family's habit (mosaic, HSV .015/.7/.4, flip .5, scale .5);
`strong` adds turning, shearing, mixup and pasting, for long runs on few pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from detector.errors import UserError

COLOURS = ("hue", "saturation", "value", "noise")
SHARES = (*COLOURS, "flip", "mosaic", "mixup", "copy_paste", "close_up", "shift", "min_visible")


@dataclass(frozen=True)
class Augmentation:
    """Amounts; 0 switches one off.

    hue, saturation, value: shares of change either way.  noise: highest standard deviation, as a share of white.
    flip, mosaic, mixup, copy_paste, close_up: probabilities.
    scale: .5 draws a zoom from 1/1.5 to 1.5.  shift: share of the side either way.  rotate_deg, shear_deg: either way.
    pasted: most objects that copy_paste adds.  min_visible: share of a box that has to be left for it to stay one.
    """

    hue: float = 0.015
    saturation: float = 0.5
    value: float = 0.3
    noise: float = 0.0
    flip: float = 0.5
    scale: float = 0.3
    shift: float = 0.1
    rotate_deg: float = 0.0
    shear_deg: float = 0.0
    mosaic: float = 0.0
    mixup: float = 0.0
    copy_paste: float = 0.0
    close_up: float = 0.0
    pasted: int = 3
    min_visible: float = 0.3

    def __post_init__(self) -> None:
        """Raises UserError, naming the amount, where one is out of its range."""
        for name in SHARES:
            _within(name, getattr(self, name), 1)
        _within("scale", self.scale, 9)
        _within("rotate_deg", self.rotate_deg, 180)
        _within("shear_deg", self.shear_deg, 60)
        if self.pasted < 1:
            raise UserError("augmentation: pasted", str(self.pasted), "1 or more")

    def alone(self) -> Augmentation:
        """The same without what mixes pictures: for the last epochs, which see pictures as they are."""
        return replace(self, mosaic=0.0, mixup=0.0, copy_paste=0.0)


def _within(name: str, value: float, high: float) -> None:
    if not (math.isfinite(value) and 0 <= value <= high):
        raise UserError(f"augmentation: {name}", f"{value:g}", f"0 to {high:g}")


LIGHT = Augmentation()
NONE = Augmentation(hue=0, saturation=0, value=0, flip=0, scale=0, shift=0)
DEFAULT = replace(LIGHT, saturation=0.7, value=0.4, scale=0.5, mosaic=1.0)
STRONG = replace(DEFAULT, scale=0.7, rotate_deg=7.0, shear_deg=2.0, mixup=0.15, copy_paste=0.5)
PRESETS = {"none": NONE, "light": LIGHT, "default": DEFAULT, "strong": STRONG}


def preset(name: str) -> Augmentation:
    """One of none, light, default and strong. Raises UserError for any other name."""
    if name not in PRESETS:
        raise UserError("augmentation", repr(name), f"one of {', '.join(PRESETS)}")
    return PRESETS[name]
