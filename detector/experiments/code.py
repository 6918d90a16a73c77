"""Which code decides a result: the package's version, and a digest of the sources that have a part in it.

Of a run: the rooms of `detector` that train and find. Of a data set that is made: `datatools` and `generators` whole,
which are only looked at here, as files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TRAINING = ("boxes.py", "train.py", "data", "detecting", "loss", "network", "training", "experiments/judge.py")
MAKING = ("datatools", "generators")
LENGTH = 12  # of a digest in a folder's name


@dataclass(frozen=True)
class Code:
    """sources: of the rooms that train and find.  makers: of the programs that make data sets."""

    version: str
    sources: str
    makers: str


def present_code() -> Code:
    """The code that is here now."""
    here = Path(__file__).resolve().parents[1]
    specs = [find_spec(name) for name in MAKING]
    makers = [Path(spec.origin).parent for spec in specs if spec and spec.origin]
    return Code(version("balanced-detection"), sources([here / name for name in TRAINING]), sources(makers))


def sources(paths: Iterable[Path]) -> str:
    """The digest of files and of folders, by relative path and content; bytecode apart."""
    found = hashlib.sha256()
    for path in paths:
        files = sorted(p for p in path.rglob("*") if _counts(p)) if path.is_dir() else [path]
        for file in files:
            found.update(f"{path.name}/{file.relative_to(path).as_posix()}\0".encode())
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")


def digest(value: Any) -> str:
    """The short digest of a plain value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
