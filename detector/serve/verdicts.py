"""What is said of a picture as a whole: the gravest level among the classes seen in it.

The model's classes are all that is known; without a mapping each is `neutral` and called by its own name. A mapping
is a YAML file, every entry optional:

    CLASS: {level: good | warn | bad | neutral, en: words, ko: words}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import DataError
from detector.mappings import read_mapping

LEVELS = ("nothing", "neutral", "good", "warn", "bad")  # from the lightest; the first is of an empty picture
LANGUAGES = ("en", "ko")


@dataclass(frozen=True)
class Meaning:
    """level: one of `LEVELS` but the first.  words: the class's name for people, a language each."""

    level: str
    words: dict[str, str]


@dataclass(frozen=True)
class Verdicts:
    """meanings: of every class, in the model's order."""

    classes: tuple[str, ...]
    meanings: tuple[Meaning, ...]

    def level(self, numbers: Sequence[int]) -> str:
        """Of the class numbers seen in one picture."""
        seen = [self.meanings[number].level for number in numbers]
        return max(seen, key=LEVELS.index) if seen else LEVELS[0]

    def counts(self, numbers: Sequence[int]) -> dict[str, int]:
        """Of every class, those not seen too."""
        seen = Counter(numbers)
        return {name: seen[number] for number, name in enumerate(self.classes)}

    def as_json(self) -> list[dict[str, Any]]:
        rows = zip(self.classes, self.meanings, strict=True)
        return [{"name": name, "level": one.level, "words": one.words} for name, one in rows]


def read_verdicts(path: Path | None, classes: tuple[str, ...]) -> Verdicts:
    """The mapping in `path`, or none. Raises DataError where it does not fit the classes."""
    content = {} if path is None else _content(path)
    for name in content:
        if name not in classes:
            raise DataError(path, f"{name}: no such class", f"of the model's: {', '.join(classes)}")
    return Verdicts(classes, tuple(_meaning(path, name, content.get(name) or {}) for name in classes))


def _content(path: Path) -> dict[str, Any]:
    content = read_mapping(path, DataError, "a YAML file of classes", "`CLASS: {level: good}` lines", "see --verdicts")
    return {str(name): value for name, value in content.items()}


def _meaning(path: Path | None, name: str, entry: Any) -> Meaning:
    if not isinstance(entry, dict) or set(entry) - {"level", *LANGUAGES}:
        raise DataError(path, f"{name}: {entry!r}", f"keys of level, {', '.join(LANGUAGES)}")
    level = entry.get("level", "neutral")
    if level not in LEVELS[1:]:
        raise DataError(path, f"{name}: level {level!r}", f"one of {', '.join(LEVELS[1:])}")
    return Meaning(level, {language: str(entry.get(language, name)) for language in LANGUAGES})
