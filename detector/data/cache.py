"""Decoded pictures kept between epochs: uint8, shrunk to the training size, in memory or on disk, up to a budget.

On disk each is one `.npy` file, named by the digest of the picture's path, size, time of change and side: another
picture or another size is another file. Files are written whole or not at all, so a kill leaves no half, and workers
and runs share them. Nothing but time is lost when the folder is deleted.
"""

from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np

from detector.atomic import write_atomically
from detector.errors import UserError

KINDS = ("ram", "disk", "none")
VERSION = 1  # of how pictures are shrunk


class Cache(Protocol):
    """Where shrunk pictures, (h, w, 3) uint8 with an edge of `side`, are put and found again. place: for people."""

    @property
    def place(self) -> str: ...

    def find(self, path: Path, side: int) -> np.ndarray | None: ...

    def offer(self, path: Path, side: int, inner: np.ndarray) -> bool:
        """Keep it, if the budget allows; whether it is kept."""
        ...


class Memory:
    """In this process; workers that are forked share it."""

    place = "memory"

    def __init__(self, budget_mb: int) -> None:
        self._left = budget_mb * 2**20
        self._kept: dict[tuple[Path, int], np.ndarray] = {}

    def find(self, path: Path, side: int) -> np.ndarray | None:
        return self._kept.get((path, side))

    def offer(self, path: Path, side: int, inner: np.ndarray) -> bool:
        if inner.nbytes <= self._left:
            self._left -= inner.nbytes
            self._kept[path, side] = inner
        return (path, side) in self._kept


class Disk:
    """In `folder`, across runs. The budget bounds what one run uses of it."""

    def __init__(self, budget_mb: int, folder: Path) -> None:
        self.folder, self._left = folder, budget_mb * 2**20
        self.place = str(folder)
        self._counted: set[Path] = set()

    def find(self, path: Path, side: int) -> np.ndarray | None:
        """What is kept of `path`; a file that is not whole (a disk that failed) counts as none."""
        try:
            inner = np.load(self.file(path, side), allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            return None
        right = inner.ndim == 3 and inner.dtype == np.uint8 and inner.shape[2] == 3 and max(inner.shape[:2]) == side
        return inner if right else None

    def offer(self, path: Path, side: int, inner: np.ndarray) -> bool:
        file = self.file(path, side)
        if file in self._counted:
            return True
        if inner.nbytes > self._left:
            return False
        if self.find(path, side) is None:
            file.parent.mkdir(parents=True, exist_ok=True)
            content = BytesIO()
            np.save(content, inner)
            write_atomically(file, content.getvalue())
        self._left -= inner.nbytes
        self._counted.add(file)
        return True

    def file(self, path: Path, side: int) -> Path:
        state = path.stat()
        name = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{side}|{VERSION}"
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:34]}.npy"


def open_cache(kind: str, budget_mb: int, folder: Path | None = None) -> Cache:
    """One of ram, disk and none. folder: of "disk", `default_folder()` if not given."""
    if kind not in KINDS:
        raise UserError("--cache", repr(kind), f"one of {', '.join(KINDS)}")
    if budget_mb < 0:
        raise UserError("--cache-mb", str(budget_mb), "0 or more")
    if kind == "disk":
        return Disk(budget_mb, _writable(folder or default_folder()))
    return Memory(budget_mb if kind == "ram" else 0)


def _writable(folder: Path) -> Path:
    """`folder`, made where it was not. Raises UserError, before any work is spent, where nothing can be put in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK | os.X_OK) else "may not be written"
    except OSError as error:
        why = str(error.strerror)
    if why:
        raise UserError("--cache-folder", f"{folder}: {why}", "a folder that can be written", "or --cache ram")
    return folder


def default_folder() -> Path:
    """$XDG_CACHE_HOME/balanced-detection/pictures, or below ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "balanced-detection" / "pictures"
