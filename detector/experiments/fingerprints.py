"""The digest of a file, or of all files in a folder, by name and content: what a data set or weights are, exactly."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from detector.errors import SuiteError


@cache
def fingerprint(path: Path) -> str:
    """Each path is read once. Raises SuiteError where there is nothing."""
    if path.is_file():
        return _of_file(path)
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")) if path.is_dir() else []
    if not files:
        raise SuiteError(path, "no such data", "a folder of pictures and labels", "see source in the suite")
    whole = hashlib.sha256()
    with ThreadPoolExecutor(4) as threads:
        for file, found in zip(files, threads.map(_of_file, files), strict=True):
            whole.update(f"{file.relative_to(path).as_posix()}\0{found}\n".encode())
    return whole.hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
