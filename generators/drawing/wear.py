"""How a mask is worn, as a shape on a face; and whether the shape shows what its label says.

A shape is three rows of five control points: upper edge, middle, lower edge, each from the picture's left to its
right.  In the comments `a~b@t` is the point at share t of the way from landmark a to b; `ext` lengthens the mask below
the chin by a share of the face's height.  Modes that leave something out, by eye on 84 real wrongly worn masks: nose
about 80 %, nose and mouth 15 to 19 %, the chin alone or an ear hardly ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.drawing.warp import through
from generators.faces.face import BRIDGE, CHIN, CHIN_POINTS, HULL, MOUTH, NOSE, Face

_QUARTER = 0.55  # where the points between side and centre stand
COVERED, VISIBLE = 0.75, 0.5  # least share of landmarks under the cloth, and largest where it must be bare
MAX_TURNED = 0.45  # yaw from which the straps of the far side are out of sight
VISIBLE_CHIN = 0.45  # a chin that must be seen may lie under the cloth by this share of its area
_CHIN_AREA = (5, 6, 7, 8, 9, 10, 11, 56, 57, 58)

Groups = dict[str, bool]
SHOWS: dict[str, Groups] = {  # is the group under the cloth?
    "correct": {"nose": True, "mouth": True, "chin": True},
    "nose_out": {"nose": False, "mouth": True, "chin": True},
    "nose_mouth_out": {"nose": False, "mouth": False},
    "chin_out": {"nose": True, "mouth": True, "chin": False},
    "ear_hang": {"nose": False, "mouth": False, "chin": False},
}
MODES = tuple(SHOWS)
WRONG = MODES[1:]
_GROUPS = {"nose": NOSE, "mouth": MOUTH, "chin": CHIN_POINTS}


@dataclass(frozen=True, eq=False, slots=True)
class Worn:
    """A mask's place on a face.  rows: (3, 5, 2) pixels.  straps: polylines, (K, 2), from the cloth to the ear.

    outline: the cloth's edge, a closed polygon, (M, 2).
    """

    mode: str
    rows: NDArray
    straps: tuple[NDArray, ...]
    outline: NDArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outline", outline(self.rows))


def outline(rows: NDArray) -> NDArray:
    """A smooth closed curve through the twelve outer control points, (M, 2)."""
    ring = np.concatenate([rows[0], rows[1:2, -1], rows[2, ::-1], rows[1:2, 0]])
    return through(ring, 6)


def worn(face: Face, mode: str, rng: np.random.Generator, *, tapered: float = 0.0) -> Worn:
    """A mask on a face, drawn from the mode's range.

    mode: one of MODES.  tapered: how much shorter the sides of the cloth are than its middle, 0 to 0.5.
    """
    if mode == "ear_hang":
        return _hanging(face, rng)
    rows = _SHAPES[mode](face.points, rng)
    rows = _tapered(rows, tapered if mode in ("correct", "nose_out") else 0.5 * tapered)
    return Worn(mode, rows, _straps(face, rows))


def _between(a: NDArray, b: NDArray, share: float) -> NDArray:
    return a + (b - a) * share


def _row(left: NDArray, centre: NDArray, right: NDArray) -> NDArray:
    return np.stack([left, _between(left, centre, _QUARTER), centre, _between(right, centre, _QUARTER), right])


def _lower(p: NDArray, ends: tuple[int, int], ext: float) -> NDArray:
    """A lower edge from jaw to jaw that hangs below the chin, round rather than pointed."""
    down = ext * (p[CHIN] - p[BRIDGE])
    quarters = (_between(p[6], p[7], 0.35) + 0.75 * down, _between(p[10], p[9], 0.35) + 0.75 * down)
    return np.stack([p[ends[0]], quarters[0], p[CHIN] + down, quarters[1], p[ends[1]]])


def _correct(p: NDArray, rng: np.random.Generator) -> NDArray:
    """Upper edge 1~2@.3, 27~28@.6..1.6, 15~14@.3; middle 3, 33, 13; lower edge 4, 8 + ext .04...10, 12."""
    upper = _row(_between(p[1], p[2], 0.3), _between(p[27], p[28], rng.uniform(0.6, 1.6)), _between(p[15], p[14], 0.3))
    return np.stack([upper, _row(p[3], p[33], p[13]), _lower(p, (4, 12), rng.uniform(0.04, 0.10))])


def _nose_out(p: NDArray, rng: np.random.Generator) -> NDArray:
    """Upper edge 2~3@0...8, 33~51@-.1...55, mirrored; middle 4, 57~8@.2, 12; lower edge 5, 6, 8 + ext .06...20."""
    side = rng.uniform(0.0, 0.8)
    centre = _between(p[33], p[51], rng.uniform(-0.1, 0.55))
    upper = _row(_between(p[2], p[3], side), centre, _between(p[14], p[13], side))
    lower = _lower(p, (5, 11), rng.uniform(0.05, 0.16))
    return np.stack([upper, _row(p[4], _between(p[57], p[8], 0.2), p[12]), lower])


def _nose_mouth_out(p: NDArray, rng: np.random.Generator) -> NDArray:
    """Upper edge 4~5@0...8, 57~8@.25...7, mirrored; middle 5, 8, 11; lower edge 5, 8 + ext .12...24, 11."""
    side = rng.uniform(0.0, 0.8)
    centre = _between(p[57], p[8], rng.uniform(0.25, 0.7))
    upper = _row(_between(p[4], p[5], side), centre, _between(p[12], p[11], side))
    middle = _row(_between(p[5], p[6], 0.2), p[8], _between(p[11], p[10], 0.2))
    lower = _lower(p, (5, 11), rng.uniform(0.12, 0.24))
    return np.stack([upper, middle, lower])


def _chin_out(p: NDArray, rng: np.random.Generator) -> NDArray:
    """Upper edge 1~2@.2, 27~28@0..1, mirrored; middle 2~3@.3, 33, 14~13@.3; lower edge 3~4@.3, 57~8@0...35."""
    upper = _row(_between(p[1], p[2], 0.2), _between(p[27], p[28], rng.uniform(0, 1)), _between(p[15], p[14], 0.2))
    middle = _row(_between(p[2], p[3], 0.3), p[33], _between(p[14], p[13], 0.3))
    low = _between(p[57], p[8], rng.uniform(0, 0.35))
    lower = _row(_between(p[3], p[4], 0.3), low, _between(p[13], p[12], 0.3))
    lower[[1, 3]] += 0.07 * (p[CHIN] - p[BRIDGE])
    return np.stack([upper, middle, lower])


_SHAPES: dict[str, Callable[[NDArray, np.random.Generator], NDArray]] = {
    "correct": _correct,
    "nose_out": _nose_out,
    "nose_mouth_out": _nose_mouth_out,
    "chin_out": _chin_out,
}


def _tapered(rows: NDArray, share: float) -> NDArray:
    """The same with shorter sides: their ends move towards the middle of the side."""
    moved = rows.copy()
    for side in (0, -1):
        middle = rows[:, side].mean(axis=0)
        moved[[0, 2], side] = _between(rows[[0, 2], side], middle, share)
    return moved


def _ears(face: Face) -> tuple[NDArray, NDArray]:
    """Where straps vanish, picture's left and right, each (2, 2): top and bottom of the ear."""
    p, out, down = face.points, 0.05 * face.height * face.across, 0.08 * face.height * face.down
    return (np.stack([p[0] - out, p[1] - out + down]), np.stack([p[16] + out, p[15] + out + down]))


def _straps(face: Face, rows: NDArray) -> tuple[NDArray, ...]:
    """Two a side, from the corners of the cloth to the ear; none on a side that the head turns away."""
    left, right = _ears(face)
    corners, ends = [], []
    for side, ear, turned in ((0, left, -face.yaw), (-1, right, face.yaw)):
        if turned <= MAX_TURNED:
            corners += [rows[0, side], rows[2, side]]
            ends += list(ear)
    return _bowed(np.array(corners).reshape(-1, 2), np.array(ends).reshape(-1, 2), 0.06 * face.height * face.down)


def _bowed(starts: NDArray, ends: NDArray, bow: NDArray) -> tuple[NDArray, ...]:
    """Curves from (N, 2) to (N, 2) points, each (9, 2), quadratic Bezier ones that sag by half of `bow`."""
    t = np.linspace(0, 1, 9)[None, :, None]
    a, c = starts[:, None], ends[:, None]
    return tuple((1 - t) ** 2 * a + 2 * t * (1 - t) * ((a + c) / 2 + bow) + t**2 * c)


def _hanging(face: Face, rng: np.random.Generator) -> Worn:
    """A mask that hangs from the nearer ear beside the jaw, its long side down."""
    side = -1 if face.yaw > 0 or (face.yaw == 0 and rng.random() < 0.5) else 1  # the nose points away from the near ear
    side = -side if abs(face.yaw) < 0.1 and rng.random() < 0.5 else side
    ear = _ears(face)[0 if side < 0 else 1][1]
    outwards, down, h = side * face.across, face.down, face.height
    lean = np.radians(rng.uniform(-8, 14))
    along = np.cos(lean) * down + np.sin(lean) * outwards
    over = np.array([along[1], -along[0]])
    long, short = h * rng.uniform(0.68, 0.82), h * rng.uniform(0.34, 0.46)
    start = ear + along * h * rng.uniform(0.1, 0.2) + outwards * h * rng.uniform(0.08, 0.16)
    s, t = np.meshgrid(np.linspace(0, 1, 5), np.linspace(-0.5, 0.5, 3))
    bulge = 0.06 * h * np.sin(np.pi * s) * np.sign(t)
    rows = start + (s * long)[..., None] * along + (t * short + bulge)[..., None] * over
    ends = (rows[0, 0], rows[2, 0])
    return Worn("ear_hang", rows, _bowed(np.array(ends), np.array([ear - 0.1 * h * down] * 2), np.zeros(2)))


def fault(face: Face, shape: Worn, shows: Groups | None = None) -> str:
    """Why the shape does not show what its mode says; "" where it does.

    shows: which groups of landmarks it should cover; by default SHOWS of its mode.
    """
    edge = shape.outline.astype(np.float32)
    for group, covered in (SHOWS[shape.mode] if shows is None else shows).items():
        share = _landmarks_inside(edge, face.points[list(_GROUPS[group])])
        if covered and share < COVERED:
            return f"{group} only {share:.0%} covered"
        if not covered and share > VISIBLE:
            return f"{group} {share:.0%} covered"
    if shape.mode == "chin_out" and (share := _chin_under(edge, face)) > VISIBLE_CHIN:
        return f"chin {share:.0%} under the cloth"
    if shape.mode == "ear_hang" and (share := _on_face(edge, face)) > 0.5:
        return f"{share:.0%} of the cloth lies on the face"
    return ""


def _landmarks_inside(edge: NDArray, points: NDArray) -> float:
    inside = [cv2.pointPolygonTest(edge, (float(x), float(y)), measureDist=False) >= 0 for x, y in points]
    return float(np.mean(inside))


def _drawn(polygons: tuple[NDArray, ...], face: Face) -> list[NDArray]:
    """Polygons as boolean pictures of about 80 pixels a face, in one frame."""
    every = np.concatenate(polygons)
    low, scale = every.min(axis=0), 80 / face.height
    w, h = (np.ceil((every.max(axis=0) - low) * scale) + 2).astype(int).tolist()
    canvases = []
    for polygon in polygons:
        canvas = np.zeros((h, w), np.uint8)
        cv2.fillPoly(canvas, [np.round((polygon - low) * scale).astype(np.int32)], 1)
        canvases.append(canvas.astype(bool))
    return canvases


def _chin_under(edge: NDArray, face: Face) -> float:
    """Share of the chin's area, from the mouth to the jaw, that lies under the cloth."""
    cloth, chin = _drawn((edge, face.points[list(_CHIN_AREA)]), face)
    return float((cloth & chin).sum() / max(chin.sum(), 1))


def _on_face(edge: NDArray, face: Face) -> float:
    """Share of the cloth that lies on the face."""
    cloth, hull = _drawn((edge, face.points[list(HULL)]), face)
    return float((cloth & hull).sum() / max(cloth.sum(), 1))
