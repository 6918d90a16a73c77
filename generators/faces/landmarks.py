"""Landmarks of faces whose boxes are annotated: each box becomes a `Face`, or is `Rejected` with a reason.

The predictor always returns a plausible face, so what it says is believed only where it says it again: the square that
it is given is brought to the mean face twice (place, size and roll; once on the mirrored picture), then it predicts in
two different squares, one of them mirrored, and the landmarks are their mean.  How far the two lie apart, as a share of
the square's side, is the spread.  Faces of middling spread are shown to dlib's HOG detector as a second opinion.
Work is done on a grey crop of the face's surroundings, so the cost does not depend on the picture's size.
Limits: profiles and faces below about 16 pixels are mostly refused; what covers a face is not known.
Frame inside: the square has side 1 and its centre at 0; points are complex numbers x + iy, so that a similarity is
`centre + side * z`, and the argument of `side` is the roll.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.faces.face import MIRRORED, Face
from generators.faces.mean_shape import MEAN_SHAPE
from generators.faces.predictor import Predictor, face_detector

REASONS = {
    "too-small": "the box's shorter side is below the limit",
    "off-picture": "more than half of the box lies outside the picture",
    "misplaced": "the face found is not where the box is, has another size, or lies on its side",
    "profile": "the head is turned so far that its other side is out of sight",
    "unstable": "no landmarks that can be relied on: covered, blurred, or no face",
}
STABLE, BORDERLINE, SCORE = 0.026, 0.052, -0.3  # spread that is believed; up to which HOG is asked; its least score
MAX_YAW, MAX_ROLL_DEG, MAX_SHIFT, SCALES = 0.72, 40.0, 0.3, (0.6, 1.6)
VISIBLE_SHARE = 0.5
SQUARE_PER_BOX, RAISED = 1.04, 0.09  # the predictor's square of a box: its side, and how much higher its centre is
SIDE_PX, HOG_PX = 160, 100  # side of the square on the crop: what the predictor is given, and HOG
HALF = 0.8  # half the crop's width, in sides of the square
ROOM = 1.6  # half the width of the surroundings that are cut out of the picture at all
STEP = (0.75, 1.33)  # least and greatest change of size in one alignment
MOVED = ((0.05, 0.05, 1.08), (0.05, -0.05, 0.92))  # of the last two squares: right, down, scale
_MIRRORED = np.array(MIRRORED)
_MEAN = np.array(MEAN_SHAPE) @ [1, 1j]
_INNER = slice(17, 68)  # without the jaw, which turns with the head


@dataclass(frozen=True, eq=False, slots=True)
class Rejected:
    """A box without usable landmarks.  reason: a key of REASONS.  detail: the figure that decided."""

    xyxy: NDArray
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Square:
    """Where the predictor looks, pixels.  side: complex, its argument is the roll."""

    centre: complex
    side: complex

    def to_picture(self, z: NDArray) -> NDArray:
        return self.centre + self.side * z

    def aligned(self, z: NDArray) -> _Square:
        """The square in which landmarks z (68,) would be nearest to the mean face (least squares)."""
        mean, found = _MEAN[_INNER], z[_INNER]
        a, b = mean - mean.mean(), found - found.mean()
        turn = np.vdot(a, b) / np.vdot(a, a)
        size = max(abs(turn), 1e-9)
        shift = complex(found.mean() - turn * mean.mean())
        return _Square(self.centre + self.side * shift, self.side * complex(turn / size * np.clip(size, *STEP)))


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """A grey part of the picture, with `scale` pixels to each of the picture's.  origin: of its corner there."""

    grey: NDArray
    origin: complex
    scale: float

    def crop(self, square: _Square, side_px: int) -> NDArray:
        """The square, upright and `side_px` wide, with room around it: (n, n) uint8; borders are repeated."""
        n = round(2 * HALF * side_px)
        step = square.side * self.scale / side_px
        first = (square.centre - self.origin) * self.scale + (step * (1 - n) - 1) * (0.5 + 0.5j)
        matrix = np.array([[step.real, -step.imag, first.real], [step.imag, step.real, first.imag]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.grey, matrix, (n, n), flags=how, borderMode=cv2.BORDER_REPLICATE)


def locate(pixels: NDArray, xyxy: NDArray, predictor: Predictor, *, min_face: float = 16.0) -> list[Face | Rejected]:
    """The face in each box, or why there is none, in the order of the boxes.

    pixels: (H, W, 3) uint8 RGB, upright.  xyxy: (N, 4) pixels.  min_face: least shorter side of a box, pixels.
    Raises UserError unless the predictor has 68 landmarks.
    """
    predictor.expect()
    return [_located(pixels, box, predictor, min_face) for box in np.asarray(xyxy, np.float64).reshape(-1, 4)]


def _located(pixels: NDArray, box: NDArray, predictor: Predictor, min_face: float) -> Face | Rejected:
    refused = _unfit(box, pixels.shape[1::-1], min_face)
    if refused:
        return Rejected(box, *refused)
    start = square_of(box)
    around = _surroundings(pixels, start)
    square, points, spread = _predicted(around, start, predictor)
    face = Face(box, points, spread)
    refused = _misplaced(start, square) or _profile(face)
    if refused:
        return Rejected(box, *refused)
    if spread < STABLE:
        return face
    score = _score(around, square) if spread < BORDERLINE else None
    if score is not None and score > SCORE:
        return Face(box, points, spread, score)
    said = "" if score is None else ", HOG finds no face" if score == -np.inf else f", HOG score {score:.2f}"
    return Rejected(box, "unstable", f"landmarks move by {spread:.1%} of the face{said}")


def _unfit(box: NDArray, size_wh: Sequence[int], min_face: float) -> tuple[str, str] | None:
    """Why nothing need be predicted: (reason, detail)."""
    with np.errstate(invalid="ignore"):  # infinite corners
        sides = box[2:] - box[:2]
    shorter = float(sides.min())
    if not (shorter >= min_face and shorter > 0):
        return "too-small", f"{shorter:.4g} px, at least {min_face:g} wanted"
    inside = np.clip(box, 0, [*size_wh, *size_wh])
    share = float(np.prod((inside[2:] - inside[:2]) / sides))
    if not share >= VISIBLE_SHARE:
        return "off-picture", f"{share:.0%} of the box is inside"
    return None


def square_of(box: NDArray) -> _Square:
    """The square that the predictor was trained to be given, for an annotated box (hairline to chin).  box: (4,)."""
    w, h = box[2:] - box[:2]
    x, y = (box[:2] + box[2:]) / 2
    return _Square(complex(x, y - RAISED * h), complex(SQUARE_PER_BOX * np.sqrt(w * h)))


def box_of(squares: NDArray) -> NDArray:
    """Boxes whose squares these are: what `square_of` turns round.  squares: (N, 4) of dlib's detector, pixels."""
    side = (squares[:, 2:] - squares[:, :2]).mean(axis=1, keepdims=True) / SQUARE_PER_BOX
    middle = (squares[:, :2] + squares[:, 2:]) / 2 + RAISED * side * [0, 1]
    return np.hstack([middle - side / 2, middle + side / 2])


def _surroundings(pixels: NDArray, square: _Square) -> _Surroundings:
    """What any later crop can show, in grey, brought to about the predictor's size: one slow resampling, not three."""
    side = abs(square.side)
    shrunk, enlarged = max(1, round(side / SIDE_PX)), max(1, int(np.ceil(SIDE_PX / side)))
    h, w = pixels.shape[:2]
    x1, x2 = _span(square.centre.real, ROOM * side, w, shrunk)
    y1, y2 = _span(square.centre.imag, ROOM * side, h, shrunk)
    grey = cv2.cvtColor(np.ascontiguousarray(pixels[y1:y2, x1:x2]), cv2.COLOR_RGB2GRAY)
    size_wh = (x2 - x1) * enlarged // shrunk, (y2 - y1) * enlarged // shrunk
    how = cv2.INTER_CUBIC if enlarged > 1 else cv2.INTER_AREA
    return _Surroundings(cv2.resize(grey, size_wh, interpolation=how), complex(x1, y1), enlarged / shrunk)


def _span(middle: float, room: float, limit: int, multiple: int) -> tuple[int, int]:
    """First and last + 1 pixel of the cut along one axis, inside the picture, a multiple of pixels long."""
    first = int(np.clip(np.floor(middle - room), 0, max(limit - multiple, 0)))
    last = int(np.clip(np.ceil(middle + room), first + multiple, max(limit, first + multiple)))
    return first, first + (last - first) // multiple * multiple


def _predicted(around: _Surroundings, start: _Square, predictor: Predictor) -> tuple[_Square, NDArray, float]:
    """(the refined square, landmarks (68, 2) in the picture, spread)."""
    square = start.aligned(_plain(around.crop(start, SIDE_PX), predictor))
    square = square.aligned(_mirrored(around.crop(square, SIDE_PX), predictor))
    grey = around.crop(square, SIDE_PX)
    both = np.stack([_plain(grey, predictor, *MOVED[0]), _mirrored(grey, predictor, *MOVED[1])])
    points = square.to_picture(both.mean(axis=0))
    return square, np.stack([points.real, points.imag], axis=1), float(np.abs(both - both.mean(axis=0)).mean())


def _plain(grey: NDArray, predictor: Predictor, right: float = 0, down: float = 0, scale: float = 1) -> NDArray:
    """Landmarks on a crop, (68,) complex in the square's frame; the square may be moved and scaled."""
    middle = len(grey) / 2
    points = predictor.points(grey, (middle + right * SIDE_PX, middle + down * SIDE_PX), scale * SIDE_PX)
    return (points - middle) @ [1, 1j] / SIDE_PX


def _mirrored(grey: NDArray, predictor: Predictor, right: float = 0, down: float = 0, scale: float = 1) -> NDArray:
    """The same on the mirrored crop; `right` counts there."""
    z = _plain(np.ascontiguousarray(grey[:, ::-1]), predictor, right, down, scale)
    return -z[_MIRRORED].conj()


def _misplaced(start: _Square, found: _Square) -> tuple[str, str] | None:
    shift = abs(found.centre - start.centre) / abs(start.side)
    scale = abs(found.side) / abs(start.side)
    roll = abs(float(np.degrees(np.angle(found.side))))
    if shift > MAX_SHIFT:
        return "misplaced", f"{shift:.0%} of its size beside the box"
    if not SCALES[0] <= scale <= SCALES[1]:
        return "misplaced", f"{scale:.2f} times as large as the box"
    if roll > MAX_ROLL_DEG:
        return "misplaced", f"lies on its side ({roll:.0f}°)"
    return None


def _profile(face: Face) -> tuple[str, str] | None:
    return ("profile", f"turned by {abs(face.yaw):.0%}") if abs(face.yaw) > MAX_YAW else None


def _score(around: _Surroundings, square: _Square) -> float:
    """Best score of dlib's HOG detector on the crop, for a detection about where the square is; -inf without one."""
    crop = around.crop(square, HOG_PX)
    boxes, scores, _ = face_detector().run(crop, 0, -1.0)
    near = [s for box, s in zip(boxes, scores, strict=True) if _near(box, len(crop) / 2)]
    return max(near, default=-np.inf)


def _near(box: Any, middle: float) -> bool:
    x, y = (box.left() + box.right() + 1) / 2 - middle, (box.top() + box.bottom() + 1) / 2 - middle
    return max(abs(x), abs(y)) < 0.35 * HOG_PX
