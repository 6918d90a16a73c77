"""One copy of one training picture: cropped or erased, pasted into, moved, coloured, with the boxes that are left.

A box that loses its label is listed as an ignored region, whether its pixels are filled or not.  Regions follow the
geometry as boxes do.

The stream of a copy hangs on the seed, the picture's id and the copy's number alone, so neither the number of workers
nor another picture changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datatools.balance.pixels.augment import ATTEMPTS, Augmenter
from datatools.balance.pixels.colour import compressed
from datatools.balance.pixels.erase import erase_boxes
from datatools.balance.pixels.paste import paste
from datatools.balance.planning.pasting import covered
from datatools.balance.planning.plan import Paste, Plan
from datatools.balance.planning.windows import Window, inside, moved_into
from datatools.core import Annotation, clip_boxes
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
class Pasting:
    """A box of another picture, in a copy.  source: that picture, with this box alone.  box: its index there."""

    source: Annotation
    box: int
    paste: Paste


@dataclass(frozen=True, eq=False)
class Task:
    """One training picture and its copies: kept[k] says which boxes (N,) stay in copy k + 1.

    first: which boxes stay in the picture itself, where it is a synthetic one that does not come over whole.
    windows: what each copy shows, where it is not the whole picture.  ignore: are unwanted boxes left as they are?
    pastings: what is pasted into each copy.
    """

    annotation: Annotation
    kept: tuple[NDArray, ...] = field(default=())
    first: NDArray | None = None
    windows: tuple[Window | None, ...] = field(default=())
    ignore: bool = False
    pastings: tuple[tuple[Pasting, ...], ...] = field(default=())

    def pasted(self, copy: int) -> tuple[Pasting, ...]:
        """What is pasted into copy number `copy`, from 1."""
        return self.pastings[copy - 1] if self.pastings else ()

    def window(self, copy: int) -> Window | None:
        """What copy number `copy`, from 1, shows; None for the whole picture."""
        return self.windows[copy - 1] if self.windows else None


def tasks_of(plan: Plan, annotations: tuple[Annotation, ...]) -> list[Task]:
    """The pictures that are repeated, or partly erased.  annotations: those that the plan was made from, in order."""
    tasks = []
    for row, a in enumerate(annotations):
        repeats, whole = int(plan.repeats[row]), plan.comes_whole(row)
        if repeats > whole:
            runs = [run for run in plan.runs(row) for _ in range(run.times)]
            kept, windows = tuple(run.kept for run in runs), tuple(run.window for run in runs)
            first = None if whole else plan.kept(row, 0)
            pastings = tuple(tuple(_pasting(one, annotations) for one in run.pasted) for run in runs)
            tasks.append(Task(a, kept, first, windows, plan.wanted.unwanted == "ignore", pastings))
    return tasks


def _pasting(one: Paste, annotations: tuple[Annotation, ...]) -> Pasting:
    return Pasting(annotations[one.row].take([one.box]), one.box, one)


def copy_stream(seed: int, image_id: str, copy: int) -> np.random.Generator:
    """The random stream of one copy of one picture."""
    return picture_stream(seed, image_id, copy)


class Copier:
    """Makes the copies of one picture, which is decoded once; each distinct view of it is filled once."""

    def __init__(self, task: Task, augmenter: Augmenter, seed: int) -> None:
        self.task, self.augmenter, self.seed = task, augmenter, seed
        self._original = decode(task.annotation.path)
        self._views: dict[tuple, NDArray] = {}

    def make(self, copy: int) -> Copy:
        """Copy number `copy`, from 1."""
        rng = copy_stream(self.seed, self.task.annotation.id, copy)
        kept, window, pasted = self.task.kept[copy - 1], self.task.window(copy), self.task.pasted(copy)
        shown = seen(self.task.annotation, kept, window, pasted)
        drawn = self.augmenter.draw(shown.xyxy, shown.size_wh, rng)
        pixels, colours = self.augmenter.pixels(self._view(kept, window, pasted), drawn, rng)
        regions = _visible(drawn.move(shown.ignored))
        name = f"{shown.id}#{copy}"
        moved = Annotation(name, "", drawn.size_wh, drawn.xyxy, shown.labels, shown.flags, ignored=regions)
        recipe: dict = {"recipe": "augment", "copy": copy, "seed": self.seed, "draw": drawn.attempt}
        if drawn.attempt == ATTEMPTS:
            recipe["flips_only"] = True
        return Copy(pixels, moved, recipe | self._said(kept, window, pasted), colours.jpeg)

    def encoded(self, copy: Copy, suffix: str, quality: int) -> bytes:
        """The copy's file, `.jpg` or `.png`.  quality: of a JPEG that was not to have stronger artefacts.

        The chroma of a JPEG is sampled as its source's.
        """
        strength = min(quality, copy.jpeg or quality)
        if suffix == ".jpg":
            return encode(copy.pixels, suffix, strength, sampling=self._sampling)
        return encode(compressed(copy.pixels, copy.jpeg), suffix)

    @cached_property
    def _sampling(self) -> int:
        how = compression(self.task.annotation.path)
        return how.subsampling if how else CHROMA_420

    def cleaned(self) -> Copy:
        """The picture itself without the boxes that are not needed: neither moved nor coloured."""
        kept, a = self.task.first, self.task.annotation
        if kept is None:
            raise ValueError(f"{a.id} comes over whole")
        return Copy(self._view(kept, None), seen(a, kept, None), self._said(kept, None))

    def _said(self, kept: NDArray, window: Window | None, pasted: tuple[Pasting, ...] = ()) -> dict:
        """What the manifest says of the shape: what is shown, which boxes there lose their label, what is pasted."""
        said: dict = {} if window is None else {"window": list(window)}
        xyxy = self.task.annotation.xyxy
        gone = ~kept & ~covered(xyxy, [one.paste for one in pasted])
        gone = gone if window is None else gone & inside(xyxy, window)
        if gone.any():
            said["ignored" if self.task.ignore else "erased"] = np.flatnonzero(gone).tolist()
        if pasted:
            rows = ({"source": p.source.id, "box": p.box, "place": list(p.paste.place)} for p in pasted)
            said["pasted"] = list(rows)
        return said

    def _view(self, kept: NDArray, window: Window | None, pasted: tuple[Pasting, ...] = ()) -> NDArray:
        """What is shown of the picture, without the unwanted boxes' content where it is to go, with what is pasted."""
        a = self.task.annotation
        gone = ~kept & covered(a.xyxy, [one.paste for one in pasted]) if self.task.ignore else ~kept
        view = self._erased(kept, gone, window)
        for one in pasted:
            x1, y1, x2, y2 = moved_into(np.array(one.paste.place), window).astype(int).tolist()
            view = paste(view, one.source.path, one.source.xyxy[0], (x1, y1, x2, y2))
        return view

    def _erased(self, kept: NDArray, gone: NDArray, window: Window | None) -> NDArray:
        x1, y1, x2, y2 = window or (0, 0, *self.task.annotation.size_wh)
        if not gone.any():
            return np.ascontiguousarray(self._original[y1:y2, x1:x2])
        key = (gone.tobytes(), window)
        if key not in self._views:
            a = self.task.annotation
            rng = copy_stream(self.seed, a.id, 0)
            boxes = moved_into(a.xyxy, window)
            self._views[key] = erase_boxes(self._original[y1:y2, x1:x2], boxes[gone], boxes[kept], rng)
        return self._views[key]


def seen(a: Annotation, kept: NDArray, window: Window | None, pasted: tuple[Pasting, ...] = ()) -> Annotation:
    """What a window shows of a picture, in its own pixels: the kept boxes, the pasted ones; the others are ignored."""
    size_wh = a.size_wh if window is None else (window[2] - window[0], window[3] - window[1])
    gone = ~kept & ~covered(a.xyxy, [one.paste for one in pasted])
    places = np.array([one.paste.place for one in pasted], dtype=np.float64).reshape(-1, 4)
    boxes = clip_boxes(moved_into(np.vstack([a.xyxy[kept], places]), window), size_wh)
    regions = clip_boxes(moved_into(np.vstack([a.ignored, a.xyxy[gone]]), window), size_wh)
    labels = np.concatenate([a.labels[kept], *(one.source.labels for one in pasted)])
    flags = np.concatenate([a.flags[kept], *(one.source.flags for one in pasted)])
    return Annotation(a.id, a.path, size_wh, boxes, labels, flags, a.source, ignored=_visible(regions))


def _visible(regions: NDArray) -> NDArray:
    """Those that are at least a pixel wide and high."""
    return regions[(regions[:, 2:] - regions[:, :2] >= 1).all(axis=1)]
