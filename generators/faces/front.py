"""What stands before a face: a head, a hand in a glove, a microphone, as far as its colour tells.

The lower face is compared with the cheeks and the nose, which are taken for skin.  Something of another colour that
reaches in over the jaw, and goes on beyond it in the same colour, lies in front, unless it is hair: what goes up past
the eyes, stays within the face, or is the same on both sides with the mouth showing.  What lies in front stays in front
of a mask; a face that is mostly hidden wears none.
Limits: a bare hand has the colour of skin and is not told apart; nor is what has the light of the skin in a blurred
face.  Faces below about 20 pixels are too coarse, and nothing is found there.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.faces.face import CHIN, EYES, NOSE_TIP, Face

LEAST_PX = 14.0  # from the eyes to the chin
_LEAST = 0.07  # share of the lower face below which nothing is said
_WORK_PX = 48.0
_CHEEKS = (1, 41, 40, 28, 47, 46, 15, 14, 35, 33, 31, 2)
_LOWER = (*range(3, 14), 35, 33, 31)
_MOUTH = range(48, 60)
_FLOOR = np.array([16.0, 5.0, 6.0], np.float32)  # least spread of L, a, b in skin
_ODD, _ALIKE = 10.0, 6.0  # squared distances, in spreads: not skin; the same thing
_CONTACT = 0.25  # share of the jaw it touches along which it must go on outside
_UP = 0.08  # share of it that may stand above the eyes
_BEYOND = 0.4  # share of it that must lie beyond the face
_SYMMETRIC = 0.45  # overlap with its mirror image from which it may be a beard
_NO_MOUTH = 0.7  # share of the mouth that it must hide to be none


@dataclass(frozen=True, eq=False, slots=True)
class Front:
    """hidden: share of the lower face.  cover: (h, w) uint8, 1 where it is, of the picture from x, y on, at `scale`."""

    hidden: float
    cover: NDArray
    x: int
    y: int
    scale: float

    def over(self, xyxy: tuple[int, int, int, int]) -> NDArray:
        """How far it covers each pixel of a region of the picture, (h, w) float32."""
        x1, y1, x2, y2 = xyxy
        back = np.array([[self.scale, 0, (x1 + 0.5 - self.x) * self.scale - 0.5], [0, self.scale, 0.0]])
        back[1, 2] = (y1 + 0.5 - self.y) * self.scale - 0.5
        soft = cv2.GaussianBlur(self.cover.astype(np.float32), (0, 0), 0.7)
        return cv2.warpAffine(soft, back, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def hides(self, polygon: NDArray) -> float:
        """Share of a polygon's area, (N, 2) pixels of the picture, that it covers."""
        inside = np.zeros_like(self.cover)
        points = (polygon - (self.x, self.y)) * self.scale
        cv2.fillPoly(inside, [np.round(points * 16 - 8).astype(np.int32)], 1, cv2.LINE_8, 4)
        return float((inside & self.cover).sum() / max(int(inside.sum()), 1))

    def as_dict(self) -> dict:
        """As JSON can hold it."""
        bits = base64.b64encode(np.packbits(self.cover).tobytes()).decode()
        return {"hidden": self.hidden, "bits": bits, "shape": self.cover.shape, "at": [self.x, self.y, self.scale]}

    @classmethod
    def of_dict(cls, said: dict) -> Front:
        """The inverse of `as_dict`."""
        h, w = said["shape"]
        bits = np.frombuffer(base64.b64decode(said["bits"]), np.uint8)
        return cls(said["hidden"], np.unpackbits(bits, count=h * w).reshape(h, w), *said["at"])


def in_front(pixels: NDArray, face: Face) -> Front | None:
    """What stands before a face, or None where nothing is seen.  pixels: (H, W, 3) uint8."""
    if face.height < LEAST_PX:
        return None
    x1, y1, part = _surroundings(pixels, face)
    scale = min(1.0, _WORK_PX / face.height)
    if scale * min(part.shape[:2]) < 1:  # only a strip of it is in the picture
        return None
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else part
    lab: NDArray = cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.8)
    at = face.moved((x1, y1), scale)
    lower, mouth = _polygon(at, _LOWER, lab), cv2.dilate(_polygon(at, _MOUTH, lab), np.ones((5, 5)))
    cheeks = lab[_polygon(at, _CHEEKS, lab) > 0]
    if len(cheeks) < 12:
        return None
    odd = (_distance(lab, cheeks) > _ODD).astype(np.uint8)
    cover = np.zeros(lab.shape[:2], np.uint8)
    parts, labels = cv2.connectedComponents(odd & lower & (1 - mouth))
    for k in range(1, parts):
        if (found := _reaching_in((labels == k).astype(np.uint8), lab, lower, at)) is not None:
            cover |= found
    hidden = float((cover & lower).sum() / max(int(lower.sum()), 1))
    if hidden < _LEAST:
        return None
    return Front(hidden, cover, x1, y1, scale)


def _surroundings(pixels: NDArray, face: Face) -> tuple[int, int, NDArray]:
    h, w = pixels.shape[:2]
    reach = 1.5 * face.height
    x1, y1 = np.clip(np.floor(face.points[NOSE_TIP] - reach), 0, (w - 2, h - 2)).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(face.points[NOSE_TIP] + reach), (x1 + 2, y1 + 2), (w, h)).astype(int).tolist()
    return x1, y1, pixels[y1:y2, x1:x2]


def _polygon(face: Face, numbers: tuple[int, ...] | range, like: NDArray) -> NDArray:
    """1 inside the polygon of some landmarks, (h, w) uint8."""
    canvas = np.zeros(like.shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.round(face.points[list(numbers)] * 16 - 8).astype(np.int32)], 1, cv2.LINE_8, 4)
    return canvas


def _distance(lab: NDArray, sample: NDArray) -> NDArray:
    """Squared distance of each pixel from a sample (N, 3), in the sample's spreads: (h, w)."""
    if len(sample) < 12:
        return np.full(lab.shape[:2], np.inf, np.float32)
    middle = np.median(sample, axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(sample - middle), axis=0), _FLOOR)
    return (((lab - middle) / spread) ** 2).sum(axis=2)


def _reaching_in(part: NDArray, lab: NDArray, lower: NDArray, face: Face) -> NDArray | None:
    """The whole thing, inside and outside of the face, (h, w) uint8; None where it ends at the jaw, or is a beard."""
    if part.sum() < max(12, 0.04 * lower.sum()):
        return None
    alike = (_distance(lab, lab[part > 0]) < _ALIKE).astype(np.uint8)
    outside: NDArray = cv2.dilate(lower, np.ones((3, 3)), iterations=3)
    outside &= 1 - cv2.dilate(lower, np.ones((3, 3)))
    outside[: max(0, int(face.points[CHIN, 1] - 0.75 * face.height))] = 0
    beside = cv2.dilate(part, np.ones((3, 3)), iterations=4) & outside
    if beside.sum() < 6 or (alike & beside).sum() < _CONTACT * beside.sum():
        return None
    mouth = _polygon(face, _MOUTH, lab)
    if _symmetry(part, face) > _SYMMETRIC and (alike & mouth).sum() < _NO_MOUTH * mouth.sum():
        return None
    _, labels = cv2.connectedComponents(alike | part)
    whole = labels == labels[part > 0].max()
    above = np.arange(len(lab)) + 0.5 < face.points[list(EYES), 1].mean()
    beyond = whole & (cv2.dilate(lower, np.ones((3, 3)), iterations=2) == 0)
    if whole[above].sum() > _UP * whole.sum() or beyond.sum() < _BEYOND * whole.sum():
        return None
    return whole.astype(np.uint8)


def _symmetry(part: NDArray, face: Face) -> float:
    """Overlap (intersection over union) of a part with its mirror image about the face's axis."""
    across, origin = face.across, face.points[CHIN]
    turn = np.eye(2) - 2 * np.outer(across, across)
    matrix = np.column_stack([turn, origin - turn @ origin])
    mirrored = cv2.warpAffine(part, matrix, part.shape[::-1], flags=cv2.INTER_NEAREST)
    return float((part & mirrored).sum() / max(int((part | mirrored).sum()), 1))
