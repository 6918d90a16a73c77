"""The light, the sharpness and the grain of a photographed face, so that what is drawn on it takes them over.

Light is a smooth surface of log luminance fitted to the skin; its mean says how bright a white cloth would be there,
its colour how warm.  Sharpness is the width of the sharpest edges around the eyes, grain the residue of a Laplacian.
Luminance is linear (sRGB decoded by a power of 2.2), Rec. 709 weights.
Sources: noise by Immerkær, Fast noise variance estimation, CVIU 64(2), 1996, with a median in place of the mean.
Limits: one light a face; a beard and glasses are trimmed away as outliers, a half-shadowed face is followed smoothly.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.faces.face import EYES, HULL, NOSE_TIP, Face

GAMMA = 2.2
_REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
_SKIN_ALBEDO = 0.42  # luminance that fair skin sends back; a darker one is recognised by what is white beside it
_SKIN_TINT = np.array([1.52, 0.88, 0.62])  # linear RGB of skin over its luminance, in neutral light
# edge widths as `_sharpness` measures them on two sharp photographs, and the sigmas that these were blurred by
_WIDTHS = (0.8, 0.95, 1.06, 1.19, 1.39, 1.58, 1.7)
_SIGMAS = (0.35, 0.45, 0.83, 1.1, 1.57, 2.5, 4.0)
_SAMPLE_PX = 48.0  # face height at which the light is measured


@dataclass(frozen=True, eq=False, slots=True)
class Light:
    """surface: (6,) of log luminance over 1, x, y, x², xy, y², in face heights from the nose.  low, high: its range.

    exposure: linear luminance of a white cloth.  tint: (3,) linear gains.  blur_px: sigma of the sharpest edges.
    noise: sigma in grey levels.  grey: a photograph without colours.  skin: (3,), what skin sends back of this light.
    """

    surface: NDArray
    low: float
    high: float
    exposure: float
    tint: NDArray
    blur_px: float
    noise: float
    grey: bool
    skin: NDArray

    def at(self, xy: NDArray) -> NDArray:
        """Relative light at points given in face heights from the nose, (..., 2) -> (...), about 1."""
        return np.exp(np.clip(_terms(xy) @ self.surface, self.low, self.high))


def linear(rgb: NDArray) -> NDArray:
    """sRGB 0..255 to linear 0..1."""
    return (np.asarray(rgb, np.float32) / 255) ** GAMMA


def display(rgb: NDArray) -> NDArray:
    """Linear to sRGB 0..255, float32."""
    return np.clip(rgb, 0, 1) ** (1 / GAMMA) * np.float32(255)


def measure(pixels: NDArray, face: Face) -> Light:
    """What the photograph does to a face.  pixels: (H, W, 3) uint8, face in their frame."""
    small, at = _sample(pixels, face)
    lin = linear(small)
    luminance = lin @ _REC709
    skin = _hull(at, luminance.shape)
    surface, low, high, level = _fitted(luminance, skin, at)
    around = float(np.percentile(luminance, 95))
    exposure = max(level / _SKIN_ALBEDO, min(0.8 * around, level / 0.2))
    grey = float(np.abs(small.astype(np.int16) - small.mean(axis=2, keepdims=True)).mean()) < 2.5
    tint = np.ones(3) if grey else _tint(lin[skin])
    blur_px, noise = _sharpness(_window(pixels, face))
    exposure = float(np.clip(exposure, 0.02, 1.15))
    albedo = np.median(lin[skin], axis=0) / (exposure * tint)
    return Light(surface, low, high, exposure, tint, blur_px, noise, grey, albedo.astype(np.float32))


def _sample(pixels: NDArray, face: Face) -> tuple[NDArray, Face]:
    """The face's surroundings at about 48 pixels a face height, and the face in them."""
    h, w = pixels.shape[:2]
    reach = 1.1 * max(face.height, 0.8 * face.size)
    centre = face.points[NOSE_TIP]
    x1, y1 = np.clip(np.floor(centre - reach), 0, (w - 2, h - 2)).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(centre + reach), (x1 + 2, y1 + 2), (w, h)).astype(int).tolist()
    part = pixels[y1:y2, x1:x2]
    scale = _SAMPLE_PX / face.height
    if scale >= 1 or scale * min(part.shape[:2]) < 1:  # only a strip of it is in the picture
        return part, face.moved((x1, y1))
    part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return part, face.moved((x1, y1), scale)


def _hull(face: Face, shape: tuple[int, ...]) -> NDArray:
    """Pixels of the face, (H, W) bool, a little inside its outline."""
    hull = face.points[list(HULL)]
    inside = hull.mean(axis=0) + 0.9 * (hull - hull.mean(axis=0))
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.round(inside * 16 - 8).astype(np.int32)], 1, cv2.LINE_8, 4)
    return canvas.astype(bool) if canvas.any() else np.ones(shape, bool)


def _terms(xy: NDArray) -> NDArray:
    x, y = xy[..., 0], xy[..., 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _fitted(luminance: NDArray, skin: NDArray, face: Face) -> tuple[NDArray, float, float, float]:
    """(surface, low, high, luminance of the skin): least squares in logarithms, outliers trimmed twice."""
    rows, columns = np.nonzero(skin)
    xy = (np.stack([columns + 0.5, rows + 0.5], axis=1) - face.points[NOSE_TIP]) / face.height
    terms, value = _terms(xy), np.log(np.maximum(luminance[skin], 2e-3))
    damping = np.diag([1e-6, 0.01, 0.01, 0.05, 0.05, 0.05]) * len(value)
    use = np.ones(len(value), bool)
    for _ in range(3):
        a = terms[use]
        surface = np.linalg.solve(a.T @ a + damping, a.T @ value[use])
        off = value - terms @ surface
        limit = 1.5 * max(float(np.median(np.abs(off))), 0.02)
        use = (off > -1.6 * limit) & (off < 2.5 * limit)
    fit = terms @ surface
    level = float(np.median(fit))
    surface[0] -= level
    low, high = np.percentile(fit - level, (3, 97)).tolist()
    return surface, max(low, -1.2), min(high, 0.7), float(np.exp(level))


def _tint(skin: NDArray) -> NDArray:
    """Colour of the light, as gains of luminance 1: a part of what the skin's colour departs from usual skin."""
    mean = np.maximum(np.median(skin, axis=0), 1e-3)
    departs = np.clip((mean / (mean @ _REC709) / _SKIN_TINT) ** 0.3, 0.92, 1.1)
    return departs / (departs @ _REC709)


def _window(pixels: NDArray, face: Face) -> NDArray:
    """Grey pixels around the eyes, at most 160 a side, (h, w) float32."""
    h, w = pixels.shape[:2]
    eyes = face.points[list(EYES)].mean(axis=0)
    reach = float(np.clip(0.6 * face.height, 6, 80))
    x1, y1 = np.clip(np.floor(eyes - reach), 0, (w - 2, h - 2)).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(eyes + reach), (x1 + 2, y1 + 2), (w, h)).astype(int).tolist()
    return cv2.cvtColor(np.ascontiguousarray(pixels[y1:y2, x1:x2]), cv2.COLOR_RGB2GRAY).astype(np.float32)


def _sharpness(grey: NDArray) -> tuple[float, float]:
    """(sigma of the sharpest edges in pixels, sigma of the noise in grey levels).

    A step of height A seen through a Gaussian of sigma s has the slope A / (s √(2π)) at its middle; A is taken from
    5×5 pixels, less than a wide edge has, hence the table.
    """
    residue = cv2.filter2D(grey, cv2.CV_32F, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32))
    noise = float(np.median(np.abs(residue)) / (6 * 0.6745))
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8))
    step = cv2.dilate(grey, np.ones((5, 5))) - cv2.erode(grey, np.ones((5, 5)))
    strong = slope >= max(float(np.percentile(slope, 92)), 0.1)
    if not strong.any():  # nothing to be seen: no edge to go by
        return _SIGMAS[1], min(noise, 12.0)
    width = float(np.percentile(step[strong] / (slope[strong] * np.sqrt(2 * np.pi)), 10))
    return float(np.interp(width, _WIDTHS, _SIGMAS)), min(noise, 12.0)
