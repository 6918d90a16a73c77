"""What one annotation file says, before classes are numbered and pictures are measured.

Each format's parser makes these; `assemble` turns them into a Dataset.  A record is small and can be sent between
processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from datatools.problems import Problem

Box = tuple[float, float, float, float]
Item = TypeVar("Item")


class Marked(NamedTuple):
    """One box as its file says it.  name: of the class.  box: xyxy pixels, or fractions of the picture.

    flags: of `core.Flag`.  line: from 1, 0 where the format has none.
    """

    name: str
    box: Box
    flags: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """source: annotation file as the user would type it, "" for a picture without one.

    picture: path below the root, "" where none was found.  rivals: the several pictures that it may be.
    ignored: regions that train and judge nothing, fractions of the picture.
    stated_wh: size that the file states, or None.  normalised: boxes are fractions of the picture.
    split: the split that the layout puts the picture in, "" if none.
    """

    source: str
    picture: str
    objects: tuple[Marked, ...] = ()
    stated_wh: tuple[int, int] | None = None
    normalised: bool = False
    split: str = ""
    problems: tuple[Problem, ...] = ()
    rivals: tuple[str, ...] = ()
    ignored: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """records: one a picture or annotation file.  classes: as the format declares them, None where it does not.

    lists_pictures: the format says itself which pictures belong to the set, so that others are not negatives.
    """

    records: tuple[Record, ...]
    classes: tuple[str, ...] | None = None
    lists_pictures: bool = False
    problems: tuple[Problem, ...] = field(default=())


class EntryError(Exception):
    """An entry that is no box: the problem's code, what was found, and the remedy."""

    def __init__(self, code: str, found: str, remedy: str) -> None:
        super().__init__(code, found, remedy)
        self.code, self.found, self.remedy = code, found, remedy


def marked(
    entries: Iterable[tuple[int, Item]], read: Callable[[Item], Marked], source: str
) -> tuple[tuple[Marked, ...], tuple[Problem, ...]]:
    """What `read` makes of each (line, entry), and a problem for each one that it finds a EntryError with."""
    objects: list[Marked] = []
    problems: list[Problem] = []
    for line, entry in entries:
        try:
            objects.append(read(entry)._replace(line=line))
        except EntryError as fault:
            problems.append(Problem(fault.code, source, line, fault.found, fault.remedy))
    return tuple(objects), tuple(problems)


def number(text: str | None) -> float:
    """A finite decimal number.  Raises ValueError, saying what it is instead."""
    text = (text or "").strip()
    if not text:
        raise ValueError("missing")
    try:
        value = float(text)
    except ValueError:
        hint = " (a comma is no decimal point)" if "," in text else ""
        raise ValueError(f"{text[:40]!r}{hint}") from None
    if not math.isfinite(value) or "_" in text:
        raise ValueError(repr(text[:40]))
    return value


@dataclass(frozen=True, slots=True)
class Match:
    """Which picture is meant.  picture: "" where there is none, or several, which are the rivals."""

    picture: str = ""
    problems: tuple[Problem, ...] = ()
    rivals: tuple[str, ...] = ()


def matched(found: Sequence[str], where: str, line: int = 0) -> Match:
    """The one picture among candidates, or the problem that says why there is none."""
    if len(found) == 1:
        return Match(found[0])
    if not found:
        remedy = "put the picture beside it, or delete the annotation"
        return Match("", (Problem("picture-missing", where, line, "no picture of that name", remedy),))
    said = f"several pictures may be meant: {', '.join(found[:3])}"
    return Match("", (Problem("stem-twice", where, line, said, "rename all but one"),), tuple(found))
