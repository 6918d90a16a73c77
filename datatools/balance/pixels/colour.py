"""How a copy's colours are changed: the numbers are drawn here, imgaug changes the pixels.

What depends on a pixel's value alone (brightness, contrast) imgaug works out once for the 256 levels, not for each
pixel: equal in result.  Noise is added here: its 256 quantiles are looked up by random bytes, which takes a tenth of
the time that normal deviates take.  The order is brightness, contrast, hue and saturation, blur, noise, JPEG.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datatools.balance.pixels.imgaug_import import import_imgaug
from datatools.images import decode, encode

Said = Mapping[str, Mapping[str, Any]]
_ORDER = ("brightness", "contrast", "hue_saturation", "blur", "noise", "jpeg")
_KEYS = {
    "brightness": "multiply",
    "contrast": "multiply",
    "hue_saturation": "add",
    "blur": "sigma_px",
    "noise": "sigma",
    "jpeg": "quality",
}
_LEAST_BLUR_PX = 0.2  # below, no pixel changes


@dataclass(frozen=True)
class Colours:
    """What is done to a copy; the defaults do nothing.

    brightness, contrast: factors.  hue_saturation: added, -255 to 255 (255: once round the hues).  blur: standard
    deviation, px.  noise: standard deviation, as a share of the full range.  grey_noise: the same for all channels.
    jpeg: quality, 0 for none.
    """

    brightness: float = 1.0
    contrast: float = 1.0
    hue_saturation: int = 0
    blur: float = 0.0
    noise: float = 0.0
    grey_noise: bool = False
    jpeg: int = 0


def draw_colours(said: Said, rng: np.random.Generator) -> Colours:
    """said: a policy's `colour`.  Each draw takes the same count of numbers from the stream, whatever the policy."""
    draws = rng.random((len(_ORDER), 2)).tolist()
    which = float(rng.random())
    drawn: dict[str, Any] = {}
    for name, (happens, place) in zip(_ORDER, draws, strict=True):
        values = said.get(name, {})
        if name in said and _KEYS[name] in values and happens < values.get("p", 1.0):
            low, high = values[_KEYS[name]]
            drawn[name] = low + (high - low) * place
    for name in ("hue_saturation", "jpeg"):
        if name in drawn:
            drawn[name] = round(drawn[name])
    grey = "noise" in drawn and which >= said["noise"].get("per_channel", 0.5)
    return Colours(**drawn, grey_noise=grey)


def paint(pixels: NDArray, colours: Colours, rng: np.random.Generator) -> NDArray:
    """The picture in new colours, (H, W, 3) uint8; JPEG is left to who writes it.  rng: for the noise."""
    import cv2

    iaa = import_imgaug()
    if (colours.brightness, colours.contrast) != (1, 1):
        pixels = cv2.LUT(pixels, _tones(colours.brightness, colours.contrast))
    if colours.hue_saturation:
        pixels = _hue_saturation(pixels, colours.hue_saturation)
    if colours.blur >= _LEAST_BLUR_PX:
        pixels = iaa.blur.blur_gaussian_(pixels, colours.blur)
    if colours.noise:
        pixels = _noisy(pixels, colours.noise * 255, colours.grey_noise, rng)
    return pixels


def compressed(pixels: NDArray, quality: int) -> NDArray:
    """With the artefacts of a JPEG file of that quality, (H, W, 3) uint8; 0 leaves the picture as it is."""
    return decode(encode(pixels, ".jpg", quality)) if quality else pixels


def _tones(brightness: float, contrast: float) -> NDArray:
    """What becomes of each of the 256 levels, (256,) uint8."""
    iaa = import_imgaug()
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    levels = iaa.arithmetic.multiply_scalar(levels, brightness) if brightness != 1 else levels
    levels = iaa.contrast.adjust_contrast_linear(levels, contrast) if contrast != 1 else levels
    return levels.reshape(256)


def _hue_saturation(pixels: NDArray, add: int) -> NDArray:
    """imgaug's AddToHueAndSaturation with one number for both."""
    import cv2

    iaa = import_imgaug()
    level = np.arange(256)
    hue = (level + int(add / 255 * 180)) % 180  # OpenCV's hues are half degrees
    table = np.stack([hue, np.clip(level + add, 0, 255), level], axis=1).astype(np.uint8)
    hsv = iaa.change_colorspace_(pixels.copy(), iaa.CSPACE_HSV, iaa.CSPACE_RGB)
    return iaa.change_colorspace_(cv2.LUT(hsv, table[None]), iaa.CSPACE_RGB, iaa.CSPACE_HSV)


def _noisy(pixels: NDArray, sigma: float, grey: bool, rng: np.random.Generator) -> NDArray:
    """Gaussian noise of `sigma` grey levels; the same for all three channels where it is grey."""
    import cv2

    h, w = pixels.shape[:2]
    channels = 1 if grey else 3
    size = h * w * channels
    index = rng.bit_generator.random_raw(-(-size // 8)).view(np.uint8)[:size].reshape(h, w, channels)
    added = cv2.LUT(index, np.rint(_quantiles() * sigma).astype(np.int16))
    added = cv2.merge([added] * 3) if grey else added
    return cv2.add(pixels, added, dtype=cv2.CV_8U)


@cache
def _quantiles() -> NDArray:
    """The standard normal distribution in 256 equally likely values of variance 1, (256,)."""
    values = np.array([NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)])
    return values / values.std()
