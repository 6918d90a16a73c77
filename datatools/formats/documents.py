"""What the two JSON formats share: reading a document, naming what is wrong in it, and telling splits by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from datatools.errors import AnnotationError
from datatools.formats.record import Box
from datatools.tree import SPLIT_WORDS

MAX_BYTES = 2_000_000_000


def load(path: Path) -> Any:
    """The document.  Raises AnnotationError, with the line, unless the file is JSON."""
    if path.stat().st_size > MAX_BYTES:
        raise AnnotationError(path, f"{path.stat().st_size / 1e9:.1f} GB of JSON", f"at most {MAX_BYTES / 1e9:.0f} GB")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{path}:{error.lineno}", f"no JSON ({error.msg})", remedy="restore the file") from None
    except UnicodeDecodeError:
        raise AnnotationError(path, "not UTF-8 text", "JSON", "save it as UTF-8") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of brackets
        raise AnnotationError(path, f"no sensible JSON ({error})", remedy="restore the file") from None


def dicts(items: object, where: str, what: str) -> list[dict]:
    """`items`, a list of objects.  Raises AnnotationError for anything else."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise AnnotationError(where, f"{what} is no list of objects", "a list of {...}", "restore the file")
    return items


def text(value: object) -> str:
    """A class name: a text that is not blank, or a number.  Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError(f"class name {value!r}, expected a text")
    return str(value)


def finite(value: object) -> float:
    """A finite number.  Raises ValueError; a bool or a text is none."""
    if value is None:
        raise ValueError("a number is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"{str(value)[:40]!r}, expected a number")
    return float(value)


def edges(x: float, y: float, w: float, h: float) -> Box:
    return x, y, x + w, y + h


def split_of(file: str) -> str:
    """train, val or test where the file's name or its folder says so, else ""."""
    path = PurePosixPath(file)
    for name in (path.stem, path.parent.name):
        words = "".join(c if c.isalpha() else " " for c in name.lower()).split()
        for word in words:
            if word in SPLIT_WORDS:
                return SPLIT_WORDS[word]
    return ""


def dumps(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
