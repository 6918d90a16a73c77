"""What a face is given to wear: decided and checked from its landmarks alone, drawn later.

A `Dress` that `draw` returns has passed every check that needs no pixels, so that a plan of dresses holds; `put_on`
paints it.  Both are functions of their arguments alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datatools.core import clip_boxes
from generators.drawing import masks, negatives, overlay, wear
from generators.drawing.light import display, linear
from generators.faces.face import Face
from generators.faces.front import Front

ROLES = {  # mode -> what its wearer is
    "correct": "correct",
    **dict.fromkeys(wear.WRONG, "incorrect"),
    **dict.fromkeys(negatives.NEGATIVES, "none"),
}
_OWN = 0.5  # share of the user's own masks, where there are any
_SHOWS = wear.SHOWS | negatives.SHOWS
TRIES = 8
FAULTS = {
    "label": "the mask would not show what its label says",
    "in-the-way": "the mask would cover part of another object",
    "cut": "the mask would leave the picture",
    "hidden": "the mask would lie behind what stands before the face",
    "faint": "the mask would hardly be seen: too small, or of the skin's own brightness",
}
# share of the cloth that may lie over other boxes, outside of the picture, behind something
MAX_COVERED, MAX_CUT, MAX_HIDDEN = 0.04, 0.25, 0.35
LEAST_SIZE = {"ear_hang": 26.0, "chin_out": 20.0}  # of the face in pixels, for what is told apart by details
LEAST_CONTRAST = 36.0  # between a mask and the skin beside it, distance in sRGB


@dataclass(frozen=True, eq=False, slots=True)
class Dress:
    """mode: a key of ROLES.  seed: of its grain, and of what the texture leaves to chance."""

    mode: str
    worn: wear.Worn
    recipe: masks.Recipe
    seed: int

    @property
    def role(self) -> str:
        """correct, incorrect or none: which class the face has afterwards."""
        return ROLES[self.mode]

    def as_dict(self) -> dict:
        """For the manifest."""
        return {"mode": self.mode, "mask": self.recipe.as_dict(), "seed": self.seed}


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """What the photograph says of a face before anything is drawn, so far as the choice of a dress hangs on it.

    skin, white: sRGB of its skin, and of white cloth in its light.
    """

    front: Front | None = None
    skin: tuple[float, ...] | None = None
    white: tuple[float, ...] | None = None

    def as_dict(self) -> dict:
        """As JSON can hold it."""
        return {"front": self.front and self.front.as_dict(), "skin": self.skin, "white": self.white}

    @classmethod
    def of_dict(cls, said: dict) -> Setting:
        """The inverse of `as_dict`."""
        return cls(said["front"] and Front.of_dict(said["front"]), said["skin"], said["white"])


def setting_of(pixels: NDArray, face: Face) -> Setting:
    """The setting of a face in a photograph, (H, W, 3) uint8."""
    seen = overlay.survey(pixels, face)
    white = seen.light.exposure * seen.light.tint
    skin, cloth = (tuple(np.round(display(rgb), 1).tolist()) for rgb in (seen.light.skin * white, white))
    return Setting(seen.front, skin, cloth)


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a face can not wear something in a mode.  reason: a key of FAULTS.  detail: the figure that decided."""

    reason: str
    detail: str


def draw(
    face: Face,
    mode: str,
    rng: np.random.Generator,
    size_wh: tuple[int, int],
    others: NDArray | None = None,
    setting: Setting | None = None,
    wardrobe: Mapping[str, masks.Texture] = masks.NO_OWN,
) -> Dress | Unfit:
    """Something to wear in this mode, or why there is nothing: the last of TRIES attempts says so.

    size_wh: of the picture.  others: (M, 4) boxes of the other objects in it.  setting: of the face, if it is known.
    wardrobe: masks of the user's own by name; every other mask, by chance, is one of them.
    """
    boxes = np.empty((0, 4)) if others is None else others
    found = Unfit("label", "")
    for _ in range(TRIES):
        dress = _drawn(face, mode, rng, tuple(wardrobe))
        if fault := wear.fault(face, dress.worn, _SHOWS[mode]):
            found = Unfit("label", fault)
            continue
        unfit = _misfit(dress.worn, size_wh, boxes) or _unseen(face, dress, setting or Setting(), wardrobe)
        if unfit is None:
            return dress
        found = unfit
    return found


def _drawn(face: Face, mode: str, rng: np.random.Generator, templates: tuple[str, ...]) -> Dress:
    if mode in negatives.NEGATIVES:
        recipe = negatives.draw_recipe(mode, rng)
        return Dress(mode, negatives.worn(face, mode, rng), recipe, int(rng.integers(2**31)))
    recipe = masks.draw_recipe(rng)
    if templates and rng.random() < _OWN:
        recipe = masks.Recipe("template", template=str(rng.choice(templates)))
    return Dress(mode, wear.worn(face, mode, rng, tapered=recipe.tapered), recipe, int(rng.integers(2**31)))


def _unseen(face: Face, dress: Dress, setting: Setting, wardrobe: Mapping[str, masks.Texture]) -> Unfit | None:
    """Whether it would lie behind something, be too small, or be lost against the skin."""
    if setting.front and (hidden := setting.front.hides(dress.worn.outline)) > MAX_HIDDEN:
        return Unfit("hidden", f"{hidden:.0%} of the mask behind something")
    if face.size < LEAST_SIZE.get(dress.mode, 0):
        return Unfit("faint", f"{dress.mode} on a face of {face.size:.0f} px")
    if setting.skin is None or setting.white is None or dress.role == "none":
        return None
    lit = display(masks.mean_albedo(dress.recipe, wardrobe) * linear(np.array(setting.white)))
    contrast = float(np.linalg.norm(lit - np.array(setting.skin)))
    return Unfit("faint", f"contrast {contrast:.0f} to the skin") if contrast < LEAST_CONTRAST else None


def _misfit(shape: wear.Worn, size_wh: tuple[int, int], others: NDArray) -> Unfit | None:
    """Whether too much of the cloth lies outside the picture or over other objects."""
    edge = shape.outline
    low, high = edge.min(axis=0), edge.max(axis=0)
    if (low < 0).any() or (high > size_wh).any():
        cut = 1 - _share_inside(edge, np.array([[0, 0, *size_wh]], np.float64))
        if cut > MAX_CUT:
            return Unfit("cut", f"{cut:.0%} of the mask outside the picture")
    near = others[(others[:, :2] < high).all(axis=1) & (others[:, 2:] > low).all(axis=1)]
    covered = _share_inside(edge, near)
    return Unfit("in-the-way", f"{covered:.0%} of the mask over other boxes") if covered > MAX_COVERED else None


def _share_inside(polygon: NDArray, boxes: NDArray) -> float:
    """Share of a polygon's area that lies in any of the boxes, measured on about 64×64 points."""
    if not len(boxes):
        return 0.0
    low = polygon.min(axis=0)
    scale = 64 / float((polygon.max(axis=0) - low).max())
    canvas = np.zeros((66, 66), np.uint8)
    cv2.fillPoly(canvas, [np.round((polygon - low) * scale).astype(np.int32)], 1)
    inside = np.zeros_like(canvas)
    for box in np.round((boxes - np.tile(low, 2)) * scale).clip(0, 66).astype(int):
        inside[box[1] : box[3], box[0] : box[2]] = 1
    return float((canvas & inside).sum() / max(int(canvas.sum()), 1))


def put_on(
    pixels: NDArray,
    face: Face,
    dress: Dress,
    keep: NDArray | None = None,
    wardrobe: Mapping[str, masks.Texture] = masks.NO_OWN,
    seen: overlay.Survey | None = None,
) -> overlay.Patch:
    """The face with it on.

    pixels: (H, W, 3) uint8.  keep: (M, 4) boxes whose pixels stay as they are.  seen: the face's survey, if known.
    """
    sheet = _sheet(dress, wardrobe)
    return overlay.put_on(pixels, face, dress.worn, sheet, np.random.default_rng(dress.seed), keep, seen)


def _sheet(dress: Dress, wardrobe: Mapping[str, masks.Texture]) -> masks.Texture:
    if dress.mode in negatives.NEGATIVES:
        return negatives.texture(dress.recipe)
    if dress.recipe.template:
        return wardrobe[dress.recipe.template]
    across = np.linalg.norm(np.diff(dress.worn.rows[1], axis=0), axis=1).sum()
    return masks.texture(dress.recipe, 1.5 * float(across))


def box_after(xyxy: NDArray, dress: Dress, patch: overlay.Patch, size_wh: tuple[int, int]) -> NDArray:
    """The face's box afterwards, (4,): it grows to hold what is seen of a mask, inside the picture.

    A scarf or a hand is no part of the face.
    """
    seen = None if dress.role == "none" else patch.seen_xyxy
    if seen is None:
        return xyxy
    low, high = np.minimum(xyxy[:2], seen[:2]), np.maximum(xyxy[2:], seen[2:])
    return clip_boxes(np.concatenate([low, high])[None], size_wh)[0]
