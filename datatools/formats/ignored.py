"""The side files `ignore/<split>/<stem>.txt` of a YOLO split: regions that train and judge nothing.

Convention of the file: one line `cx cy w h` a region, fractions of the upright picture, without a class; no file, no
regions.  It lies where the label file does, with the folder `ignore` in place of `labels`.
Cannot carry: why a region is ignored.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from datatools.core import Annotation
from datatools.formats.record import Box, number
from datatools.problems import Problem

FOLDER = "ignore"
TOLERANCE = 1.01  # as for label files


def ignore_path(label: str) -> str:
    """ignore/train/a.txt for labels/train/a.txt; "" where no folder is called labels."""
    parts = list(PurePosixPath(label).parts)
    for k in range(len(parts) - 2, -1, -1):
        if parts[k] == "labels":
            return str(PurePosixPath(*parts[:k], FOLDER, *parts[k + 1 :]))
    return ""


def label_of(path: str) -> str:
    """The label file that a file below a folder `ignore` lies beside; "" for any other file."""
    parts = list(PurePosixPath(path).parts)
    for k in range(len(parts) - 2, -1, -1):
        if parts[k] == FOLDER:
            return str(PurePosixPath(*parts[:k], "labels", *parts[k + 1 :]))
    return ""


def text_of(annotation: Annotation) -> str:
    """A whole side file; empty where nothing is ignored."""
    w, h = annotation.size_wh
    rows = annotation.ignored.tolist()
    return "".join(
        f"{(x1 + x2) / 2 / w:.8f} {(y1 + y2) / 2 / h:.8f} {(x2 - x1) / w:.8f} {(y2 - y1) / h:.8f}\n"
        for x1, y1, x2, y2 in rows
    )


def read_beside(label: str) -> tuple[tuple[Box, ...], tuple[Problem, ...]]:
    """Regions beside a label file, as fractions xyxy, and a problem for each line that is none."""
    path = Path(ignore_path(label) or ".")
    if not path.is_file():
        return (), ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        said = "not a text file" if isinstance(error, UnicodeDecodeError) else f"cannot be read ({error.strerror})"
        return (), (Problem("annotation-unreadable", str(path), 0, said, "mend or delete the file"),)
    found = [(k, _region(line.split())) for k, line in enumerate(lines, 1) if line.strip()]
    faults = (Problem("region-malformed", str(path), k, said, _REMEDY) for k, said in found if isinstance(said, str))
    return tuple(box for _, box in found if not isinstance(box, str)), tuple(faults)


_REMEDY = "correct or delete the line"


def _region(words: list[str]) -> Box | str:
    """The region of one line, cut at the picture's border; or what is wrong with it."""
    if len(words) != 4:
        return f"{len(words)} columns, expected 4 (cx cy w h)"
    try:
        cx, cy, w, h = map(number, words)
    except ValueError as error:
        return f"{error}, expected a number"
    if not all(0 <= v <= TOLERANCE for v in (cx, cy, w, h)):
        return f"{' '.join(words)}, expected fractions from 0 to 1"
    x1, y1, x2, y2 = (min(max(v, 0.0), 1.0) for v in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    return x1, y1, x2, y2
