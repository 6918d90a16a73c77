"""One picture of the sample: a background, people laid into it, and the boxes of their faces.

A picture is decided first (`Cast`: who, and how each wears a mask) and drawn after; sizes, places and colours come
from the picture's own random stream.  People are laid from small to large, as near ones stand before far ones, and
nobody covers a face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.drawing import masks, overlay, wear
from generators.sample import placing
from generators.sample.people import PEOPLE, Person
from generators.sample.photographs import PHOTOGRAPHS, load
from generators.sample.placing import Layer

CLASSES = ("mask_weared_incorrect", "with_mask", "without_mask")
SIZES_WH = ((416, 416), (416, 312), (312, 416))
SIZE_SHARES = (0.55, 0.3, 0.15)
MIN_FACE, MAX_FACE = 32.0, 118.0  # geometric mean of a box's sides, pixels
_GAP = 0.12  # free space around a face, share of its sides
_TRIES = 60


@dataclass(frozen=True, slots=True)
class Role:
    """One face that a picture is to show.  person: a key of PEOPLE.  label: one of CLASSES."""

    person: str
    label: str


@dataclass(frozen=True, slots=True)
class Cast:
    """A picture before it is drawn.  background: a photograph's name; the person's own where `own` is set."""

    id: str
    background: str
    roles: tuple[Role, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """A face as drawn: what it wears, and its box, xyxy pixels.  mask: as in the manifest, {} for none."""

    role: Role
    xyxy: tuple[float, ...]
    worn: str
    mask: dict
    flipped: bool
    angle_deg: float


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask on one face.  seed: of the grain."""

    worn: wear.Worn
    recipe: masks.Recipe
    seed: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place in a picture.  original: as measured on the photograph.  matrix: (2, 3), after scaling."""

    face: Face
    original: Person
    scale: float
    mask: Mask | None
    matrix: NDArray


@dataclass(frozen=True, slots=True)
class Scene:
    pixels: NDArray
    faces: tuple[Face, ...] = ()


def draw(cast: Cast, rng: np.random.Generator) -> Scene:
    """The picture, (H, W, 3) uint8 RGB, and its faces, from small to large."""
    size_wh = SIZES_WH[rng.choice(len(SIZES_WH), p=SIZE_SHARES)]
    if cast.own:
        pixels, face = _own_photograph(cast.roles[0], size_wh, rng)
        return Scene(_finished(pixels, rng), (face,))
    pixels = _background(cast.background, size_wh, rng)
    seats = _seated(cast.roles, size_wh, rng)
    for seat in seats:
        pixels = placing.laid_on(pixels, _person(seat, rng), seat.matrix)
    return Scene(_finished(pixels, rng), tuple(seat.face for seat in seats))


def _background(name: str, size_wh: tuple[int, int], rng: np.random.Generator) -> NDArray:
    """A crop of a photograph at the picture's size, float32, mirrored, tinted and a little out of focus."""
    pixels = load(name)
    h, w = pixels.shape[:2]
    scale = min(w / size_wh[0], h / size_wh[1]) * rng.uniform(0.6, 1.0)
    crop_w, crop_h = int(size_wh[0] * scale), int(size_wh[1] * scale)
    x, y = rng.integers(0, w - crop_w + 1), rng.integers(0, h - crop_h + 1)
    crop = cv2.resize(pixels[y : y + crop_h, x : x + crop_w], size_wh, interpolation=cv2.INTER_AREA)
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    tints = PHOTOGRAPHS[name].tints
    tinted = crop.astype(np.float32) * np.array(tints[rng.integers(len(tints))], np.float32) * rng.uniform(0.75, 1.2)
    return cv2.GaussianBlur(tinted, (0, 0), rng.uniform(0.4, 2.5) + 1.5 * max(0.0, 1 / scale - 1))


def _finished(pixels: NDArray, rng: np.random.Generator) -> NDArray:
    """One light and one grain over everything, as from one camera."""
    toned = pixels * rng.uniform(0.94, 1.06, 3) * rng.uniform(0.88, 1.12)
    return np.clip(toned + rng.normal(0, rng.uniform(1, 4), pixels.shape), 0, 255).astype(np.uint8)


def _chosen_mask(person: Person, label: str, rng: np.random.Generator) -> Mask | None:
    """How the person wears a mask, if at all.  person: as measured at the wanted scale."""
    if label == "without_mask":
        return None
    mode = "correct" if label == "with_mask" else str(rng.choice(("nose_out", "nose_mouth_out"), p=(0.8, 0.2)))
    recipe = masks.draw_recipe(rng)
    while True:
        shape = wear.worn(person.face, mode, rng, tapered=recipe.tapered)
        if not wear.fault(person.face, shape):
            return Mask(shape, recipe, int(rng.integers(2**31)))


def _dressed(layer: Layer, person: Person, mask: Mask | None) -> Layer:
    """The person with the mask on, which may reach over the edge of the cut-out."""
    if mask is None:
        return layer
    pixels = np.clip(layer.rgb + 0.5, 0, 255).astype(np.uint8)
    sheet = masks.texture(mask.recipe, 2 * person.size)
    patch = overlay.put_on(pixels, person.face, mask.worn, sheet, np.random.default_rng(mask.seed))
    patch.onto(pixels)
    alpha = layer.alpha.copy()
    h, w = patch.cover.shape
    part = alpha[patch.y : patch.y + h, patch.x : patch.x + w]
    np.maximum(part, patch.cover, out=part)
    return Layer(pixels.astype(np.float32), alpha)


def _face(role: Role, person: Person, mask: Mask | None, matrix: NDArray, angle_deg: float = 0.0) -> Face:
    box = placing.face_box(person.box, matrix, mask.worn.outline if mask else None)
    flipped = bool(np.linalg.det(matrix[:, :2]) < 0)
    mode, recipe = (mask.worn.mode, mask.recipe.as_dict()) if mask else ("", {})
    return Face(role, tuple(box.tolist()), mode, recipe, flipped, angle_deg)


def _toned(layer: Layer, rng: np.random.Generator) -> Layer:
    """Another light on the person: brightness, contrast, warmth."""
    warmth = rng.uniform(-0.07, 0.07)
    gains = np.array([1 + warmth, 1.0, 1 - warmth], np.float32) * rng.uniform(0.75, 1.15)
    return Layer((layer.rgb - 110) * np.float32(rng.uniform(0.85, 1.1)) * gains + 110 * gains, layer.alpha)


def _own_photograph(role: Role, size_wh: tuple[int, int], rng: np.random.Generator) -> tuple[NDArray, Face]:
    """The portrait itself, cropped: nothing is cut out, only a mask may be laid on."""
    original = PEOPLE[role.person]
    photo_h, photo_w = load(role.person).shape[:2]
    scale = max(size_wh[0] / photo_w, size_wh[1] / photo_h) * rng.uniform(1.01, 1.2)
    layer, person = placing.photograph(original, scale), placing.measured(original, scale)
    mask = _chosen_mask(person, role.label, rng)
    h, w = layer.alpha.shape
    x1, y1, x2, y2 = person.box
    margin = 0.3 * person.size
    x = rng.uniform(max(0, x2 + margin - size_wh[0]), min(w - size_wh[0], x1 - margin))
    y = rng.uniform(max(0, y2 + margin - size_wh[1]), min(h - size_wh[1], y1 - margin))
    centre = (x + size_wh[0] / 2, y + size_wh[1] / 2)
    matrix = placing.affine(centre, (size_wh[0] / 2, size_wh[1] / 2), flipped=bool(rng.random() < 0.5))
    shown = placing.moved(_toned(_dressed(layer, person, mask), rng), matrix, size_wh)
    return shown.rgb, _face(role, person, mask, matrix)


def _seated(roles: tuple[Role, ...], size_wh: tuple[int, int], rng: np.random.Generator) -> tuple[Seat, ...]:
    """A free place for every role; begins anew, smaller, where they do not fit."""
    largest = min(MAX_FACE, 1.1 * min(size_wh) / max(2.6, len(roles)))
    for attempt in range(40):
        top = max(MIN_FACE * 1.1, largest * 0.94**attempt)
        sizes = np.sort(np.exp(rng.uniform(np.log(MIN_FACE), np.log(top), len(roles))))
        seats: list[Seat] = []
        for role, size in zip(roles, sizes, strict=True):
            seat = _seat(role, float(size), [np.array(s.face.xyxy) for s in seats], size_wh, rng)
            if seat is None:
                break
            seats.append(seat)
        else:
            return tuple(seats)
    raise RuntimeError(f"{len(roles)} faces do not fit a picture of {size_wh[0]}×{size_wh[1]} pixels")


def _seat(
    role: Role, size: float, taken: list[NDArray], size_wh: tuple[int, int], rng: np.random.Generator
) -> Seat | None:
    """A free place for one person, or None where none was found."""
    original = PEOPLE[role.person]
    scale = size / original.size
    person = placing.measured(original, scale)
    mask = _chosen_mask(person, role.label, rng)
    x1, y1, x2, y2 = person.box
    flipped, angle_deg = bool(rng.random() < 0.5), float(rng.normal(0, 5))
    for _ in range(_TRIES):
        to = _place(size, size_wh, rng)
        matrix = placing.affine(((x1 + x2) / 2, (y1 + y2) / 2), to, angle_deg, flipped=flipped)
        face = _face(role, person, mask, matrix, angle_deg)
        if _fits(np.array(face.xyxy), matrix, person, taken, size_wh):
            return Seat(face, original, scale, mask, matrix)
    return None


def _place(size: float, size_wh: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    """Centre of a face: half of the people stand at the lower edge, which cuts their body as a camera would."""
    w, h = size_wh
    highest = h - 1.7 * size if rng.random() < 0.5 else size
    return rng.uniform(0.6 * size, w - 0.6 * size), rng.uniform(highest, h - 0.9 * size)


def _person(seat: Seat, rng: np.random.Generator) -> Layer:
    """The person as cut out of the scaled photograph, dressed, in another light."""
    person = placing.measured(seat.original, seat.scale)
    head = placing.cut_out(placing.photograph(seat.original, seat.scale), person)
    return _toned(_dressed(head, person, seat.mask), rng)


def _fits(box: NDArray, matrix: NDArray, person: Person, taken: list[NDArray], size_wh: tuple[int, int]) -> bool:
    """Whether the face lies inside the picture and neither it nor its body covers a face that is there."""
    if (box[:2] < 1).any() or (box[2:] > np.array(size_wh) - 1).any():
        return False
    body = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    cv2.fillPoly(body, [np.round(placing.mapped(np.array(person.outline), matrix)).astype(np.int32)], 1)
    for other in taken:
        gap = _GAP * np.tile(other[2:] - other[:2], 2) * (-1, -1, 1, 1)
        x1, y1, x2, y2 = np.clip(other + gap, 0, 4096).astype(int)
        if body[y1 : y2 + 1, x1 : x2 + 1].any():
            return False
    return True
