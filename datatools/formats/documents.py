"""What the two JSON formats share: reading a document, naming what is wrong in it, and telling splits by name."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from datatools.errors import AnnotationError
from datatools.formats.record import Box

MAX_BYTES = 2_000_000_000
_SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def load(path: Path) -> Any:
    """The document.  Raises AnnotationError, with the line, unless the file is JSON."""
    if path.stat().st_size > MAX_BYTES:
        raise AnnotationError(path, f"{path.stat().st_size / 1e9:.1f} GB of JSON", f"at most {MAX_BYTES / 1e9:.0f} GB")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{path}:{error.lineno}", f"no JSON ({error.msg})", remedy="restore the file") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise AnnotationError(path, f"no JSON ({type(error).__name__})", "UTF-8 text", "restore the file") from None


def finite(value: object) -> float:
    """A finite number.  Raises ValueError; a bool or a text is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
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
            if word in _SPLIT_WORDS:
                return _SPLIT_WORDS[word]
    return ""


def dumps(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
