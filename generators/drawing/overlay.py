"""One mask laid on one face: warped, lit, shadowed, strapped, and as sharp and as grainy as the photograph.

Work is done in the mask's own region only, at up to `_FINE` times the photograph's resolution where the face is small,
so the cost hangs on the face and not on the picture.  Nothing is changed in place: the result is a `Patch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.drawing.light import GAMMA, Light, display, measure
from generators.drawing.masks import Texture
from generators.drawing.warp import on_pixels, sampled, thin_plate
from generators.drawing.wear import Worn
from generators.faces.face import NOSE_TIP, Face
from generators.faces.front import Front, in_front

_FINE = 4
_FINE_PX = 90.0  # face height up to which the canvas is finer than the photograph
_SHADOW, _SHADOW_BLUR, _SHADOW_DOWN = 0.42, 0.035, 0.022  # strength; shares of the face's height
_STRAP = 0.017  # width, share of the face's height
_SEEN = 0.25  # coverage from which a pixel counts as mask


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """Part of a picture, changed.  x, y: its corner.  rgb: (h, w, 3) uint8.

    cloth, cover: (h, w) float32 in 0..1, how far the cloth hides what is below it, and the cloth with its straps.
    """

    x: int
    y: int
    rgb: NDArray
    cloth: NDArray
    cover: NDArray

    @property
    def seen_xyxy(self) -> NDArray | None:
        """Box of what is seen of the cloth, (4,) pixels; None where nothing is."""
        seen = self.cloth > _SEEN
        rows, columns = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
        if not len(rows):
            return None
        return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64) + (self.x, self.y) * 2

    def onto(self, pixels: NDArray) -> None:
        """Write the patch into its picture."""
        h, w = self.rgb.shape[:2]
        pixels[self.y : self.y + h, self.x : self.x + w] = self.rgb


def region(face: Face, worn: Worn, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the picture that a mask may change, xyxy whole pixels; of zero area where it is outside."""
    edge = np.concatenate([worn.outline, *worn.straps])
    margin = 0.13 * face.height + 2
    x1, y1 = np.clip(np.floor(edge.min(axis=0) - margin), 0, size_wh).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(edge.max(axis=0) + margin), (x1, y1), size_wh).astype(int).tolist()
    return x1, y1, x2, y2


@dataclass(frozen=True, eq=False, slots=True)
class Survey:
    """What the photograph says of a face, whatever is put on it: its light, and what stands before it."""

    light: Light
    front: Front | None


def survey(pixels: NDArray, face: Face) -> Survey:
    """pixels: (H, W, 3) uint8 RGB, as photographed."""
    return Survey(measure(pixels, face), in_front(pixels, face))


def put_on(
    pixels: NDArray,
    face: Face,
    worn: Worn,
    texture: Texture,
    rng: np.random.Generator,
    keep: NDArray | None = None,
    seen: Survey | None = None,
) -> Patch:
    """The face with the mask on.

    pixels: (H, W, 3) uint8 RGB.  keep: (M, 4) boxes whose pixels stay as they are.
    seen: the face's survey, made here where it is not given.
    Raises ValueError where the mask lies outside the picture.
    """
    h, w = pixels.shape[:2]
    x1, y1, x2, y2 = region(face, worn, (w, h))
    if x2 - x1 < 2 or y2 - y1 < 2:
        raise ValueError("the mask lies outside the picture")
    seen = seen or survey(pixels, face)
    below = pixels[y1:y2, x1:x2]
    here = _moved(worn, (x1, y1))
    cloth = _cloth(here, texture, face.height, below.shape)
    if texture.skin:
        cloth[..., :3] *= seen.light.skin
    layer = _with_straps(cloth, _straps(here, face.height, below.shape), texture.strap)
    free = _free(below.shape, np.empty((0, 4)) if keep is None else keep - np.tile((x1, y1), 2))
    if seen.front:
        free *= 1 - seen.front.over((x1, y1, x2, y2))
    shading = cloth[..., 3] * free * texture.relief
    rgb = _blended(below, layer * free[..., None], shading, seen.light, face.moved((x1, y1)), rng)
    rgb = np.where(free[..., None] > 0, rgb, below)
    return Patch(x1, y1, rgb, cloth[..., 3] * free, layer[..., 3] * free)


def _moved(worn: Worn, corner: tuple[int, int]) -> Worn:
    return Worn(worn.mode, worn.rows - corner, tuple(s - corner for s in worn.straps))


def _cloth(worn: Worn, texture: Texture, height: float, shape: tuple[int, ...]) -> NDArray:
    """The texture warped into the region, (h, w, 4): painted finely, then averaged down, which smooths its edge."""
    h, w = shape[:2]
    fine = int(np.clip(np.ceil(_FINE_PX / height), 1, _FINE))
    fine_wh = (w * fine, h * fine)
    uv = on_pixels(thin_plate(worn.rows.reshape(-1, 2), texture.uv), fine_wh, fine)
    across = float(np.linalg.norm(np.diff(worn.rows[1], axis=0), axis=1).sum()) * fine
    painted = sampled(_reduced(texture.albedo, across), uv)
    painted[..., :3] *= 1 + texture.relief * (_form(uv)[..., None] - 1)
    if texture.clipped:
        inside = np.zeros(fine_wh[::-1], np.uint8)
        cv2.fillPoly(inside, [np.round(worn.outline * fine * 16 - 8).astype(np.int32)], 255, cv2.LINE_AA, 4)
        painted *= inside[..., None] * np.float32(1 / 255)
    return painted if fine == 1 else cv2.resize(painted, (w, h), interpolation=cv2.INTER_AREA)


def _reduced(albedo: NDArray, across: float) -> NDArray:
    """The texture, halved while it is more than twice as wide as what is painted from it."""
    while albedo.shape[1] > 2 * across and min(albedo.shape[:2]) > 8:
        albedo = cv2.pyrDown(albedo)
    return albedo


def _form(uv: NDArray) -> NDArray:
    """Light on a sheet that bends around a face: less at its sides and where it turns under the chin, (h, w)."""
    u, v = uv[..., 0], uv[..., 1]
    side = np.abs(2 * u - 1).clip(0, 1.2)
    under = ((v - 0.72) / 0.28).clip(0, 1)
    return 1.02 - 0.26 * side * side * side - 0.22 * under * under


def _straps(worn: Worn, height: float, shape: tuple[int, ...]) -> NDArray:
    """Alpha of the straps, (h, w); they fade towards the ear, which hair may hide."""
    width = _STRAP * height
    canvas = np.zeros(shape[:2], np.uint8)
    for strap in worn.straps:
        points = np.round(strap * 16 - 8).astype(int).tolist()
        for k, (a, b) in enumerate(pairwise(points)):
            fade = 1 - (0 if worn.mode == "ear_hang" else 0.6) * (k + 0.5) / (len(points) - 1)
            cv2.line(canvas, a, b, 255 * min(1.0, width) * fade, max(1, round(width)), cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _with_straps(cloth: NDArray, strap: NDArray, colour: NDArray) -> NDArray:
    """The straps, which lie behind the cloth, added to it: (h, w, 4)."""
    band = (strap * (1 - cloth[..., 3]))[..., None]
    return cloth + band * np.append(colour, 1).astype(np.float32)


def _free(shape: tuple[int, ...], boxes: NDArray) -> NDArray:
    """1 where the picture may be changed, 0 inside the boxes, (h, w) float32."""
    free = np.ones(shape[:2], np.float32)
    for box in boxes:
        a, b = np.floor(box[:2]).astype(int).clip(0).tolist()
        c, d = np.ceil(box[2:]).astype(int).clip(0).tolist()
        free[b:d, a:c] = 0
    return free


def _blended(
    below: NDArray, layer: NDArray, cloth: NDArray, light: Light, face: Face, rng: np.random.Generator
) -> NDArray:
    """Shadow, then the layer over the photograph, in its light, sharpness and grain: (h, w, 3) uint8.

    layer: (h, w, 4) premultiplied linear albedo of cloth and straps.  cloth: (h, w), what throws the shadow.
    """
    h, w = below.shape[:2]
    lit = _light_field(light, face, (w, h))[..., None] * (light.exposure * light.tint).astype(np.float32)
    layer = np.dstack([layer[..., :3] * lit, layer[..., 3]])
    if light.blur_px > 0.5:  # averaging to pixels has smoothed the edge by about 0.4 already
        layer = cv2.GaussianBlur(layer, (0, 0), float(np.sqrt(light.blur_px**2 - 0.16)))
    alpha = layer[..., 3:]
    colour = display(layer[..., :3] / np.maximum(alpha, 1e-3))
    if light.grey:
        colour = np.repeat(colour.mean(axis=2, keepdims=True), 3, axis=2)
    if light.noise > 0.3:
        grain = rng.normal(0, light.noise, (h, w)).astype(np.float32)
        colour += cv2.GaussianBlur(grain, (0, 0), 0.5)[..., None]
    darker = (1 - _shadow(cloth, face.height)) ** (1 / GAMMA)
    ground = below * darker[..., None]
    return np.clip(ground + alpha * (colour - ground) + 0.5, 0, 255).astype(np.uint8)


def _light_field(light: Light, face: Face, size_wh: tuple[int, int]) -> NDArray:
    """The face's light over the region, (h, w) float32; computed on a coarse grid."""
    w, h = size_wh
    n_x, n_y = min(w, 16), min(h, 16)
    x, y = np.meshgrid((np.arange(n_x) + 0.5) * (w / n_x), (np.arange(n_y) + 0.5) * (h / n_y))
    at = (np.stack([x, y], axis=-1) - face.points[NOSE_TIP]) / face.height
    return cv2.resize(light.at(at).astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR)


def _shadow(alpha: NDArray, height: float) -> NDArray:
    """What the mask's edge takes from the light beside it, (h, w): soft, and mostly below it."""
    down = _SHADOW_DOWN * height
    moved = cv2.warpAffine(alpha, np.array([[1, 0, 0], [0, 1, down]]), alpha.shape[::-1], flags=cv2.INTER_LINEAR)
    return _SHADOW * cv2.GaussianBlur(moved, (0, 0), max(_SHADOW_BLUR * height, 0.5))
