"""One copy of one training picture: erased, moved, coloured, with the boxes that are left.

The stream of a copy hangs on the seed, the picture's id and the copy's number alone, so neither the number of workers
nor another picture changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datatools.balance.augment import ATTEMPTS, Augmenter
from datatools.balance.erase import erase_boxes
from datatools.balance.plan import Plan
from datatools.core import Annotation
from datatools.images import CHROMA_420, compression, decode, encode
from datatools.streams import picture_stream


@dataclass(frozen=True, eq=False)
class Copy:
    """pixels: (H, W, 3) uint8.  annotation: its boxes.  recipe: how it was made, for the manifest.

    jpeg: quality of the JPEG artefacts that the augmentation drew, 0 for none; `encoded` gives them.
    """

    pixels: NDArray
    annotation: Annotation
    recipe: dict
    jpeg: int = 0


@dataclass(frozen=True, eq=False)
class Task:
    """One training picture and its copies: kept[k] says which boxes (N,) stay in copy k + 1.

    first: which boxes stay in the picture itself, where it is a synthetic one that does not come over whole.
    """

    annotation: Annotation
    kept: tuple[NDArray, ...] = field(default=())
    first: NDArray | None = None


def tasks_of(plan: Plan, annotations: tuple[Annotation, ...]) -> list[Task]:
    """The pictures that are repeated, or partly erased.  annotations: those that the plan was made from, in order."""
    tasks = []
    for row, a in enumerate(annotations):
        repeats, whole = int(plan.repeats[row]), plan.comes_whole(row)
        if repeats > whole:
            kept = tuple(plan.kept(row, copy) for copy in range(1, repeats))
            tasks.append(Task(a, kept, None if whole else plan.kept(row, 0)))
    return tasks


def copy_stream(seed: int, image_id: str, copy: int) -> np.random.Generator:
    """The random stream of one copy of one picture."""
    return picture_stream(seed, image_id, copy)


class Copier:
    """Makes the copies of one picture, which is decoded once; each distinct erasure is filled once."""

    def __init__(self, task: Task, augmenter: Augmenter, seed: int) -> None:
        self.task, self.augmenter, self.seed = task, augmenter, seed
        self._original = decode(task.annotation.path)
        self._erased: dict[bytes, NDArray] = {}

    def make(self, copy: int) -> Copy:
        """Copy number `copy`, from 1."""
        rng = copy_stream(self.seed, self.task.annotation.id, copy)
        kept = self.task.kept[copy - 1]
        chosen = self.task.annotation.take(kept)
        drawn = self.augmenter.draw(chosen.xyxy, chosen.size_wh, rng)
        pixels, colours = self.augmenter.pixels(self._without(kept), drawn, rng)
        moved = Annotation(f"{chosen.id}#{copy}", "", drawn.size_wh, drawn.xyxy, chosen.labels, chosen.flags)
        recipe: dict = {"recipe": "augment", "copy": copy, "seed": self.seed, "draw": drawn.attempt}
        if drawn.attempt == ATTEMPTS:
            recipe["flips_only"] = True
        if not kept.all():
            recipe["erased"] = np.flatnonzero(~kept).tolist()
        return Copy(pixels, moved, recipe, colours.jpeg)

    def encoded(self, copy: Copy, suffix: str, quality: int) -> bytes:
        """The copy's file, `.jpg` or `.png`.  quality: of a JPEG that was not to have stronger artefacts.

        The chroma of a JPEG is sampled as its source's.
        """
        strength = min(quality, copy.jpeg or quality)
        if suffix == ".jpg":
            return encode(copy.pixels, suffix, strength, sampling=self._sampling)
        pixels = decode(encode(copy.pixels, ".jpg", copy.jpeg)) if copy.jpeg else copy.pixels
        return encode(pixels, suffix)

    @cached_property
    def _sampling(self) -> int:
        how = compression(self.task.annotation.path)
        return how.subsampling if how else CHROMA_420

    def cleaned(self) -> Copy:
        """The picture itself without the boxes that are not needed: neither moved nor coloured."""
        kept, a = self.task.first, self.task.annotation
        if kept is None:
            raise ValueError(f"{a.id} comes over whole")
        return Copy(self._without(kept), a.take(kept), {"erased": np.flatnonzero(~kept).tolist()})

    def _without(self, kept: NDArray) -> NDArray:
        if kept.all():
            return self._original
        key = kept.tobytes()
        if key not in self._erased:
            a = self.task.annotation
            rng = copy_stream(self.seed, a.id, 0)
            self._erased[key] = erase_boxes(self._original, a.xyxy[~kept], a.xyxy[kept], rng)
        return self._erased[key]
