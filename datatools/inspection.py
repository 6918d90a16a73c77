"""Look at a whole data set, pixels included, and write a repaired copy of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datatools import formats
from datatools.check import box_problems, set_problems
from datatools.convert import Settings, conversion_of, write_conversion
from datatools.formats.assemble import Reading
from datatools.problems import CODES, Problem
from datatools.repair import leave_out, mend
from datatools.walk import folder_of

MENDED = ("box-inverted", "box-empty", "box-outside", "box-far-outside", "box-duplicate")  # by `repair.mend`
_ORDER = {code: k for k, code in enumerate(CODES)}


@dataclass(frozen=True, slots=True)
class Inspection:
    """A data set as it stands, and everything that is wrong with it, sorted by file and line."""

    reading: Reading
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a repair left, and what it did."""

    images: int
    boxes: int
    done: tuple[str, ...]


def inspect(source: Path, **how: Any) -> Inspection:
    """Read a set, decode every picture, and collect all problems.  how: keywords of `formats.read`."""
    reading = formats.read(source, **how, dhash=True, verify=True)
    problems = [*reading.problems, *box_problems(reading.dataset), *set_problems(reading.dataset, reading.measures)]
    return Inspection(reading, tuple(sorted(problems, key=lambda p: (p.file, p.line, _ORDER[p.code], p.box))))


def fixed_folder(source: Path) -> Path:
    """Where a repaired copy goes if the user does not say: beside the source, `NAME-fixed`."""
    folder = folder_of(source)
    folder = Path(os.path.realpath(folder)) if folder.name in ("", "..") else folder
    return folder.with_name(f"{folder.name}-fixed")


def write_fixed(
    found: Inspection, source: Path, out: Path, *, overwrite: bool = False, workers: int = 0, quiet: bool = False
) -> Fixed:
    """A repaired copy in the same format: boxes mended, what cannot be mended left out, pictures upright.

    Each step is in the list that comes back; the source is not touched.
    """
    beyond = [p for p in found.problems if p.code not in MENDED]
    kept, left_out = leave_out(found.reading.dataset, beyond)
    mended, done = mend(kept)
    write_as = found.reading.format if found.reading.format in formats.WRITERS else "yolo"
    turned = [f"turned upright: {p}" for p in beyond if p.code == "exif-rotated"]
    settings = Settings(write_as=write_as, workers=workers, quiet=quiet)
    plan = replace(conversion_of(mended, found.reading, settings), source=str(source))
    write_conversion(plan, out, settings, overwrite=overwrite)
    boxes = sum(len(a) for a in mended.annotations)
    return Fixed(len(mended), boxes, (*left_out, *turned, *done))
