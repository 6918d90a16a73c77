"""Objects of rare classes pasted into other pictures, with their box and a soft edge (copy-paste by box).

Which: a class is drawn in proportion to (boxes of the commonest class / its own boxes - 1), so the commonest is never
pasted; then one of its objects, all alike. Only objects that stand alone in their picture, with their margin, are
taken, so nothing unlabelled comes along. Where: anywhere that covers no box, no region and no padding.
Source: Ghiasi et al., "Simple Copy-Paste", 2021; by box, for lack of masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from detector.data.augmentation import Augmentation
from detector.data.pictures import GREY
from detector.data.scene import Scene, together
from detector.data.split import Labelled

MARGIN = 0.15  # of the box, each way: where the edge fades
SMALLEST = 12  # pixels: what is smaller shows nothing
ZOOM = 1.25
TRIES = 10
MOST_PADDING = 0.02  # of a place


@dataclass(frozen=True)
class Sources:
    """Objects that may be pasted. picture, box: (K,) int, indices.  chance: (K,) float, sums to 1; K may be 0."""

    picture: np.ndarray
    box: np.ndarray
    chance: np.ndarray

    @cached_property
    def ends(self) -> np.ndarray:
        return np.cumsum(self.chance)

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """A picture and its box."""
        chosen = min(int(np.searchsorted(self.ends, rng.random(), side="right")), len(self.ends) - 1)
        return int(self.picture[chosen]), int(self.box[chosen])


def find_sources(labelled: Sequence[Labelled]) -> Sources:
    """The objects of rare classes that stand alone in their picture."""
    alone = [np.flatnonzero(_stands_alone(one)) for one in labelled]
    picture = np.repeat(np.arange(len(labelled)), [len(found) for found in alone])
    box = np.concatenate([*alone, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    every = np.concatenate([*(one.classes for one in labelled), np.zeros(0, dtype=np.int64)])
    number = np.array([labelled[p].classes[b] for p, b in zip(picture.tolist(), box, strict=True)], dtype=np.int64)
    if not len(number):
        return Sources(picture, box, np.zeros(0))
    counts, candidates = np.bincount(every), np.bincount(number, minlength=every.max() + 1)
    wish = counts.max() / np.maximum(counts, 1) - 1
    chance = wish[number] / candidates[number]
    kept = chance > 0
    return Sources(picture[kept], box[kept], chance[kept] / chance[kept].sum() if kept.any() else np.zeros(0))


def _stands_alone(one: Labelled) -> np.ndarray:
    """(N,) bool: no other box and no region reaches into a box and its margin."""
    others = np.concatenate((one.boxes, one.regions))
    grown = one.boxes[:, None, 2:] * (0.5 + MARGIN) + others[None, :, 2:] / 2
    apart = (np.abs(one.boxes[:, None, :2] - others[None, :, :2]) >= grown).any(axis=2)
    np.fill_diagonal(apart, True)
    return apart.all(axis=1)


def paste(
    scene: Scene, sources: Sources, read: Callable[[int], Scene], how: Augmentation, rng: np.random.Generator
) -> Scene:
    """`scene` with 1 to `how.pasted` objects of the pictures that `read` gives, as far as there is room."""
    if not len(sources.chance):
        return scene
    for _ in range(int(rng.integers(1, how.pasted + 1))):
        picture, box = sources.draw(rng)
        source = read(picture)
        patch, inside = _patch(source, box, rng)
        if min(inside[2] - inside[0], inside[3] - inside[1]) < SMALLEST:
            continue
        corner = _room(scene, patch.shape, rng)
        if corner is not None:
            added = Scene(patch, source.classes[box : box + 1], inside[None], np.zeros((0, 4))).moved(*corner)
            scene = together(_blend(scene.picture, patch, inside, corner), (scene, added))
    return scene


def _patch(source: Scene, box: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An object with its margin, zoomed and perhaps mirrored, and its box (4,) in the patch's pixels."""
    height, width = source.picture.shape[:2]
    x0, y0, x1, y1 = source.xyxy[box]
    reach = np.array([x1 - x0, y1 - y0]) * MARGIN
    left, top = max(0, int(x0 - reach[0])), max(0, int(y0 - reach[1]))
    right, bottom = min(width, int(np.ceil(x1 + reach[0]))), min(height, int(np.ceil(y1 + reach[1])))
    cut = source.picture[top:bottom, left:right]
    zoom, mirrored = ZOOM ** rng.uniform(-1, 1), rng.random() < 0.5
    wide, high = max(1, round((right - left) * zoom)), max(1, round((bottom - top) * zoom))
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    patch = cv2.resize(cut, (wide, high), interpolation=how)
    scale = np.tile([wide / (right - left), high / (bottom - top)], 2)
    inside = (np.array([x0, y0, x1, y1]).clip(0, [width, height] * 2) - np.tile([left, top], 2)) * scale
    if mirrored:
        patch, inside = patch[:, ::-1], np.array([wide - inside[2], inside[1], wide - inside[0], inside[3]])
    return patch, inside


def _room(scene: Scene, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int] | None:
    """The corner of a free place for a patch of `shape` (H, W, 3); None where `TRIES` draws found none."""
    height, width = scene.picture.shape[:2]
    if shape[0] > height or shape[1] > width:
        return None
    taken = np.concatenate((scene.xyxy, scene.regions))
    for _ in range(TRIES):
        x, y = int(rng.integers(0, width - shape[1] + 1)), int(rng.integers(0, height - shape[0] + 1))
        place = np.array([x, y, x + shape[1], y + shape[0]])
        free = ((taken[:, :2] >= place[2:]) | (taken[:, 2:] <= place[:2])).any(axis=1).all()
        if free and _padding(scene.picture[y : place[3], x : place[2]]) < MOST_PADDING:
            return x, y
    return None


def _padding(cut: np.ndarray) -> float:
    """Share of the pixels that have the padding's colour."""
    red, green, blue = (cut[..., channel] == GREY for channel in range(3))
    return float((red & green & blue).mean())


def _blend(picture: np.ndarray, patch: np.ndarray, inside: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """A copy of `picture` with `patch` at `corner`: whole within the box, fading to nothing at the patch's edge."""
    high, wide = patch.shape[:2]
    across = _fade(wide, inside[0], inside[2])
    down = _fade(high, inside[1], inside[3])
    share = (down[:, None] * across[None])[..., None]
    made = picture.copy()
    place = made[corner[1] : corner[1] + high, corner[0] : corner[0] + wide]
    place[:] = np.rint(patch * share + place * (1 - share)).astype(np.uint8)
    return made


def _fade(length: int, first: float, last: float) -> np.ndarray:
    """(length,): 1 from `first` to `last`, falling straight to 0 at the ends."""
    middle = np.arange(length) + 0.5
    rise, fall = middle / max(first, 1e-9), (length - middle) / max(length - last, 1e-9)
    return np.minimum(np.minimum(rise, fall), 1.0)
