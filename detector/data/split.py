"""A split on disk, read: `data.yaml`, lists of pictures, and YOLO label files, each problem said in one line.

Convention: `labels/x.txt` holds `class cx cy w h` lines, in shares of the picture; an empty or absent file is a
picture without objects. A picture's label file is its path with the last component named `images` replaced by
`labels`; with `ignore` in its place it is a file of `cx cy w h` lines, regions that train and judge nothing.
`data.yaml`: `names` a list or an id -> name mapping; `train`, `val`, `test` a folder, a list file, or a list of
either, relative to `path`, which is relative to the yaml itself. Corners may leave the picture by rounding.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import DataError
from detector.mappings import read_mapping

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
SUBSETS = ("train", "val", "test")


@dataclass(frozen=True)
class Labelled:
    """A picture and what is in it. classes: (N,) int64.  boxes: (N, 4) float64, centre and size, shares.

    regions: (R, 4) like boxes, where nothing is trained or judged.
    """

    path: Path
    classes: np.ndarray
    boxes: np.ndarray
    regions: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))


@dataclass(frozen=True)
class Split:
    """A data.yaml: where it is, the classes' names in order, and where each subset's pictures are listed.

    weights: a file that says how often to show each training picture, where there is one.
    """

    path: Path
    classes: tuple[str, ...]
    sources: dict[str, tuple[Path, ...]]
    weights: Path | None = None

    def read(self, subset: str) -> list[Labelled]:
        """The pictures of `subset`, in the order of their paths. Raises DataError where there are none."""
        if subset not in self.sources:
            raise DataError(self.path, f"no '{subset}:' entry", f"one of {', '.join(self.sources)}", "see --split")
        pictures = [picture for source in self.sources[subset] for picture in _pictures(source, self.path)]
        if not pictures:
            where = ", ".join(str(source) for source in self.sources[subset])
            raise DataError(where, "no pictures", f"at least one of {' '.join(SUFFIXES)}", f"see {self.path}")
        return [
            Labelled(picture, *read_labels(label_path(picture), self.classes), read_regions(ignore_path(picture)))
            for picture in pictures
        ]

    def has(self, subset: str) -> bool:
        """Whether `subset` is named and holds pictures."""
        return any(True for source in self.sources.get(subset, ()) for _ in _pictures(source, self.path))


def read_split(path: Path) -> Split:
    """Read a data.yaml, or the one in the folder `path`."""
    path = path / "data.yaml" if path.is_dir() else path
    remedy = "run `datatools convert`"
    content = read_mapping(path, DataError, "a data.yaml, or a folder that holds one", "names, train and val", remedy)
    root = path.parent / str(content.get("path") or ".")
    sources = {subset: _sources(content[subset], root, path) for subset in SUBSETS if content.get(subset)}
    weights = path.parent / str(content["weights"]) if content.get("weights") else None
    return Split(path, _names(content, path), sources, weights)


def _names(content: dict[str, Any], path: Path) -> tuple[str, ...]:
    names = content.get("names")
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise DataError(path, f"names has the ids {sorted(names)}", f"0..{len(names) - 1}, each once")
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DataError(path, "no names", "`names: [first class, second class, ...]`")
    if content.get("nc", len(names)) != len(names):
        raise DataError(path, f"nc is {content['nc']}, but there are {len(names)} names", "the same number")
    return tuple(str(name) for name in names)


def _sources(value: Any, root: Path, path: Path) -> tuple[Path, ...]:
    many = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in many):
        raise DataError(path, f"{value!r}", "a folder or a list file of pictures, or a list of them")
    return tuple(root / one for one in many)


def _pictures(source: Path, yaml_path: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from sorted(p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    elif source.is_file():
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                picture = source.parent / line.strip()
                if not picture.is_file():
                    raise DataError(f"{source}:{number}", f"{line.strip()}: no such picture", "a path to one")
                yield picture
    else:
        raise DataError(yaml_path, f"{source}: no such file or folder", "pictures, or a list of them")


def label_path(picture: Path) -> Path:
    """Where `picture`'s labels are: its last folder named `images` becomes `labels`; else beside the picture."""
    return _beside(picture, "labels") or picture.with_suffix(".txt")


def ignore_path(picture: Path) -> Path | None:
    """Where `picture`'s ignore regions are: its last folder named `images` becomes `ignore`; None if it has none."""
    return _beside(picture, "ignore")


def _beside(picture: Path, kind: str) -> Path | None:
    parts = list(picture.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = kind
            return Path(*parts).with_suffix(".txt")
    return None


def read_weights(path: Path, root: Path) -> dict[str, float]:
    """Absolute path to number, of a file of `<number> <picture's path relative to root>` lines."""
    if not path.is_file():
        raise DataError(path, "no such file", "`<number> <picture>` lines", "see weights: in data.yaml")
    found: dict[str, float] = {}
    for where, line in _lines(path, "`<number> <picture>` lines"):
        cells = line.split(maxsplit=1)
        picture = absolute(root / cells[-1])
        if len(cells) != 2 or picture in found:
            raise DataError(where, f"{line[:80]!r}", "`<number> <picture>`, each picture once")
        if not Path(picture).is_file():
            raise DataError(where, f"{cells[1]}: no such picture", f"a path below {root}")
        found[picture] = _weight(cells[0], where)
    return found


def absolute(path: Path) -> str:
    """The one way to write a picture's path; links are not followed, since two links are two pictures."""
    return os.path.normpath(path.absolute())


def _weight(cell: str, where: str) -> float:
    try:
        weight = float(cell)
    except ValueError as error:
        raise DataError(where, f"{cell[:20]!r}", "a number") from error
    if not (math.isfinite(weight) and weight >= 0):
        raise DataError(where, f"weight {weight:g}", "0 or more")
    return weight


def read_labels(path: Path, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """classes (N,) int64 and boxes (N, 4) float64 of a label file; none where it is empty or absent."""
    rows = [_row(line.split(), where, classes) for where, line in _lines(path, "`class cx cy w h` lines")]
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return table[:, 0].astype(np.int64), table[:, 1:].copy()


def read_regions(path: Path | None) -> np.ndarray:
    """(R, 4) float64: the ignore regions of a file of `cx cy w h` lines; none where it is empty or absent."""
    lines = [] if path is None else _lines(path, "`cx cy w h` lines")
    for where, line in lines:
        if len(line.split()) != 4:
            raise DataError(where, f"{len(line.split())} columns", "4 (cx cy w h: a region has no class)")
    rows = [_box(line.split(), where, "four numbers") for where, line in lines]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _lines(path: Path, expected: str) -> list[tuple[str, str]]:
    """Where each line that is not empty is, and the line."""
    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise DataError(path, "is not text", expected) from error
    lines = enumerate(text.splitlines(), start=1)
    return [(f"{path}:{number}", line.strip()) for number, line in lines if line.strip()]


def _row(cells: list[str], where: str, classes: tuple[str, ...]) -> tuple[float, ...]:
    if len(cells) != 5:
        raise DataError(where, f"{len(cells)} columns", "5 (class cx cy w h)", "run `datatools check`")
    try:
        number = int(cells[0])
    except ValueError as error:
        raise DataError(where, f"{' '.join(cells)[:60]!r}", "a whole number and four numbers") from error
    if not 0 <= number < len(classes):
        count = f"{len(classes)} class{'es' if len(classes) > 1 else ''}"
        known = f"there {'are' if len(classes) > 1 else 'is'} {count} (0..{len(classes) - 1})"
        raise DataError(where, f"class {number}, but {known}", "", "check names in data.yaml")
    return (number, *_box(cells[1:], where, "a whole number and four numbers", cells))


def _box(cells: list[str], where: str, expected: str, line: list[str] | None = None) -> tuple[float, ...]:
    try:
        box = tuple(float(cell) for cell in cells)
    except ValueError as error:
        raise DataError(where, f"{' '.join(line or cells)[:60]!r}", expected) from error
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in box):
        raise DataError(where, f"{' '.join(cells)[:60]}", "values in 0..1", "boxes are shares of the picture")
    if box[2] <= 0 or box[3] <= 0:
        raise DataError(where, f"a box {box[2]:g} wide and {box[3]:g} high", "both above 0", "run `datatools check`")
    return box
