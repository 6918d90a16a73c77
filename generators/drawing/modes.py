"""A picture of everything that can be put on a face: one row a mode, on the public-domain portraits of the sample.

Made the way the overlay makes it, but on two faces that were measured by hand, so that no predictor is needed.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from datatools.images import encode
from generators.drawing import dress
from generators.drawing.masks import NO_OWN, Texture
from generators.faces.face import Face
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

TITLES = {
    "correct": "worn right",
    "nose_out": "nose out",
    "nose_mouth_out": "nose and mouth out",
    "chin_out": "chin out",
    "ear_hang": "hanging from an ear",
    "scarf": "no mask: a scarf",
    "hand": "no mask: a hand",
    "beard": "no mask: a beard",
}
CELL_PX, TITLE_PX = 232, 26
_REACH = 0.95  # half a cell's width, in sizes of the face


def sheet(seed: int = 0, columns: int = 6, wardrobe: Mapping[str, Texture] = NO_OWN, suffix: str = ".png") -> bytes:
    """The file's bytes.  wardrobe: masks of the user's own, see `dress.draw`.  suffix: .png or .jpg."""
    rows = []
    for number, mode in enumerate(dress.ROLES):
        streams = [np.random.default_rng([seed, number, k]) for k in range(columns)]
        people = [list(PEOPLE)[(k + number) % len(PEOPLE)] for k in range(columns)]
        cells = [_cell(name, mode, rng, wardrobe) for name, rng in zip(people, streams, strict=True)]
        rows += [_title(f"{mode}: {TITLES[mode]}", columns * CELL_PX), np.hstack(cells)]
    return encode(np.vstack(rows), suffix, 85)


def _cell(name: str, mode: str, rng: np.random.Generator, wardrobe: Mapping[str, Texture]) -> NDArray:
    """One face with something on, (CELL_PX, CELL_PX, 3) uint8."""
    pixels, face = np.array(load(name)), PEOPLE[name].face
    drawn = dress.draw(face, mode, rng, (pixels.shape[1], pixels.shape[0]), wardrobe=wardrobe)
    if isinstance(drawn, dress.Unfit):
        raise AssertionError(f"{mode} on {name}: {drawn.detail}")
    dress.put_on(pixels, face, drawn, wardrobe=wardrobe).onto(pixels)
    return _square(pixels, face)


def _square(pixels: NDArray, face: Face) -> NDArray:
    """The face and what is around it, scaled to a cell."""
    half = _REACH * face.size
    corner = (face.xyxy[:2] + face.xyxy[2:]) / 2 + (0, 0.12 * face.size) - half
    step = 2 * half / CELL_PX
    matrix = np.array([[step, 0, corner[0]], [0, step, corner[1]]])
    smooth = cv2.GaussianBlur(pixels, (0, 0), 0.4 * step) if step > 1 else pixels
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(smooth, matrix, (CELL_PX, CELL_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _title(text: str, width: int) -> NDArray:
    line = np.full((TITLE_PX, width, 3), 255, np.uint8)
    cv2.putText(line, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return line
