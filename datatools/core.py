"""The two types that everything else passes around: one annotated picture, and a set of them.

Boxes are xyxy, float64 pixels, 0-based and half-open (width = xmax - xmin), in the frame of the upright picture
(EXIF orientation applied).  Nothing here reads a file.  Arrays are read-only, so that a Dataset can be shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag
from functools import cache
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

SPLITS = ("train", "val", "test")
UNSPLIT = ""
_SHARED = 64  # boxes


class Flag(IntFlag):
    """What an annotator said of a box beyond its class; a format that cannot carry a flag loses it."""

    DIFFICULT = 1
    TRUNCATED = 2
    OCCLUDED = 4
    CROWD = 8


def _frozen(values: ArrayLike, dtype: type, columns: int = 0) -> NDArray:
    """A read-only array of (N,) or (N, columns) that owns its numbers: a view would keep a second array alive.

    Read-only arrays of that kind are taken as they are, so that a changed copy of a picture shares what is unchanged.
    """
    if not (_is_kept(values) and values.dtype == dtype and values.shape[1:] == (columns,) * bool(columns)):
        array: NDArray = np.array(values, dtype=dtype, order="C")
        shape = (-1, columns) if columns else (-1,)
        values = array if array.ndim == len(shape) and array.shape[1:] == shape[1:] else array.reshape(shape).copy()
        values.setflags(write=False)
    return values


def _is_kept(values: ArrayLike) -> TypeGuard[NDArray]:
    return isinstance(values, np.ndarray) and not values.flags.writeable and values.base is None


def _frozen_or_zeros(values: NDArray, n: int, dtype: type) -> NDArray:
    """The same; zeros, which most sets have nothing else than, are kept once for all pictures of so many boxes."""
    if not len(values) or (len(values) == n <= _SHARED and not np.any(values)):
        return _zeros(n, dtype) if n <= _SHARED else _frozen(np.zeros(n), dtype)
    return _frozen(values, dtype)


@cache
def _zeros(n: int, dtype: type) -> NDArray:
    return _frozen(np.zeros(n), dtype)


_NO_REGIONS = _frozen(np.zeros((0, 4)), np.float64, 4)


@dataclass(frozen=True, eq=False, slots=True)
class Annotation:
    """One picture and its boxes.

    id: name of the picture inside its data set, `/`-separated, without suffix; random streams hang on it.
    path: where the picture is on disk, "" where there is none.  size_wh: upright size in pixels.
    xyxy: (N, 4) float64 pixels.  labels: (N,) int, index into the data set's classes.  flags: (N,) of `Flag`.
    source: the annotation file, "" for a picture without one.  lines: (N,) line of each box in it, 0 if unknown.
    flags and lines that are left out are zeros.  ignored: (M, 4) regions that train and judge nothing, xyxy pixels.
    """

    id: str
    path: str
    size_wh: tuple[int, int]
    xyxy: NDArray = field(default_factory=lambda: np.zeros((0, 4)))
    labels: NDArray = field(default_factory=lambda: np.zeros(0, int))
    flags: NDArray = field(default_factory=lambda: np.zeros(0, np.uint8))
    source: str = ""
    lines: NDArray = field(default_factory=lambda: np.zeros(0, int))
    ignored: NDArray = field(default_factory=lambda: np.zeros((0, 4)))

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "xyxy", _frozen(self.xyxy, np.float64, 4))
        set_(self, "ignored", _frozen(self.ignored, np.float64, 4) if len(self.ignored) else _NO_REGIONS)
        n = len(self.xyxy)
        set_(self, "labels", _frozen(self.labels, np.int64))
        set_(self, "flags", _frozen_or_zeros(self.flags, n, np.uint8))
        set_(self, "lines", _frozen_or_zeros(self.lines, n, np.int64))
        for name in ("labels", "flags", "lines"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{self.id}: {n} boxes but {len(getattr(self, name))} {name}")

    def __len__(self) -> int:
        return len(self.xyxy)

    def __bool__(self) -> bool:
        """True: a picture without boxes is a picture, though its length is 0."""
        return True

    def __eq__(self, other: object) -> bool:
        """Same picture, size, boxes, labels, flags and ignored regions, bit for bit; not where it was read."""
        if not isinstance(other, Annotation):
            return NotImplemented
        return (self.id, self.path, self.size_wh) == (other.id, other.path, other.size_wh) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("xyxy", "labels", "flags", "ignored")
        )

    def where(self, box: int) -> str:
        """`file:line` of a box, for messages; the box's ordinal (from 1) where the format has no lines."""
        source = self.source or self.path or self.id
        return f"{source}:{self.lines[box]}" if self.lines[box] else f"{source}: box {box + 1}"

    def take(self, boxes: ArrayLike) -> Annotation:
        """The same picture with only the chosen boxes (a boolean mask or indices), in the order given."""
        index = np.asarray(boxes)
        if index.dtype == bool and index.shape == (len(self),) and index.all():
            return self
        index = index if index.dtype == bool else index.astype(int)
        return replace(
            self, xyxy=self.xyxy[index], labels=self.labels[index], flags=self.flags[index], lines=self.lines[index]
        )


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures, the classes that their labels index, and the split that each one belongs to.

    splits: one name an annotation, `UNSPLIT` where the set is not divided.
    Raises ValueError where the lengths disagree, an id is there twice, or a label has no class.
    """

    classes: tuple[str, ...]
    annotations: tuple[Annotation, ...] = ()
    splits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "annotations", tuple(self.annotations))
        splits = tuple(self.splits) or (UNSPLIT,) * len(self.annotations)
        object.__setattr__(self, "splits", splits)
        if len(splits) != len(self.annotations):
            raise ValueError(f"{len(self.annotations)} annotations but {len(splits)} splits")
        if len({a.id for a in self.annotations}) != len(self.annotations):
            raise ValueError("two annotations have the same id")
        for a in self.annotations:
            if len(a) and not (a.labels.min() >= 0 and a.labels.max() < len(self.classes)):
                raise ValueError(f"{a.id}: a label is outside 0..{len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.annotations)

    def split_names(self) -> tuple[str, ...]:
        """The splits that are present: train, val, test first, then any others in sorted order."""
        present = set(self.splits)
        return tuple(s for s in SPLITS if s in present) + tuple(sorted(present - set(SPLITS)))

    def of_split(self, split: str) -> tuple[Annotation, ...]:
        return tuple(a for a, s in zip(self.annotations, self.splits, strict=True) if s == split)

    def with_splits(self, splits: Sequence[str]) -> Dataset:
        return replace(self, splits=tuple(splits))

    def counts(self, split: str | None = None) -> NDArray:
        """Boxes of each class, (C,) int; of one split, or of all."""
        return class_counts(self.annotations if split is None else self.of_split(split), len(self.classes))


def class_counts(annotations: Iterable[Annotation], n_classes: int) -> NDArray:
    """Boxes of each class, (C,) int64."""
    labels = [a.labels for a in annotations]
    return np.bincount(np.concatenate(labels) if labels else np.zeros(0, int), minlength=n_classes)


def clip_boxes(xyxy: NDArray, size_wh: tuple[int, int]) -> NDArray:
    """Boxes cut at the picture's border, (N, 4); a box wholly outside gets zero area."""
    limit = np.array([*size_wh, *size_wh], dtype=np.float64)
    return np.clip(xyxy, 0, limit)


def areas(xyxy: NDArray) -> NDArray:
    """Area of each box in square pixels, (N,); 0 where a side is not positive."""
    sides = np.maximum(xyxy[..., 2:] - xyxy[..., :2], 0)
    return sides[..., 0] * sides[..., 1]
