"""Mask pictures of the user's own: PNG files with a transparent ground, and where their corners are.

A folder holds NAME.png and, if wanted, NAME.json beside it: {"top_left": [x, y], ...} in pixels of the picture, with
the six places of `REQUIRED` and any of `OPTIONAL`, left and right as seen in the picture.  Where there is no JSON file
the places are read off the picture: the ends of its first, middle and last opaque columns.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datatools.errors import UserError
from datatools.images import decode_with_alpha
from generators.drawing.light import linear
from generators.drawing.masks import Texture

REQUIRED = ("top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right")
OPTIONAL = ("middle_left", "middle", "middle_right")
_SIDES = ("_left", "", "_right")
_LARGEST = 512  # pixels across that are kept
_OPAQUE = 0.5
_STRAP = (235, 236, 238)
_EDGE = 0.02  # how far inside its ends a mask's first and last columns are looked for


class TemplateError(UserError):
    """A mask picture that cannot be put on a face."""


def read(folder: Path) -> dict[str, Texture]:
    """Every mask of a folder, by name, sorted.  Raises TemplateError where there is none, or one is unusable."""
    if not folder.is_dir():
        raise TemplateError(folder, "no such folder", "PNG files with transparency", "correct --masks")
    found = {path.stem: _read(path) for path in sorted(folder.iterdir()) if path.suffix.lower() == ".png"}
    if not found:
        raise TemplateError(folder, "no PNG file", "PNG files with transparency", "correct --masks")
    return found


def _read(path: Path) -> Texture:
    rgba = decode_with_alpha(path)
    if rgba is None or rgba[..., 3].min() == 255:
        raise TemplateError(path, "no transparency", "RGBA, transparent around the mask", "cut the mask out")
    places = path.with_suffix(".json")
    alpha = rgba[..., 3].astype(np.float32) / 255
    anchors = _stated(places, alpha.shape) if places.is_file() else _seen(alpha, path)
    small = min(1.0, _LARGEST / max(alpha.shape))
    painted: NDArray = np.dstack([linear(rgba[..., :3]) * alpha[..., None], alpha])
    if small < 1:
        painted = cv2.resize(painted, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(painted, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    uv = (anchors * small + 2) / np.array(framed.shape[1::-1])
    return Texture(framed, uv.reshape(-1, 2), linear(np.array(_STRAP)), clipped=False)


def _rows(places: dict[str, NDArray]) -> NDArray:
    """The control points of `wear`, (3, 5, 2), from six to nine places."""
    for side in _SIDES:
        places.setdefault(f"middle{side}", (places[f"top{side}"] + places[f"bottom{side}"]) / 2)
    rows = [[places[f"{row}{side}"] for side in _SIDES] for row in ("top", "middle", "bottom")]
    return np.stack([np.stack([a, (a + b) / 2, b, (b + c) / 2, c]) for a, b, c in rows])


def _stated(path: Path, shape: tuple[int, ...]) -> NDArray:
    """Control points from a JSON file."""
    expected = f"an object with {', '.join(REQUIRED)}, each [x, y]"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        places = {name: np.array(said[name], np.float64).reshape(2) for name in REQUIRED}
        places |= {name: np.array(said[name], np.float64).reshape(2) for name in OPTIONAL if name in said}
    except KeyError as error:
        raise TemplateError(path, f"no {error.args[0]}", expected, "add it") from None
    except (ValueError, TypeError):
        raise TemplateError(path, "not the places of a mask", expected, "correct it") from None
    _refuse_misplaced(path, places, shape)
    return _rows(places)


def _refuse_misplaced(path: Path, places: dict[str, NDArray], shape: tuple[int, ...]) -> None:
    """Raises TemplateError where a place is outside the picture, or not on its side of another one."""
    h, w = shape[:2]
    for name, place in places.items():
        if not ((place >= 0) & (place <= (w, h))).all():
            raise TemplateError(path, f"{name} at {place[0]:g}, {place[1]:g}", f"0..{w}, 0..{h}", "correct it")
    above = [(f"top{side}", f"bottom{side}", 1, "above") for side in _SIDES]
    beside = [(f"{row}{a}", f"{row}{b}", 0, "left of") for row in ("top", "bottom") for a, b in pairwise(_SIDES)]
    for first, second, axis, word in above + beside:
        if not places[first][axis] < places[second][axis]:
            found = f"{first} is not {word} {second}"
            raise TemplateError(path, found, "places as seen in the picture", "correct them")


def _seen(alpha: NDArray, path: Path) -> NDArray:
    """Control points read off the picture."""
    columns = np.nonzero((alpha > _OPAQUE).any(axis=0))[0]
    if len(columns) < 8 or (alpha > _OPAQUE).any(axis=1).sum() < 8:
        raise TemplateError(path, "hardly anything opaque", "a mask of 8 pixels or more", "cut the mask out again")
    width = columns[-1] - columns[0]
    places = {}
    for side, share in (("_left", _EDGE), ("", 0.5), ("_right", 1 - _EDGE)):
        x = columns[np.abs(columns - (columns[0] + share * width)).argmin()]
        rows = np.nonzero(alpha[:, x] > _OPAQUE)[0]
        places[f"top{side}"] = np.array([x + 0.5, rows[0]], np.float64)
        places[f"bottom{side}"] = np.array([x + 0.5, rows[-1] + 1], np.float64)
    return _rows(places)
