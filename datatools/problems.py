"""What can be wrong with a data set: one stable code for each kind, and what each one means for a conversion.

An *error* stops `convert` (or, with `--on-error skip`, leaves out what its scope names); a *warning* is mended on
the way and counted; a *note* is a fact worth knowing.  Codes are never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True, slots=True)
class Kind:
    """severity: error, warning or note.  scope: what `--on-error skip` leaves out: a box or a picture."""

    severity: str
    scope: str
    meaning: str


CODES: dict[str, Kind] = {
    "annotation-unreadable": Kind(ERROR, "picture", "the annotation file is cut off, malformed, or unsafe"),
    "annotation-missing": Kind(NOTE, "picture", "a picture without annotation: a negative, kept without boxes"),
    "number-malformed": Kind(ERROR, "picture", "a coordinate is missing, not a number, or not finite"),
    "columns-wrong": Kind(ERROR, "picture", "a YOLO line that has not five columns"),
    "not-normalised": Kind(ERROR, "picture", "a YOLO value outside 0..1"),
    "region-malformed": Kind(ERROR, "picture", "a line of an ignore/ file that is no region"),
    "class-unknown": Kind(ERROR, "picture", "a box's class is not among the declared classes"),
    "box-inverted": Kind(ERROR, "picture", "a box's corners are swapped"),
    "box-empty": Kind(ERROR, "box", "a box has no width or no height"),
    "box-outside": Kind(WARNING, "box", "a box ends outside its picture; it is clipped"),
    "box-far-outside": Kind(ERROR, "picture", "less than half of a box lies inside its picture"),
    "box-duplicate": Kind(WARNING, "box", "the same box with the same class twice; one is dropped"),
    "box-conflict": Kind(WARNING, "box", "the same box with two classes; both are kept"),
    "picture-missing": Kind(ERROR, "picture", "an annotation whose picture is not there"),
    "picture-unreadable": Kind(ERROR, "picture", "the picture cannot be decoded"),
    "picture-truncated": Kind(ERROR, "picture", "the picture is cut off"),
    "picture-too-large": Kind(ERROR, "picture", "the picture has more pixels than the limit"),
    "stem-twice": Kind(ERROR, "picture", "two pictures or annotations share a name: which belongs to which?"),
    "name-undecodable": Kind(ERROR, "picture", "a file name that is not UTF-8: it cannot be written into a list"),
    "listed-twice": Kind(WARNING, "picture", "a list names a picture again; it is read once"),
    "size-mismatch": Kind(ERROR, "picture", "the annotation states another size than the picture has"),
    "size-missing": Kind(WARNING, "picture", "the annotation states no size; the picture's is used"),
    "exif-rotated": Kind(NOTE, "picture", "the picture is stored rotated (EXIF); it is turned upright"),
    "near-duplicate": Kind(NOTE, "picture", "two pictures look the same; they are kept on one side of a split"),
    "near-duplicate-across-splits": Kind(WARNING, "picture", "near-duplicates stand on both sides of a split"),
    "symlink-loop": Kind(NOTE, "picture", "a folder that links to itself; it is read once"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.  file: as the user would type it.  line: from 1, 0 where there is none.

    picture: id of the picture that it concerns, "" where none.  box: index of the box, -1 where none.
    """

    code: str
    file: str
    line: int
    found: str
    remedy: str = ""
    picture: str = ""
    box: int = -1

    @property
    def severity(self) -> str:
        return CODES[self.code].severity

    @property
    def scope(self) -> str:
        return CODES[self.code].scope

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.code}: {self.found}" + (f"; {self.remedy}" if self.remedy else "")
