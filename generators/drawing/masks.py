"""Mask artwork, painted by code: surgical, folded respirators, cloth and knit ones, in any colour.

A `Recipe` says what a mask looks like in a few words and numbers (it goes into the manifest); `texture` paints it on
a flat sheet: u runs from the picture's left edge of the mask (0) to its right (1), v from the upper edge to the lower.
The light of the photograph comes later (`light`); what is painted here is the cloth's own colour, and its folds.
Shares of kinds and colours: by eye on real photographs, mostly white, then light blue, then black.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from generators.drawing.cloth import FOLDS
from generators.drawing.light import linear
from generators.drawing.motifs import PATTERNS, PRINTS, pattern, printed, valve

WIDTHS = (72, 144, 288)  # of the painted sheet, pixels; its height is two thirds of it
COLOURS: dict[str, tuple[int, int, int]] = {  # sRGB of the lit cloth
    "white": (238, 240, 241),
    "light blue": (158, 204, 230),
    "teal": (134, 202, 203),
    "black": (40, 41, 45),
    "grey": (150, 152, 156),
    "pink": (234, 184, 195),
    "navy": (46, 58, 92),
    "red": (168, 52, 56),
    "green": (96, 140, 104),
    "cream": (228, 216, 190),
}
KINDS = {"surgical": 0.66, "folded": 0.1, "flat": 0.08, "cloth": 0.1, "knit": 0.06}
_COLOURS_OF = {
    "surgical": {"white": 0.42, "light blue": 0.38, "teal": 0.08, "black": 0.08, "pink": 0.04},
    "folded": {"white": 0.75, "black": 0.15, "grey": 0.1},
    "flat": {"white": 0.8, "black": 0.1, "light blue": 0.1},
    "cloth": {"black": 0.3, "grey": 0.15, "navy": 0.15, "white": 0.1, "red": 0.1, "green": 0.1, "cream": 0.1},
    "knit": {"black": 0.6, "grey": 0.25, "navy": 0.08, "pink": 0.07},
}
TAPERED = {"surgical": 0.0, "folded": 0.3, "flat": 0.25, "cloth": 0.2, "knit": 0.35}  # see `wear.worn`
_VALVED = 0.25  # share of the respirators
_LIGHT_STRAP, _DARK_STRAP = (235, 236, 238), (60, 60, 64)


@dataclass(frozen=True, slots=True)
class Recipe:
    """kind: a key of KINDS, one of `negatives`, or "template", of which `template` is the name.

    colour: sRGB.  second: of pattern or print.  seed: of the folds' places.
    """

    kind: str
    colour: tuple[int, int, int] = (255, 255, 255)
    pattern: str = "plain"
    second: tuple[int, int, int] = (255, 255, 255)
    print: str = ""
    valve: bool = False
    seed: int = 0
    template: str = ""

    def as_dict(self) -> dict:
        """What is not at its default, for the manifest."""
        plain = asdict(Recipe(self.kind))
        return {"kind": self.kind} | {k: v for k, v in asdict(self).items() if v != plain[k]}

    @property
    def tapered(self) -> float:
        """How much shorter the sides of the cloth are than its middle."""
        return TAPERED.get(self.kind, 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class Texture:
    """albedo: (H, W, 4) float32, linear RGB 0..1 premultiplied by the last channel, which is 1 where there is cloth.

    uv: (K, 2), the places of the control points of `wear` on the sheet.  strap: (3,) linear RGB.
    skin: the colours are shares of the face's own skin's.  relief: how far it stands off the face, 0 to 1.
    clipped: it ends at the shape's outline, rather than where it is transparent.
    """

    albedo: NDArray
    uv: NDArray
    strap: NDArray
    skin: bool = False
    relief: float = 1.0
    clipped: bool = True


NO_OWN: Mapping[str, Texture] = MappingProxyType({})  # a user without masks of their own


def whole_sheet() -> NDArray:
    """The places of the control points on a sheet that is used from edge to edge, (15, 2)."""
    u, v = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 3))
    return np.stack([u, v], axis=-1).reshape(-1, 2)


def draw_recipe(rng: np.random.Generator) -> Recipe:
    """A mask as people wear them."""
    kind = _chosen(KINDS, rng)
    colour = _varied(COLOURS[_chosen(_COLOURS_OF[kind], rng)], rng)
    seed = int(rng.integers(2**16))
    if kind == "cloth":
        second = _varied(list(COLOURS.values())[rng.integers(len(COLOURS))], rng)
        chosen = str(rng.choice(PATTERNS, p=(0.4, 0.15, 0.15, 0.15, 0.15)))
        return Recipe(kind, colour, chosen, second, str(rng.choice(PRINTS, p=(0.7, 0.1, 0.1, 0.1))), seed=seed)
    return Recipe(kind, colour, valve=kind in ("folded", "flat") and bool(rng.random() < _VALVED), seed=seed)


def _chosen(shares: dict[str, float], rng: np.random.Generator) -> str:
    edges = np.cumsum(list(shares.values()))
    return list(shares)[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def _varied(colour: tuple[int, int, int], rng: np.random.Generator) -> tuple[int, int, int]:
    """A dye of the same name, a little lighter or darker, warmer or colder."""
    values = np.array(colour) * rng.uniform(0.93, 1.04) + rng.uniform(-6, 6, 3)
    r, g, b = np.clip(np.round(values), 8, 250).astype(int).tolist()
    return r, g, b


def texture(recipe: Recipe, across_px: float = WIDTHS[-1]) -> Texture:
    """The painted sheet of a recipe that is no template.  across_px: how wide the mask will be seen."""
    u, v = _sheet(next((w for w in WIDTHS if w >= across_px), WIDTHS[-1]))
    rgb = np.empty((*u.shape, 3), np.float32)
    rgb[:] = recipe.colour
    second = np.array(recipe.second, np.float32)
    for mark in (pattern(recipe.pattern, u, v, recipe.seed), printed(recipe.print, u.shape)):
        if mark is not None:
            rgb += mark[..., None] * (second - rgb)
    rgb *= FOLDS[recipe.kind](u, v, np.random.default_rng(recipe.seed))[..., None]
    if recipe.valve:
        body, relief = valve(u, v)
        rgb += body[..., None] * (relief[..., None] - rgb)
    strap = _LIGHT_STRAP if np.mean(recipe.colour) > 100 else _DARK_STRAP
    return Texture(opaque(linear(np.clip(rgb, 0, 255))), whole_sheet(), linear(np.array(strap)))


def mean_albedo(recipe: Recipe, wardrobe: Mapping[str, Texture] = NO_OWN) -> NDArray:
    """The colour that is most of it, (3,) linear RGB."""
    if not recipe.template:
        return linear(np.array(recipe.colour))
    albedo = wardrobe[recipe.template].albedo
    return albedo[..., :3].sum(axis=(0, 1)) / max(float(albedo[..., 3].sum()), 1e-6)


def opaque(rgb: NDArray) -> NDArray:
    """The same with a fourth channel of ones."""
    return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])


@lru_cache(maxsize=len(WIDTHS))
def _sheet(width: int) -> tuple[NDArray, NDArray]:
    """u and v at the pixels of a sheet, each (H, W) float32."""
    height = width * 2 // 3
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return u.astype(np.float32), v.astype(np.float32)
