"""A folder of pictures by class, read: what `detector classify crops` writes, or anybody's `<subset>/<class>/` tree.

The classes' order is that of `classes.txt`, without it that of their names. Where there is a `crops.csv` each picture
also knows which photograph it was cut from, and how large its box was there.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.data.split import SUBSETS, SUFFIXES
from detector.errors import DataError


@dataclass(frozen=True)
class Face:
    """number: of its class.  source: the photograph, as far as it is known, else the file itself.

    edge: the box's longer one, in the photograph's pixels; None where that is not known.
    """

    path: Path
    number: int
    source: str
    edge: float | None = None


@dataclass(frozen=True)
class Faces:
    folder: Path
    classes: tuple[str, ...]
    subsets: dict[str, tuple[Face, ...]]

    def read(self, subset: str) -> tuple[Face, ...]:
        """Raises DataError where there are none."""
        if not self.subsets.get(subset):
            there = ", ".join(name for name, faces in self.subsets.items() if faces)
            raise DataError(self.folder / subset, "no pictures", f"{subset}/<class>/ folders", f"there: {there}")
        return self.subsets[subset]


def labels_of(faces: tuple[Face, ...]) -> np.ndarray:
    """(N,) int64."""
    return np.array([face.number for face in faces], dtype=np.int64)


def read_faces(folder: Path) -> Faces:
    """Raises DataError where there is nothing to learn from, or a folder is of no class that is known."""
    there = [subset for subset in SUBSETS if (folder / subset).is_dir()]
    if not there:
        expected = "train/<class>/, val/<class>/ and perhaps test/<class>/ with pictures"
        raise DataError(folder, "no folder of crops", expected, "run `detector classify crops`")
    classes = _classes(folder, there)
    known = _rows(folder / "crops.csv")
    subsets = {subset: tuple(_faces(folder, subset, classes, known)) for subset in there}
    if not any(subsets.values()):
        raise DataError(folder, "no pictures", f"at least one of {' '.join(SUFFIXES)}")
    return Faces(folder, classes, subsets)


def _classes(folder: Path, there: list[str]) -> tuple[str, ...]:
    found = {path.name for subset in there for path in (folder / subset).iterdir() if _visible_folder(path)}
    listed = folder / "classes.txt"
    if not listed.is_file():
        return tuple(sorted(found))
    names = tuple(line.strip() for line in listed.read_text(encoding="utf-8").splitlines() if line.strip())
    if found - set(names):
        raise DataError(listed, f"does not name {min(found - set(names))}, a folder", "every class, one a line")
    return names


def _faces(folder: Path, subset: str, classes: tuple[str, ...], known: dict[str, tuple[str, float]]) -> list[Face]:
    found = []
    for path in sorted((folder / subset).glob("*/*")):
        if path.suffix.lower() in SUFFIXES and path.parent.name in classes and not path.name.startswith("."):
            file = path.relative_to(folder).as_posix()
            source, edge = known.get(file, (file, None))
            found.append(Face(path, classes.index(path.parent.name), f"{subset}/{source}", edge))
    return found


def _visible_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _rows(path: Path) -> dict[str, tuple[str, float]]:
    """Of each crop its photograph and its box's longer edge; none without a crops.csv."""
    if not path.is_file():
        return {}
    found = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
                found[row["file"]] = row["source"], max(x1 - x0, y1 - y0)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{path}:{number}", "is no line of crops", "file, source, x0, y0, x1, y1") from error
    return found
