"""A source folder as it stands: which files are there, and which picture an annotation file belongs to.

A picture and its annotation share a *key*: the path below the root without suffix and without the folders that only
say what kind of file is inside (`images`, `labels`, `annotations`, `JPEGImages` ...).  So `images/a/1.jpg` and
`annotations/a/1.xml` meet, whatever the annotation claims its file name to be, and nothing that an annotation says
can name a file outside the root.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from datatools.errors import LayoutError
from datatools.images import SUFFIXES
from datatools.problems import Problem

KIND_FOLDERS = frozenset({"images", "image", "jpegimages", "labels", "label", "annotations", "annotation", "xmls"})


SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def composed(name: str) -> str:
    """A name in one spelling: macOS stores accents and Hangul in pieces (NFD), everybody else whole (NFC)."""
    return unicodedata.normalize("NFC", name)


def key_of(relative: str) -> str:
    """The name that a picture and its annotation share.  relative: `/`-separated path below the root."""
    *folders, name = composed(relative).split("/")
    return "/".join([*(part for part in folders if part.lower() not in KIND_FOLDERS), _divided(name)[0]])


@dataclass(frozen=True)
class Tree:
    """root: as the user typed it.  files: `/`-separated paths below it, sorted.  problems: found while walking.

    only: the annotation file that the user named instead of a folder, "" for all.
    """

    root: Path
    files: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    only: str = ""

    @cached_property
    def file_set(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        return tuple(f for f in self.files if suffix_of(f) in SUFFIXES)

    @cached_property
    def _by_suffix(self) -> dict[str, list[str]]:
        return _grouped((suffix_of(f), f) for f in self.files)

    @cached_property
    def picture_set(self) -> frozenset[str]:
        return frozenset(self.pictures)

    @cached_property
    def _pictures_by_key(self) -> dict[str, list[str]]:
        return _grouped((key_of(f), f) for f in self.pictures)

    @cached_property
    def _pictures_by_stem(self) -> dict[str, list[str]]:
        return _grouped((stem_of(f), f) for f in self.pictures)

    @cached_property
    def _by_ending(self) -> dict[str, list[str]]:
        """Every file under each of the endings of its path: `c`, `b/c`, `a/b/c`."""
        return _grouped(
            ("/".join(parts[k:]), f)
            for f in self.files
            for parts in [composed(f).split("/")]
            for k in range(len(parts))
        )

    def with_suffix(self, *suffixes: str) -> tuple[str, ...]:
        """Files of these types; the one that the user named, where it was one."""
        found = (f for suffix in suffixes for f in self._by_suffix.get(suffix, ()))
        return tuple(f for f in found if not self.only or f == self.only)

    def display(self, relative: str) -> str:
        """The path as the user would type it."""
        return str(self.root / relative)

    def pictures_for(self, annotation: str, stated_name: str = "") -> list[str]:
        """Pictures that may belong to an annotation file: [] none, one, or several that cannot be told apart.

        stated_name: the file name that the annotation gives; only its last component is looked at.
        """
        stated = composed(stated_name).replace("\\", "/").rsplit("/", 1)[-1]
        found = self._pictures_by_key.get(key_of(annotation), [])
        found = found or self._pictures_by_stem.get(stem_of(annotation), [])
        if not found and stated:
            found = self._pictures_by_stem.get(stem_of(stated), [])
        if len(found) > 1:
            same_name = [f for f in found if composed(PurePosixPath(f).name) == stated]
            found = same_name if len(same_name) == 1 else found
        return found

    def find(self, stated: str, near: str = "", split: str = "") -> list[str]:
        """Files whose path ends like `stated`: the longest ending that exists wins.

        Lists and JSON files carry paths from other machines (`/content/data/obj/1.jpg`, `../train/images`); what they
        mean is the file below this root that agrees with most of the path's end, but never one of another split.
        near: folder that wins a tie; split: one whose files win it then.
        """
        parts = _parts(stated)
        for k in range(len(parts)):
            found = [f for f in self._by_ending.get("/".join(parts[k:]), ()) if _agree(parts, f)]
            if len(found) > 1 and near:
                found = [f for f in found if f.startswith(near + "/")] or found
            if len(found) > 1 and split:
                found = [f for f in found if split in _splits(f.split("/"))] or found
            if found:
                return found
        return []

    def find_picture(self, stated: str, beside: str, split: str = "") -> list[str]:
        """Pictures that an annotation file may mean by a path.  beside: that file; its folder wins a tie."""
        near = str(PurePosixPath(beside).parent)
        return [f for f in self.find(stated, "" if near == "." else near, split) if f in self.picture_set]

    def find_folder(self, stated: str) -> str | None:
        """The folder below the root whose path ends most like `stated`; None where there is none, "" for the root."""
        parts = _parts(stated)
        if not parts:
            return ""
        for k in range(len(parts)):
            ending = "/" + "/".join(parts[k:])
            found = [f for f in self._folders if f"/{composed(f)}".endswith(ending) and _agree(parts, f)]
            if found:
                return min(found, key=lambda f: (len(f), f))
        return None

    @cached_property
    def _folders(self) -> set[str]:
        return {str(p) for f in self.files for p in PurePosixPath(f).parents if str(p) != "."}


def stem_of(relative: str) -> str:
    """The file's name without suffix, composed."""
    return _divided(composed(relative).rpartition("/")[2])[0]


def suffix_of(relative: str) -> str:
    """`.jpg` for `a/b.JPG`."""
    return _divided(relative.rpartition("/")[2])[1].lower()


def _divided(name: str) -> tuple[str, str]:
    """(stem, suffix) of a file name, as pathlib divides it, ten times as fast."""
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if 0 < dot < len(name) - 1 else (name, "")


def _parts(stated: str) -> list[str]:
    """A path from any machine, as names from the top down; `..` is never followed."""
    return [p for p in composed(stated).replace("\\", "/").split("/") if p not in ("", ".", "..")]


def _splits(parts: Sequence[str]) -> set[str]:
    return {SPLIT_WORDS[p] for p in map(str.lower, parts) if p in SPLIT_WORDS}


def _agree(stated: Sequence[str], file: str) -> bool:
    """Unless the two name different splits: `test/images` is never `train/images`, though both end alike."""
    said, is_in = _splits(stated), _splits(file.split("/"))
    return not (said and is_in) or bool(said & is_in)


def lines_of(path: Path) -> list[str]:
    """Lines of a list or another small text.  Raises LayoutError unless it is UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise LayoutError(path, "not UTF-8 text", "one name or path a line", "save it as UTF-8") from None


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
