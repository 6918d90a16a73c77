"""Which code decides a result: the package's version, and a digest of the sources that have a part in it.

Of a run: the rooms of `detector` that train and find. Of a data set that is made: `datatools` and `generators` whole,
which are only looked at and copied here, as files. A suite runs its commands from a copy that it keeps in its store.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TRAINING = ("boxes.py", "train.py", "data", "detecting", "loss", "network", "training", "experiments/judge.py")
MAKING = ("datatools", "generators")
HEAVY = ("*.pt", "*.onnx")  # weights that come along decide nothing
LENGTH = 12  # of a digest in a folder's name


@dataclass(frozen=True)
class Code:
    """sources: of the rooms that train and find.  makers: of the programs that make data sets."""

    version: str
    sources: str
    makers: str


def present_code(packages: Mapping[str, Path] | None = None) -> Code:
    """The code that is here now, or in other copies of the packages."""
    found = packages or package_folders()
    makers = [found[name] for name in MAKING if name in found]
    trainers = [found["detector"] / name for name in TRAINING]
    return Code(version("balanced-detection"), sources(trainers), sources(makers))


def package_folders() -> dict[str, Path]:
    """Where the packages lie that decide results."""
    specs = {name: find_spec(name) for name in ("detector", *MAKING)}
    return {name: Path(spec.origin).parent for name, spec in specs.items() if spec and spec.origin}


def keep_copy(store: Path) -> tuple[Path, Code]:
    """A copy of the packages in `store`, and what it is: what is edited meanwhile does not reach the runs."""
    beside = store / "code" / f".{os.getpid()}.part"
    shutil.rmtree(beside, ignore_errors=True)
    packages = package_folders()
    for name, folder in packages.items():
        shutil.copytree(folder, beside / name, ignore=shutil.ignore_patterns("__pycache__", *HEAVY))
    code = present_code({name: beside / name for name in packages})
    kept = store / "code" / sources(beside / name for name in packages)[:LENGTH]
    if kept.is_dir():
        shutil.rmtree(beside)
    else:
        beside.rename(kept)
    return kept, code


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
