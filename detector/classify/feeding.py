"""Crops as a network takes them: squared, scaled, mirrored and changed at random, normalised; or a body's features.

A picture that is not square is padded with grey. What a showing looks like is decided by (seed, epoch, picture, turn)
alone. `light`: mirrored in half of the cases, a window of 85 to 100 % of the side, brightness and contrast within
20 %. Where the body stands still it is computed once for each picture and its mirror image, or for a few showings of
each picture under `light`, and training draws among those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from detector.classify.faces import Face
from detector.classify.networks import Network
from detector.data.pictures import pad, read_picture, shrink
from detector.training.device import autocast

WINDOW, LIGHT = 0.85, 0.2
Normal = tuple[tuple[float, ...], tuple[float, ...]]
Show = tuple[int, int, int]  # epoch, picture, turn
Progress = Callable[[Sequence[int]], Iterable[int]]


def squared(picture: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3): scaled by the longer edge, padded with grey."""
    return pad(shrink(picture, side), side)


def normalised(pictures: np.ndarray, normal: Normal) -> Tensor:
    """(B, S, S, 3) uint8, RGB, to (B, 3, S, S) float32."""
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in normal)
    found = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255)
    return (found - mean) / deviation


def changed(picture: np.ndarray, side: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A showing of a picture, (side, side, 3) uint8; kind: none, flip or light."""
    mirrored = kind != "none" and rng.random() < 0.5
    if kind == "light":
        height, width = picture.shape[:2]
        share, x, y = rng.uniform(WINDOW, 1), rng.random(), rng.random()
        wide, high = max(1, round(width * share)), max(1, round(height * share))
        left, top = round((width - wide) * x), round((height - high) * y)
        picture = picture[top : top + high, left : left + wide]
    square = squared(picture, side)
    if kind == "light":
        contrast, brightness = rng.uniform(1 - LIGHT, 1 + LIGHT), rng.uniform(1 - LIGHT, 1 + LIGHT)
        square = cv2.convertScaleAbs(square, alpha=contrast * brightness, beta=128 * brightness * (1 - contrast))
    return square[:, ::-1] if mirrored else square


class Pictures:
    """Crops on disk, decoded as they are asked for."""

    def __init__(self, faces: Sequence[Face], side: int, normal: Normal, augment: str, seed: int) -> None:
        self.faces, self.side, self.normal, self.augment, self.seed = faces, side, normal, augment, seed

    def shown(self, shows: Sequence[Show]) -> Tensor:
        """(B, 3, S, S): as training sees them."""
        return normalised(np.stack([self._one(*show) for show in shows]), self.normal)

    def plain(self, numbers: Sequence[int]) -> Tensor:
        """(B, 3, S, S): as they are judged."""
        squares = [squared(read_picture(self.faces[number].path), self.side) for number in numbers]
        return normalised(np.stack(squares), self.normal)

    def _one(self, epoch: int, number: int, turn: int) -> np.ndarray:
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, epoch, number, turn]))
        return changed(read_picture(self.faces[number].path), self.side, self.augment, rng)


class Features:
    """What a body that stands still makes of each crop: as it is, and mirrored, or in `views` showings under `light`.

    amp: "off" or "bf16", what the body is computed with.
    """

    def __init__(self, pictures: Pictures, network: Network, device: torch.device, batch: int, views: int = 1,
                 amp: str = "off", progress: Progress = iter) -> None:  # fmt: skip
        self._pictures, self.count = pictures, {"flip": 2, "light": views}.get(pictures.augment, 1)
        rows = []
        network.eval()
        with torch.inference_mode(), autocast(amp, device):
            for start in progress(range(0, len(pictures.faces), batch)):
                numbers = range(start, min(start + batch, len(pictures.faces)))
                each = [network.body(self._given(view, numbers).to(device)).float().cpu()
                        for view in range(self.count)]  # fmt: skip
                rows.append(torch.stack(each, dim=1))
        self._rows = torch.cat(rows).clone()

    def shown(self, shows: Sequence[Show]) -> Tensor:
        """(B, F)."""
        views = [self._view(*show) for show in shows]
        return self._rows[[number for _, number, _ in shows], views]

    def plain(self, numbers: Sequence[int]) -> Tensor:
        """(B, F). Of pictures that are shown under `light` there is none."""
        return self._rows[list(numbers), 0]

    def _given(self, view: int, numbers: Sequence[int]) -> Tensor:
        if self._pictures.augment == "light":
            return self._pictures.shown([(view, number, 0) for number in numbers])
        plain = self._pictures.plain(numbers)
        return plain.flip(3) if view else plain

    def _view(self, epoch: int, number: int, turn: int) -> int:
        if self.count == 1:
            return 0
        rng = np.random.default_rng(np.random.SeedSequence([self._pictures.seed, epoch, number, turn]))
        return int(rng.random() * self.count)
