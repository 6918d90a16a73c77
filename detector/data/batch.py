"""Scenes put together to a batch, as the loop takes it. Pictures stay uint8; floats come last, on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detector.data.scene import Scene

Sample = tuple[int, Scene]  # which picture, and how it is shown
Refusal = tuple[str, str, str, str]  # a DataError's parts: an exception of a worker loses its kind on the way


@dataclass(frozen=True)
class Batch:
    """pictures: (B, 3, S, S) uint8, RGB.  truths: (N, 6) float32: picture in the batch, class, cx cy w h in pixels.

    names: the pictures' paths.  indices: which of the data set they are.
    regions: (R, 5) float32: picture in the batch, cx cy w h, where nothing is trained or judged.
    """

    pictures: Tensor
    truths: Tensor
    names: tuple[str, ...]
    indices: tuple[int, ...]
    regions: Tensor

    def floats(self, device: torch.device, memory_format: torch.memory_format) -> Tensor:
        """The pictures as the network takes them: on the device, in [0, 1]."""
        moved = self.pictures.to(device, non_blocking=True).contiguous(memory_format=memory_format)
        return moved.float().div_(255)


def collate(samples: Sequence[Sample | Refusal], paths: Sequence[Path]) -> Batch | Refusal:
    """The batch, or the first refusal among the samples. paths: of all pictures of the data set."""
    shown: list[Sample] = []
    for sample in samples:
        if len(sample) == 4:
            return sample
        shown.append(sample)
    scenes = [scene for _, scene in shown]
    squares = torch.from_numpy(np.stack([scene.picture for scene in scenes]))
    indices = tuple(index for index, _ in shown)
    truths = _table([np.column_stack((scene.classes, _centred(scene.xyxy))) for scene in scenes])
    regions = _table([_centred(scene.regions) for scene in scenes])
    names = tuple(str(paths[index]) for index in indices)
    return Batch(squares.permute(0, 3, 1, 2), truths, names, indices, regions)


def _table(rows: list[np.ndarray]) -> Tensor:
    """float32, the rows of all pictures, each after its picture's number in the batch."""
    numbered = [np.column_stack((np.full(len(some), i), some)) for i, some in enumerate(rows)]
    return torch.from_numpy(np.concatenate(numbered).astype(np.float32))


def _centred(xyxy: np.ndarray) -> np.ndarray:
    return np.concatenate(((xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]), axis=1)
