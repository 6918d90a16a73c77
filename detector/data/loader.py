"""Labelled pictures to batches: decoded and shrunk once, kept as uint8, augmented afresh every epoch.

One sample's randomness is SeedSequence([seed, epoch, index, turn]), and an epoch's order is a function of (seed,
epoch), so neither the number of workers nor where an epoch is taken up again changes what is seen. Floats come last,
on the device.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from detector.boxes import Letterbox, corners
from detector.data.augment import draw_affine, recolour, warp
from detector.data.augmentation import NONE, Augmentation
from detector.data.batch import Batch, Refusal, Sample, collate
from detector.data.cache import Cache, Memory
from detector.data.close_up import draw_close_up
from detector.data.mosaic import draw_pivot, mixup, mosaic
from detector.data.order import Key, Order
from detector.data.paste import find_sources, paste
from detector.data.pictures import measure, pad, read_picture, shrink
from detector.data.scene import Scene
from detector.data.split import Labelled
from detector.errors import DataError

__all__ = ["Batch", "Key", "Order", "Pictures", "default_workers", "loader"]
_Read = tuple[tuple[int, int], np.ndarray]  # width and height, and the picture shrunk


class Pictures(Dataset):
    """Labelled pictures in squares of `side`, or of a key's own side; keys are `Key`s.

    augmentation: None shows every picture as it is.  mixing_until: the epoch from which pictures are no longer mixed.
    cache: keeps decoded pictures, in memory by default; budget_mb: of that memory.  largest: of the sides to come, the
    size that pictures are kept at.  partners: (N,) how often each is taken for a mosaic, all alike if None.
    skip_broken: leave out pictures that cannot be read and list why in `skipped`, rather than raise DataError. Every
    picture is read once here, or found in the cache, so that a broken one stops the run before it begins.
    """

    def __init__(
        self,
        labelled: Sequence[Labelled],
        side: int,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        budget_mb: int = 2048,
        *,
        mixing_until: int | None = None,
        cache: Cache | None = None,
        largest: int = 0,
        partners: np.ndarray | None = None,
        skip_broken: bool = False,
    ) -> None:
        self.side, self.seed, self.mixing_until = side, seed, mixing_until
        self.augmentation = None if augmentation == NONE else augmentation  # no warp, so no half pixel of padding lost
        self.cache = Memory(budget_mb) if cache is None else cache
        self.kept_side = max(side, largest)
        self.labelled: list[Labelled] = []
        self.sizes_wh: list[tuple[int, int]] = []
        self.skipped: list[str] = []
        self.cached = 0
        kept = [self._take(one, found, skip_broken) for one, found in self._read_all(labelled)]
        weights = np.ones(len(kept)) if partners is None else np.asarray(partners, dtype=np.float64)
        self._partners = np.cumsum(weights[kept])
        self._sources = find_sources(self.labelled) if augmentation and augmentation.copy_paste else None
        if labelled and not self.labelled:
            raise DataError(labelled[0].path.parent, f"none of {len(labelled)} pictures can be read", "whole pictures")

    def _read_all(self, labelled: Sequence[Labelled]) -> Iterator[tuple[Labelled, _Read | DataError]]:
        """In order, and in threads, since decoding and shrinking let go of Python."""
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for first in range(0, len(labelled), 256):
                some = labelled[first : first + 256]
                yield from zip(some, threads.map(self._read, [one.path for one in some]), strict=True)

    def _read(self, path: Path) -> _Read | DataError:
        try:
            inner = self.cache.find(path, self.kept_side)
            if inner is not None:
                return measure(path), inner
            picture = read_picture(path)
            return (picture.shape[1], picture.shape[0]), shrink(picture, self.kept_side)
        except DataError as error:
            return error

    def _take(self, one: Labelled, found: _Read | DataError, skip_broken: bool) -> bool:
        if isinstance(found, DataError):
            if not skip_broken:
                raise found
            self.skipped.append(str(found))
            return False
        self.labelled.append(one)
        self.sizes_wh.append(found[0])
        self.cached += self.cache.offer(one.path, self.kept_side, found[1])
        return True

    def __len__(self) -> int:
        return len(self.labelled)

    def truths_xyxy(self, index: int) -> np.ndarray:
        """(N, 4) float64, pixels of the picture itself."""
        return corners(self.labelled[index].boxes, self.sizes_wh[index])

    def letterbox(self, index: int) -> Letterbox:
        return Letterbox(self.sizes_wh[index], self.side)

    def scene(self, index: int, side: int) -> Scene:
        """A picture with its longer edge `side`, nothing around it."""
        one = self.labelled[index]
        inner = self.cache.find(one.path, self.kept_side)
        if inner is None:
            inner = shrink(read_picture(one.path), self.kept_side)
        inner = shrink(inner, side)
        size_wh = (inner.shape[1], inner.shape[0])
        return Scene(inner, one.classes, corners(one.boxes, size_wh), corners(one.regions, size_wh))

    def __getitem__(self, key: tuple[int, ...]) -> Sample | Refusal:
        """Index, and the scene in its square; or why a picture that was whole at first cannot be read any more."""
        try:
            return key[1], self.show(Key(*key))
        except DataError as error:
            return error.where, error.what, error.expected, error.remedy

    def show(self, key: Key) -> Scene:
        """A scene in its square. Raises DataError where a picture of it cannot be read any more."""
        epoch, index, turn, side = key._replace(side=key.side or self.side)
        how = self.augmentation
        if how is None:
            return _letterboxed(self.scene(index, side), side)
        if self.mixing_until is not None and epoch >= self.mixing_until:
            how = how.alone()
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, epoch, index, turn]))
        scene = self._warped(index, side, how, rng)
        if rng.random() < how.mixup:
            scene = mixup(scene, self._warped(self._partner(rng), side, how, rng), rng)
        if self._sources is not None and rng.random() < how.copy_paste:
            scene = paste(scene, self._sources, lambda source: self.scene(source, side), how, rng)
        return Scene(recolour(scene.picture, how, rng), scene.classes, scene.xyxy, scene.regions)

    def _warped(self, index: int, side: int, how: Augmentation, rng: np.random.Generator) -> Scene:
        scene = self.scene(index, side)
        if how.close_up and rng.random() < how.close_up:  # no draw where it is off: other runs see what they always did
            closer = draw_close_up(scene, side, how, rng)
            if closer is not None:
                return warp(scene, closer, side, how.min_visible)
        if rng.random() < how.mosaic:
            scene = mosaic([scene, *(self.scene(self._partner(rng), side) for _ in range(3))], side)
            pivot = draw_pivot(side, rng)
        else:
            pivot = np.array(scene.picture.shape[1::-1]) / 2
        return warp(scene, draw_affine(pivot, side, how, rng), side, how.min_visible)

    def _partner(self, rng: np.random.Generator) -> int:
        return int(np.searchsorted(self._partners, rng.random() * self._partners[-1], side="right"))

    def collate(self, samples: list[Sample | Refusal]) -> Batch | Refusal:
        return collate(samples, [one.path for one in self.labelled])


def _letterboxed(scene: Scene, side: int) -> Scene:
    height, width = scene.picture.shape[:2]
    moved = scene.moved((side - width) // 2, (side - height) // 2)
    return Scene(pad(scene.picture, side), moved.classes, moved.xyxy, moved.regions)


class Batches(DataLoader[Batch]):
    """A DataLoader that raises what a worker could not read as the DataError that it was."""

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]  # a plain iterator will do
        for batch in super().__iter__():
            if isinstance(batch, tuple):
                raise DataError(*batch)
            yield batch


def loader(pictures: Pictures, order: Order, workers: int) -> Batches:
    """Batches in `order`; set its `epoch` and `start` before iterating. Workers are processes that stay."""
    return Batches(
        pictures,
        batch_sampler=order,
        num_workers=workers,
        collate_fn=pictures.collate,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_stopping_to_the_loop,
    )


def _leave_stopping_to_the_loop(worker: int) -> None:
    """Ctrl-C reaches every process of the terminal: a worker must go on until the step is done and saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def default_workers(device: torch.device) -> int:
    """None beside a CPU that is busy with the network anyway; on an accelerator as many as there are cores, up to 8."""
    return 0 if device.type == "cpu" else min(8, os.cpu_count() or 1)
