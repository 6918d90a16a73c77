"""What a finished run leaves: `record.json`, how it was made, and `found.json`, what it finds in the val pictures.

Boxes are xyxy pixels of the source picture. Found is everything from confidence 0.005 on that is left after
non-maximum suppression at 0.45, in 5 significant digits, so that every measure can be derived later, without torch's
part in it. The record is written last: a folder without one is a run that is not done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from detector.atomic import write_atomically
from detector.errors import RunError
from detector.judging.found import Found as Boxes
from detector.judging.found import Truth

RECORD, FOUND = "record.json", "found.json"
LEAST, OVERLAP = 0.005, 0.45  # of what is found: confidence, and IoU of the suppression


@dataclass(frozen=True)
class Record:
    """A run that is over. row: the digest of all that decides it but the code, which `key` holds too.

    state: done or failed, `error` says why.  stale: made by other code than is here now.
    """

    key: str
    row: str
    name: str
    seed: int
    state: str
    train: dict[str, Any]
    data: dict[str, Any]
    code: dict[str, str]
    machine: str
    seconds: dict[str, float]
    finished: str
    history: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    stale: bool = False

    @property
    def done(self) -> bool:
        return self.state == "done"


@dataclass(frozen=True)
class PictureFound:
    """A picture of the val part: what is there, and what was found."""

    path: Path
    size_wh: tuple[int, int]
    truth: Truth
    found: Boxes


@dataclass(frozen=True)
class Found:
    """classes: names in order.  pictures: in the order of the split, the same for all runs of a suite."""

    classes: tuple[str, ...]
    pictures: tuple[PictureFound, ...]


def write_record(record: Record, folder: Path) -> None:
    content = {name: value for name, value in asdict(record).items() if name != "stale"}
    write_atomically(folder / RECORD, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def read_record(folder: Path) -> Record | None:
    """The record in a run's folder; None where there is none. Raises RunError where it is not one."""
    path = folder / RECORD
    if not path.is_file():
        return None
    content = _read(path)
    wanted = {one.name for one in fields(Record)} - {"stale", "history", "error"}
    if not isinstance(content, dict) or not wanted <= set(content):
        raise RunError(path, "is no record of a run", "as `detector experiments` writes it", "delete it")
    return Record(**{one.name: content[one.name] for one in fields(Record) if one.name in content})


def write_found(found: Found, folder: Path) -> None:
    pictures = [
        {
            "path": str(one.path),
            "width": one.size_wh[0],
            "height": one.size_wh[1],
            "truths": _rows(one.truth.classes, one.truth.xyxy),
            "ignored": [] if one.truth.regions is None else [_short(box) for box in one.truth.regions],
            "found": _rows(one.found.classes, one.found.xyxy, one.found.scores),
        }
        for one in found.pictures
    ]
    text = json.dumps({"classes": list(found.classes), "pictures": pictures}, ensure_ascii=False)
    write_atomically(folder / FOUND, (text + "\n").encode())


def read_found(folder: Path) -> Found:
    """What a run found. Raises RunError where the file is missing or is not one."""
    path = folder / FOUND
    if not path.is_file():
        raise RunError(path, "no such file", "what a finished run found", f"delete {folder} and run the suite again")
    content = _read(path)
    try:
        pictures = tuple(_picture(one) for one in content["pictures"])
        return Found(tuple(content["classes"]), pictures)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RunError(path, "does not hold what a run found", "as it was written", f"delete {folder}") from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise RunError(path, "is not JSON", "as `detector experiments` writes it", "delete it") from error


def _picture(one: dict[str, Any]) -> PictureFound:
    truths = np.array(one["truths"], dtype=np.float64).reshape(-1, 5)
    found = np.array(one["found"], dtype=np.float64).reshape(-1, 6)
    regions = np.array(one["ignored"], dtype=np.float64).reshape(-1, 4)
    return PictureFound(
        Path(one["path"]),
        (int(one["width"]), int(one["height"])),
        Truth(truths[:, 1:], truths[:, 0].astype(int), regions=regions),
        Boxes(found[:, 2:], found[:, 0].astype(int), found[:, 1]),
    )


def _rows(classes: np.ndarray, xyxy: np.ndarray, scores: np.ndarray | None = None) -> list[list[float]]:
    middle: Sequence[list[float]] = [[]] * len(classes) if scores is None else [_short([score]) for score in scores]
    return [[int(c), *m, *_short(box)] for c, m, box in zip(classes, middle, xyxy, strict=True)]


def _short(values: Sequence[float] | np.ndarray) -> list[float]:
    """In 5 significant digits."""
    return [float(f"{value:.5g}") for value in values]
