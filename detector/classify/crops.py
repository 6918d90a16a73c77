"""Cut the labelled faces, or whatever the boxes hold, out of a detection split: a folder of pictures by class.

    <out>/<subset>/<class>/<picture's stem>-<number of the box>.png
    <out>/classes.txt    the classes, in the split's order
    <out>/crops.csv      a line a crop: file, subset, class, source, x0, y0, x1, y1 (the box, pixels); written last

A crop is a square around the box's centre, its side the box's longer one plus `margin` of it on each side, grey where
it leaves the picture, shrunk to `side` where it is larger, never enlarged. Each stays in its picture's subset, and a
picture that stands in two subsets, by its path or by its bytes, is refused: a face learnt must not be one judged.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from detector.atomic import write_atomically
from detector.data.pictures import GREY, read_picture
from detector.data.split import SUBSETS, Labelled, Split, read_split
from detector.errors import DataError

Where = tuple[str, Labelled]  # a subset, and a picture of it
COLUMNS = ("file", "subset", "class", "source", "x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Cutting:
    """margin: share of the box's longer edge, on each side.  least: of that edge, pixels.  side: of a crop, at most."""

    margin: float = 0.15
    least: float = 8.0
    side: int = 256


@dataclass(frozen=True)
class Cut:
    """What was cut. counts: crops of each class in each subset.  small: boxes below the least size, as counts."""

    folder: Path
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    small: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "crops": self.counts, "too_small": self.small}

    def table(self) -> str:
        width = max(len("too small"), *(len(name) for name in self.classes))
        lines = [f"{'':{width}}" + "".join(f"{subset:>8}" for subset in self.counts)]
        for name in self.classes:
            lines.append(f"{name:{width}}" + "".join(f"{one[name]:>8}" for one in self.counts.values()))
        lines.append(f"{'too small':{width}}" + "".join(f"{self.small[subset]:>8}" for subset in self.counts))
        return "\n".join([*lines, f"crops: {self.folder}"])


def cut_crops(
    data: Path, out: Path, how: Cutting, *, overwrite: bool = False,
    progress: Callable[[list[Where]], Iterable[Where]] = iter,
) -> Cut:  # fmt: skip
    """Cut every box of the split `data` into the new folder `out`, which is there whole or not at all."""
    split = read_split(data)
    _check_names(split)
    if out.exists() and not (overwrite and (out / "crops.csv").is_file()):
        remedy = "give --out" if overwrite else "give --overwrite or --out"
        raise DataError(out, "is there already", "a new folder, or one of crops", remedy)
    subsets = {subset: _once(split.read(subset)) for subset in SUBSETS if split.has(subset)}
    _refuse_leaks(subsets)
    beside = out.with_name(f".{out.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        cut = _cut(split, subsets, out, beside, how, progress)
        shutil.rmtree(out, ignore_errors=True)
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return cut


def _cut(
    split: Split, subsets: dict[str, list[Labelled]], out: Path, folder: Path, how: Cutting,
    progress: Callable[[list[Where]], Iterable[Where]],
) -> Cut:  # fmt: skip
    rows: list[dict[str, Any]] = []
    counts = {subset: dict.fromkeys(split.classes, 0) for subset in subsets}
    small = dict.fromkeys(subsets, 0)
    where = [(subset, one) for subset, pictures in subsets.items() for one in pictures]
    stems = _stems(where)
    for subset, one in progress(where):
        for number, xyxy, crop in crops_of(one, how):
            if crop is None:
                small[subset] += 1
                continue
            name = split.classes[int(one.classes[number])]
            file = Path(subset, name, f"{stems[one.path]}-{number}.png")
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            stream = io.BytesIO()
            Image.fromarray(crop).save(stream, format="png")
            write_atomically(folder / file, stream.getvalue())
            corners = {key: f"{value:.2f}" for key, value in zip(COLUMNS[4:], xyxy, strict=True)}
            rows.append(
                {
                    "file": file.as_posix(),
                    "subset": subset,
                    "class": name,
                    "source": _relative(one.path, split),
                    **corners,
                }
            )
            counts[subset][name] += 1
    if not rows:
        raise DataError(split.path, "no box is large enough", f"{how.least:g} pixels or more", "see --least")
    write_atomically(folder / "classes.txt", "".join(f"{name}\n" for name in split.classes).encode())
    write_atomically(folder / "crops.csv", _csv(rows))
    return Cut(out, split.classes, counts, small)


def crops_of(one: Labelled, how: Cutting) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Each box's number, its corners, (4,) pixels, and its crop, (S, S, 3) uint8; None where the box is too small."""
    if not len(one.boxes):
        return
    picture = read_picture(one.path)
    size = np.tile((picture.shape[1], picture.shape[0]), 2)
    boxes = np.concatenate((one.boxes[:, :2] - one.boxes[:, 2:] / 2, one.boxes[:, :2] + one.boxes[:, 2:] / 2), axis=1)
    for number, xyxy in enumerate(boxes * size):
        large = max(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]) >= how.least
        yield number, xyxy, square_of(picture, xyxy, how.margin, how.side) if large else None


def square_of(picture: np.ndarray, xyxy: np.ndarray, margin: float, most: int) -> np.ndarray:
    """(S, S, 3): the square around a box with `margin`, grey outside the picture, S at most `most`."""
    side = max(1, round(float(max(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1])) * (1 + 2 * margin)))
    left, top = (round(float(xyxy[axis] + xyxy[axis + 2] - side) / 2) for axis in (0, 1))
    height, width = picture.shape[:2]
    square = np.full((side, side, 3), GREY, dtype=np.uint8)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if x1 > x0 and y1 > y0:
        square[y0 - top : y1 - top, x0 - left : x1 - left] = picture[y0:y1, x0:x1]
    return square if side <= most else cv2.resize(square, (most, most), interpolation=cv2.INTER_AREA)


def _check_names(split: Split) -> None:
    """Classes become folders."""
    for name in split.classes:
        if name != Path(name).name or name.startswith(".") or name != name.strip() or "\\" in name or ":" in name:
            raise DataError(split.path, f"class {name!r} cannot be a folder", "a plain name", "rename it in data.yaml")
    if len({name.casefold() for name in split.classes}) < len(split.classes):
        raise DataError(split.path, "two classes differ in case alone", "names that can be folders side by side")


def _refuse_leaks(subsets: dict[str, list[Labelled]]) -> None:
    seen: dict[str, tuple[str, Path]] = {}
    for subset, pictures in subsets.items():
        for one in pictures:
            digest = hashlib.sha256(one.path.read_bytes()).hexdigest()
            before, other = seen.setdefault(digest, (subset, one.path))
            if before != subset:
                remedy = "divide anew with `datatools convert`"
                raise DataError(one.path, f"is in {subset}, and as {other} in {before}", "one subset a picture", remedy)


def _once(pictures: list[Labelled]) -> list[Labelled]:
    """A list may show a picture more often; it is cut once."""
    return list({one.path: one for one in pictures}.values())


def _relative(path: Path, split: Split) -> str:
    return Path(os.path.relpath(path, split.path.parent)).as_posix()


def _stems(where: list[Where]) -> dict[Path, str]:
    """A name a picture: its stem; where a subset has that twice, whatever the case, the later gets a number."""
    taken: set[tuple[str, str]] = set()
    names: dict[Path, str] = {}
    for subset, one in where:
        stem, number = one.path.stem, 1
        while (subset, stem.casefold()) in taken:
            number += 1
            stem = f"{one.path.stem}({number})"
        taken.add((subset, stem.casefold()))
        names[one.path] = stem
    return names


def _csv(rows: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return stream.getvalue().encode()
