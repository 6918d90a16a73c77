"""What was found in a picture, and what is truly there: the two lists that everything in judging compares.

Boxes are xyxy, float64 pixels of the picture itself. Three kinds of truth are neither asked for nor held against a
detector: a crowd (a group under one box; any number of detections may lie in it), a difficult object (VOC's word: it
may be found or not), and a region of no class, in which nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.boxes import corners

if TYPE_CHECKING:
    from detector.data.loader import Pictures

Least = float | np.ndarray  # confidence from which a detection counts: of every class, or (C,) one a class


@dataclass(frozen=True)
class Found:
    """One picture's boxes. xyxy: (N, 4) float64, pixels.  classes: (N,) int.  scores: (N,), of detections."""

    xyxy: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Truth:
    """One picture's objects. xyxy: (N, 4).  classes: (N,) int.  crowd, difficult: (N,) bool, or None for none.

    regions: (M, 4), in which a detection is no false alarm, or None for none.
    """

    xyxy: np.ndarray
    classes: np.ndarray
    crowd: np.ndarray | None = None
    difficult: np.ndarray | None = None
    regions: np.ndarray | None = None

    @property
    def passed_over(self) -> np.ndarray:
        """(N,) bool: objects that need not be found."""
        none = np.zeros(len(self.classes), dtype=bool)
        return (none if self.crowd is None else self.crowd) | (none if self.difficult is None else self.difficult)


def as_truth(one: Found | Truth) -> Truth:
    """A list of boxes as truths, all of which count."""
    return one if isinstance(one, Truth) else Truth(one.xyxy, one.classes)


def truths_of(pictures: Pictures) -> list[Truth]:
    """The truths of a split's pictures, in their order, and the regions of them that judge nothing."""
    return [
        Truth(pictures.truths_xyxy(i), one.classes, regions=corners(one.regions, pictures.sizes_wh[i]))
        for i, one in enumerate(pictures.labelled)
    ]


def sure_of(scores: np.ndarray, classes: np.ndarray, least: Least) -> np.ndarray:
    """(N,) bool: which detections count. scores, classes: (N,)."""
    return np.asarray(scores >= (least[classes] if isinstance(least, np.ndarray) and least.ndim else least))


def least_as_json(least: Least, classes: Sequence[str]) -> Any:
    """A number, or one by name."""
    return dict(zip(classes, least.tolist(), strict=True)) if isinstance(least, np.ndarray) else least


def least_said(least: Least, classes: Sequence[str]) -> str:
    """For people."""
    if not isinstance(least, np.ndarray):
        return f"{least:g}"
    return ", ".join(f"{name} {value:g}" for name, value in zip(classes, least.tolist(), strict=True))


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of (N, 4) with (M, 4), xyxy: (N, M) float64; zero-area boxes score 0."""
    return paired_overlaps(a[:, None], b[None])


def paired_overlaps(a: np.ndarray, b: np.ndarray, of_a: np.ndarray | None = None) -> np.ndarray:
    """IoU of each box of `a` (..., 4) with its partner in `b`; where `of_a` is true, the share of `a` in `b`."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clip(0).prod(axis=-1)
    area = (a[..., 2:] - a[..., :2]).clip(0).prod(axis=-1)
    whole = area + (b[..., 2:] - b[..., :2]).clip(0).prod(axis=-1) - shared
    if of_a is not None:
        whole = np.where(of_a, area, whole)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
