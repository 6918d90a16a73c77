"""Hard negatives: what hides or darkens a bare lower face without being a mask: a scarf, a hand, a beard.

A face with one of them keeps its class.  Each is a shape on the landmarks, like a mask's, and a painted sheet.
Limits: the hand is a plain one seen from behind, in the colour of the face's own skin, its sleeve without colour.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.drawing.light import linear
from generators.drawing.masks import COLOURS, Recipe, Texture, whole_sheet
from generators.drawing.wear import Groups, Worn
from generators.faces.face import BRIDGE, CHIN, Face

SHOWS: dict[str, Groups] = {  # is the group under it?
    "scarf": {"nose": False, "mouth": False},
    "hand": {"mouth": True},
    "beard": {"nose": False},
}
NEGATIVES = tuple(SHOWS)
_HAIR = ((38, 32, 30), (58, 44, 36), (92, 70, 52), (120, 112, 106), (150, 104, 66))
_SCARF_COLOURS = ("black", "grey", "navy", "red", "green", "cream", "pink", "white")
_SIZE_HW = (128, 160)
_NONE = np.zeros(3, np.float32)


def draw_recipe(kind: str, rng: np.random.Generator) -> Recipe:
    """What it looks like.  kind: one of NEGATIVES."""
    seed = int(rng.integers(2**16))
    if kind == "scarf":
        names = rng.choice(_SCARF_COLOURS, 2, replace=False)
        return Recipe(kind, COLOURS[names[0]], second=COLOURS[names[1]], seed=seed)
    if kind == "beard":
        return Recipe(kind, _HAIR[rng.choice(len(_HAIR), p=(0.4, 0.3, 0.12, 0.12, 0.06))], seed=seed)
    return Recipe(kind, seed=seed)


def worn(face: Face, kind: str, rng: np.random.Generator) -> Worn:
    """Its place on a face."""
    return Worn(kind, _SHAPES[kind](face, rng), ())


def texture(recipe: Recipe) -> Texture:
    """Its painted sheet."""
    h, w = _SIZE_HW
    u, v = np.meshgrid((np.arange(w) + 0.5) / w, (np.arange(h) + 0.5) / h)
    return _SHEETS[recipe.kind](u.astype(np.float32), v.astype(np.float32), recipe, np.random.default_rng(recipe.seed))


def _across(face: Face, level: float, widths: tuple[float, ...], bow: float) -> NDArray:
    """Five points on a line across the face, (5, 2), `level` face heights below the chin, bowed down in the middle."""
    h = face.height
    middle = face.points[CHIN] + level * h * face.down
    return np.stack([middle + x * h * face.across + bow * h * (1 - (2 * x) ** 2) * face.down for x in widths])


def _scarf(face: Face, rng: np.random.Generator) -> NDArray:
    """Around the neck, up to the chin or a little over it, wider than the jaw."""
    wide = float(np.linalg.norm(face.points[12] - face.points[4])) / face.height * rng.uniform(0.6, 0.7)
    upper = rng.uniform(-0.1, 0.04)
    spots = np.array([-1, -0.5, 0, 0.5, 1]) * wide
    rows = [_across(face, upper + drop, tuple(spots * k), 0.06) for drop, k in ((0.0, 1.0), (0.22, 1.12), (0.5, 1.0))]
    rows[0][[0, -1]] -= 0.05 * face.height * face.down
    return np.stack(rows)


def _hand(face: Face, rng: np.random.Generator) -> NDArray:
    """Before the mouth, coming from below one side."""
    p, h = face.points, face.height
    lean = np.radians(rng.uniform(15, 60)) * (1 if rng.random() < 0.5 else -1)
    down = np.cos(lean) * face.down + np.sin(lean) * face.across
    over = np.array([down[1], -down[0]])
    tips = p[48:60].mean(axis=0) - 0.3 * h * down + rng.uniform(-0.05, 0.05) * h * over
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, 5), np.linspace(0, 1.6, 3))
    return tips + (u * h * rng.uniform(0.75, 0.9))[..., None] * over + (v * h)[..., None] * down


def _beard(face: Face, rng: np.random.Generator) -> NDArray:
    """From below the nose over cheeks and chin, as wide as the jaw."""
    p, drop = face.points, rng.uniform(0.0, 0.1)
    left, right = p[2] + (p[3] - p[2]) * rng.uniform(0, 1), p[14] + (p[13] - p[14]) * rng.uniform(0, 1)
    under = p[33] + 0.3 * (p[51] - p[33])
    quarter = [0.5 * (end + under) + 0.12 * (p[CHIN] - p[BRIDGE]) for end in (left, right)]
    upper = np.stack([left, quarter[0], under, quarter[1], right])
    middle = np.stack([p[4], 0.5 * (p[4] + p[57]), p[57], 0.5 * (p[12] + p[57]), p[12]])
    down = drop * (p[CHIN] - p[BRIDGE])
    lower = np.stack([p[5], 0.5 * (p[6] + p[7]) + down / 2, p[8] + down, 0.5 * (p[9] + p[10]) + down / 2, p[11]])
    return np.stack([upper, middle, lower])


_SHAPES: dict[str, Callable[[Face, np.random.Generator], NDArray]] = {"scarf": _scarf, "hand": _hand, "beard": _beard}


def _sheet(rgb: NDArray, alpha: NDArray, *, skin: bool = False, relief: float = 1.0) -> Texture:
    """rgb: (H, W, 3) linear.  alpha: (H, W)."""
    albedo = np.dstack([rgb * alpha[..., None], alpha]).astype(np.float32)
    return Texture(albedo, whole_sheet(), _NONE, skin=skin, relief=relief)


def _scarf_sheet(u: NDArray, v: NDArray, recipe: Recipe, rng: np.random.Generator) -> Texture:
    """Wool in soft folds that run around the neck; every third one striped."""
    wave = v + 0.06 * np.sin(u * rng.uniform(4, 9) + rng.uniform(0, 6)) + 0.03 * np.sin(u * 17)
    folds = 0.82 + 0.18 * np.sin(2 * np.pi * rng.uniform(2.5, 4.5) * wave)
    ribs = 1 + 0.05 * np.sin(2 * np.pi * 42 * (u + 0.1 * v))
    striped = np.sin(2 * np.pi * rng.uniform(1.5, 5) * (wave + 0.3 * u)) > 0.5 if rng.random() < 0.4 else np.zeros(1)
    two = np.array(recipe.colour) + striped[..., None] * (np.array(recipe.second) - recipe.colour)
    rgb = linear(np.broadcast_to(two, (*u.shape, 3)) * (folds * ribs)[..., None])
    return _sheet(rgb, np.ones_like(u))


def _hand_sheet(u: NDArray, v: NDArray, recipe: Recipe, rng: np.random.Generator) -> Texture:
    """Four fingers side by side, pointing up, on the back of a hand, with a thumb, a wrist and a dark sleeve."""
    shade, alpha = np.zeros_like(u), np.zeros_like(u)
    y = v / 0.6  # the hand takes the upper six tenths
    tips = np.array([0.26, 0.14, 0.12, 0.2]) + rng.uniform(-0.03, 0.03, 4)
    parts = [((0.5, 0.9), (0.5, 1.9), 0.22), ((0.5, 0.72), (0.5, 0.85), 0.33), ((0.14, 0.5), (0.34, 0.85), 0.09)]
    parts += [((0.24 + 0.17 * k, tip), (0.28 + 0.15 * k, 0.7), 0.085) for k, tip in enumerate(tips.tolist())]
    for (x1, y1), (x2, y2), radius in parts:
        along = np.clip(((u - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2), 0, 1)
        far = np.hypot(u - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1)) / radius
        inside = np.clip((1 - far) * 10 + 0.5, 0, 1)
        shade = shade * (1 - inside) + (1.04 - 0.3 * np.minimum(far, 1.2) ** 4) * inside
        alpha = np.maximum(alpha, inside)
    sleeve = np.clip((v - 0.74) * 60, 0, 1) * np.clip((0.31 - np.abs(u - 0.5)) * 40, 0, 1)
    cloth = rng.uniform(0.1, 0.5) * (1 - 0.5 * (2 * u - 1) ** 2 + 0.1 * np.sin(v * 60 + u * 9))
    shade, alpha = shade + sleeve * (cloth - shade), np.maximum(alpha, sleeve)
    return _sheet(np.repeat(shade[..., None], 3, axis=2), alpha, skin=True)


def _beard_sheet(u: NDArray, v: NDArray, recipe: Recipe, rng: np.random.Generator) -> Texture:
    """Short strands, thin at the upper edge, around a bare mouth."""
    grain = rng.normal(0, 1, u.shape).astype(np.float32)
    strands: NDArray = cv2.GaussianBlur(grain, (0, 0), sigmaX=0.8, sigmaY=3.0)
    strands = strands / max(float(strands.std()), 1e-6)
    density = rng.uniform(0.65, 0.92)
    mouth = np.hypot((u - 0.5) / 0.17, (v - 0.34) / 0.085)
    edge = np.minimum(np.minimum(v / 0.16, (1 - v) / 0.1), np.minimum(u, 1 - u) / 0.08)
    thick = np.clip(edge, 0, 1) * np.clip((mouth - 1) * 3, 0, 1)
    alpha = np.clip(thick * density + 0.16 * strands * thick, 0, 0.96)
    rgb = linear(np.clip(np.array(recipe.colour) * (1 + 0.18 * strands)[..., None], 5, 250))
    return _sheet(rgb, alpha, relief=0.0)


_SHEETS: dict[str, Callable[[NDArray, NDArray, Recipe, np.random.Generator], Texture]] = {
    "scarf": _scarf_sheet,
    "hand": _hand_sheet,
    "beard": _beard_sheet,
}
