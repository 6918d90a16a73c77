"""Where in a suite file something stands, and plain values read from there, each refused in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from detector.errors import SuiteError

LONGEST = 60  # letters of a name


@dataclass(frozen=True)
class Place:
    """file: the suite's.  trail: down to the value, such as `runs[2].train`."""

    file: Path
    trail: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.trail}" if self.trail else str(self.file)

    def at(self, step: str | int) -> Place:
        if isinstance(step, int):
            return Place(self.file, f"{self.trail}[{step}]")
        return Place(self.file, f"{self.trail}.{step}" if self.trail else step)

    def error(self, what: str, expected: str = "", remedy: str = "") -> SuiteError:
        return SuiteError(self, what, expected, remedy)


def mapping(value: Any, place: Place, keys: Sequence[str] = ()) -> dict[str, Any]:
    """A mapping; of `keys` alone, where there are any. Raises SuiteError."""
    if not isinstance(value, dict):
        raise place.error(_said(value), "`key: value` pairs")
    for key in value:
        if not isinstance(key, str):
            raise place.error(f"the key {_said(key)}", "a word", "write it in quotes")
        if keys and key not in keys:
            raise place.error(f"{key}: no such key", nearest(key, keys), f"there are {', '.join(keys)}")
    return value


def sequence(value: Any, place: Place, of: str) -> list[Any]:
    """A list that is not empty."""
    if not isinstance(value, list) or not value:
        raise place.error(_said(value), f"a list of {of}")
    return value


def text(value: Any, place: Place) -> str:
    if not isinstance(value, str) or not value.strip():
        raise place.error(_said(value), "words")
    return value.strip()


def name(value: Any, place: Place) -> str:
    """What something is called: on one line, without what separates names on a command line."""
    said = text(value, place)
    if len(said) > LONGEST or not said.isprintable() or any(c in said for c in "/\\,"):
        raise place.error(repr(said), f"a name of at most {LONGEST} letters without / \\ and ,")
    return said


def whole(value: Any, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise place.error(_said(value), "a whole number from 0")
    return value


def each_once(values: Sequence[Any], place: Place, what: str) -> None:
    """Raises SuiteError where one comes twice."""
    for number, value in enumerate(values):
        if value in values[:number]:
            raise place.at(number).error(f"{what} {value} is there already", f"each {what} once")


def nearest(word: str, words: Sequence[str]) -> str:
    """The one of `words` that was probably meant."""
    return get_close_matches(word, words, n=1, cutoff=0.0)[0]


def _said(value: Any) -> str:
    return "nothing" if value is None else "an empty list" if value == [] else repr(value)[:LONGEST]
