"""Labelled pictures to batches: decoded and shrunk once, kept as uint8, augmented afresh every epoch.

One sample's randomness is SeedSequence([seed, epoch, index]) and an epoch's order is SeedSequence([seed, epoch]),
so neither the number of workers nor where an epoch is taken up again changes what is seen. Floats come last, on
the device.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from detector.augment import Augmentation, augment
from detector.boxes import Letterbox
from detector.pictures import pad, read_picture, shrink
from detector.split import Labelled

Key = tuple[int, int]  # epoch, index


@dataclass(frozen=True)
class Batch:
    """pictures: (B, 3, S, S) uint8, RGB.  truths: (N, 6) float32: picture in the batch, class, cx cy w h in pixels.

    names: the pictures' paths.  indices: which of the data set they are.
    """

    pictures: Tensor
    truths: Tensor
    names: tuple[str, ...]
    indices: tuple[int, ...]

    def floats(self, device: torch.device, memory_format: torch.memory_format) -> Tensor:
        """The pictures as the network takes them: on the device, in [0, 1]."""
        moved = self.pictures.to(device, non_blocking=True).contiguous(memory_format=memory_format)
        return moved.float().div_(255)


class Pictures(Dataset):
    """Labelled pictures in squares of `side`; keys are (epoch, index).

    augmentation: None shows every picture as it is.  budget_mb: memory for decoded pictures; beyond it they are
    decoded again each time. Every picture is read once here, so that a broken one stops the run before it begins.
    """

    def __init__(
        self,
        labelled: Sequence[Labelled],
        side: int,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        budget_mb: int = 2048,
    ) -> None:
        self.labelled, self.side, self.seed, self.augmentation = list(labelled), side, seed, augmentation
        self.sizes_wh: list[tuple[int, int]] = []
        self._cache: list[np.ndarray | None] = []
        left = budget_mb * 2**20
        for one in self.labelled:
            picture = read_picture(one.path)
            self.sizes_wh.append((picture.shape[1], picture.shape[0]))
            inner = shrink(picture, side)
            left -= inner.nbytes
            self._cache.append(inner if left >= 0 else None)

    @property
    def cached(self) -> int:
        """How many pictures are kept in memory."""
        return sum(inner is not None for inner in self._cache)

    def __len__(self) -> int:
        return len(self.labelled)

    def truths_xyxy(self, index: int) -> np.ndarray:
        """(N, 4) float64, pixels of the picture itself."""
        boxes = self.labelled[index].boxes
        corners = np.concatenate((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), axis=1)
        return corners * np.tile(self.sizes_wh[index], 2)

    def letterbox(self, index: int) -> Letterbox:
        return Letterbox(self.sizes_wh[index], self.side)

    def __getitem__(self, key: Key) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
        """Index, square (S, S, 3) uint8, classes (N,), boxes (N, 4) xyxy pixels of the square."""
        epoch, index = key
        one, box = self.labelled[index], self.letterbox(index)
        inner = self._cache[index]
        if inner is None:
            inner = shrink(read_picture(one.path), self.side)
        xyxy = self.truths_xyxy(index) * np.tile(box.scale, 2)
        if self.augmentation is None:
            return index, pad(inner, self.side), one.classes, xyxy + np.tile(box.offset, 2)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, epoch, index]))
        square, moved, kept = augment(inner, xyxy, self.side, self.augmentation, rng)
        return index, square, one.classes[kept], moved

    def collate(self, samples: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]) -> Batch:
        squares = torch.from_numpy(np.stack([square for _, square, _, _ in samples]))
        rows = [
            np.column_stack(
                (np.full(len(classes), i), classes, (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2])
            )
            for i, (_, _, classes, xyxy) in enumerate(samples)
        ]
        truths = torch.from_numpy(np.concatenate(rows).astype(np.float32))
        indices = tuple(index for index, _, _, _ in samples)
        names = tuple(str(self.labelled[index].path) for index in indices)
        return Batch(squares.permute(0, 3, 1, 2), truths, names, indices)


class Order(Sampler[list[Key]]):
    """Batches of (epoch, index), shuffled by (seed, epoch), from batch `start` on; the last may be smaller."""

    def __init__(self, count: int, batch: int, seed: int, shuffled: bool = True) -> None:
        self.count, self.batch, self.seed, self.shuffled = count, batch, seed, shuffled
        self.epoch, self.start = 0, 0

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return -(-self.count // self.batch)

    def __iter__(self) -> Iterator[list[Key]]:
        order = np.arange(self.count)
        if self.shuffled:
            order = np.random.default_rng(np.random.SeedSequence([self.seed, self.epoch])).permutation(self.count)
        for first in range(self.start * self.batch, self.count, self.batch):
            yield [(self.epoch, int(index)) for index in order[first : first + self.batch]]


def loader(pictures: Pictures, order: Order, workers: int) -> DataLoader[Batch]:
    """Batches in `order`; set its `epoch` and `start` before iterating. Workers are processes that stay."""
    return DataLoader(
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
