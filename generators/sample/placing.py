"""One person, brought to a size, turned, mirrored and laid into a picture, and where the face is afterwards.

Coordinates are continuous pixels (the first pixel spans 0..1), so that boxes and pictures go through one and the same
affine map.  Matrices are (2, 3) float64 and map column vectors (x, y, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.sample.people import Person, Point
from generators.sample.photographs import load

_FADE = 0.45  # share of the body, from below, over which a cut-out that ends inside the picture fades


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture to lay over another.  rgb: (H, W, 3) float32, 0..255.  alpha: (H, W) float32 in [0, 1]."""

    rgb: NDArray
    alpha: NDArray


def _new_size(person: Person, scale: float) -> tuple[int, int, float, float]:
    """Width and height of the person's photograph at a scale, in whole pixels, and the exact factors."""
    h, w = load(person.name).shape[:2]
    new_w, new_h = max(1, round(w * scale)), max(1, round(h * scale))
    return new_w, new_h, new_w / w, new_h / h


def photograph(person: Person, scale: float) -> Layer:
    """The person's whole photograph at a scale, opaque.  person: as measured on the original."""
    new_w, new_h, *_ = _new_size(person, scale)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    rgb = cv2.resize(load(person.name), (new_w, new_h), interpolation=way)
    return Layer(np.asarray(rgb, np.float32), np.ones((new_h, new_w), np.float32))


def measured(person: Person, scale: float) -> Person:
    """The measurements in the pixels of `photograph(person, scale)`."""
    *_, sx, sy = _new_size(person, scale)

    def at(point: Point) -> Point:
        return (point[0] * sx, point[1] * sy)

    x1, y1, x2, y2 = person.box
    return replace(
        person,
        box=(x1 * sx, y1 * sy, x2 * sx, y2 * sy),
        points=tuple(at(point) for point in person.points),
        outline=tuple(at(point) for point in person.outline),
    )


def cut_out(layer: Layer, person: Person) -> Layer:
    """Head and shoulders alone: a soft edge, drawn in by a pixel against a halo, and a body that fades out below."""
    h, w = layer.alpha.shape
    mask = np.zeros((h * 2, w * 2), np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(person.outline) * 2).astype(np.int32)], 255)
    cut = cv2.resize(cv2.erode(mask, np.ones((3, 3), np.uint8)), (w, h), interpolation=cv2.INTER_AREA)
    alpha = cut.astype(np.float32) / 255
    soft = cv2.GaussianBlur(alpha, (0, 0), max(0.4, 0.008 * person.size))
    end, chin = max(y for _, y in person.outline), person.points[8][1]
    left = np.clip((end - np.arange(h) - 0.5) / (_FADE * (end - chin)), 0, 1)
    return Layer(layer.rgb, soft * (left**2 * (3 - 2 * left)).astype(np.float32)[:, None])


def affine(centre: Point, to: Point, angle_deg: float = 0.0, *, flipped: bool = False) -> NDArray:
    """Mirror, then turn about `centre` (clockwise as seen), then bring `centre` to `to`: (2, 3)."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    turn = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if flipped else 1.0, 1.0])
    return np.column_stack([turn, np.array(to) - turn @ np.array(centre)])


def mapped(points: NDArray, matrix: NDArray) -> NDArray:
    """(N, 2) points through a (2, 3) matrix."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def moved(layer: Layer, matrix: NDArray, size_wh: tuple[int, int]) -> Layer:
    """The layer in the new picture's frame, transparent where it does not reach."""
    pixel_grid = matrix.copy()  # OpenCV's integer coordinates are pixel centres, ours are edges
    pixel_grid[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    premultiplied = np.dstack([layer.rgb * layer.alpha[..., None], layer.alpha])
    warped = cv2.warpAffine(premultiplied, pixel_grid, size_wh, flags=cv2.INTER_LINEAR)
    alpha = warped[..., 3]
    return Layer(warped[..., :3] / np.maximum(alpha, 1e-4)[..., None], alpha)


def laid_on(pixels: NDArray, layer: Layer, matrix: NDArray) -> NDArray:
    """The picture with the layer over it; only the part that the layer reaches is worked on.

    pixels: (H, W, 3) float.  Returns a new array.
    """
    h, w = layer.alpha.shape
    corners = mapped(np.array([[0, 0], [w, 0], [0, h], [w, h]]), matrix)
    limit = np.array(pixels.shape[1::-1])
    x1, y1 = np.clip(np.floor(corners.min(axis=0)) - 1, 0, limit - 1).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(corners.max(axis=0)) + 1, (x1 + 1, y1 + 1), limit).astype(int).tolist()
    shifted = np.column_stack([matrix[:, :2], matrix[:, 2] - (x1, y1)])
    part = moved(layer, shifted, (x2 - x1, y2 - y1))
    alpha = part.alpha[..., None]
    result = pixels.copy()
    result[y1:y2, x1:x2] = pixels[y1:y2, x1:x2] * (1 - alpha) + part.rgb * alpha
    return result


def face_box(box: tuple[float, float, float, float], matrix: NDArray, worn: NDArray | None = None) -> NDArray:
    """The upright box around a face after an affine map, (4,) xyxy.

    The face is taken as the ellipse inscribed in `box`: a turned rectangle's own bounds would be too wide.
    worn: outline of a mask, (M, 2), in the same frame as `box`; the box grows where it overhangs.
    """
    x1, y1, x2, y2 = box
    centre = mapped(np.array([[(x1 + x2) / 2, (y1 + y2) / 2]]), matrix)[0]
    half = np.hypot(matrix[:, 0] * (x2 - x1) / 2, matrix[:, 1] * (y2 - y1) / 2)
    low, high = centre - half, centre + half
    if worn is not None:
        edge = mapped(worn, matrix)
        low, high = np.minimum(low, edge.min(axis=0)), np.maximum(high, edge.max(axis=0))
    return np.concatenate([low, high])
