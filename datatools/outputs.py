"""Where results are written: a folder appears whole or not at all, a file is replaced in one step.

A folder is built beside its place as `NAME.partial`, flushed to disk, and renamed, by way of `.NAME.finished`, where it
loses its mark.  Nothing that exists is replaced unless the user said so, and then only a folder that this project made
(it holds a manifest.jsonl).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datatools.errors import OutputError
from datatools.locks import refuse_busy, sole_writer

MANIFEST = "manifest.jsonl"
UNFINISHED = ".unfinished"  # marks a NAME.partial as ours


def refuse_overwrite(out: Path, source: Path | None = None, *, overwrite: bool = False) -> None:
    """Raises OutputError where writing to `out` would lose something, or mix it with its own source."""
    refuse_busy(out)
    real = Path(os.path.realpath(out))
    if source is not None:
        other = Path(os.path.realpath(source))
        if real == other or other in real.parents or real in other.parents:
            found = f"lies inside its source {source}, or around it"
            raise OutputError(out, found, "a folder apart", "choose another --out")
    if out.exists() and not overwrite:
        raise OutputError(out, "is already there", remedy="pass --overwrite, or choose another --out")
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir() if out.is_dir() else [out]):
        raise OutputError(out, "was not made by this program", f"a folder with {MANIFEST}", "choose another --out")


@contextmanager
def staged(out: Path, *, resume: bool = False) -> Iterator[Path]:
    """A folder to fill; it becomes `out` when the block ends well.

    resume: keep what an earlier, interrupted block left there, and keep what this one leaves when it fails.
    Raises OutputError where somebody else's NAME.partial is in the way, or another process writes `out` now.
    """
    out = Path(os.path.realpath(out))
    with sole_writer(out):
        yield from _staged(out, resume)


def _staged(out: Path, resume: bool) -> Iterator[Path]:
    partial = out.with_name(out.name + ".partial")
    _restore(out)
    if partial.exists() and not _ours(partial):
        raise OutputError(partial, "was not left by this program", remedy="move it away, or choose another --out")
    if partial.exists() and not resume:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    (partial / UNFINISHED).touch()
    try:
        yield partial
        if hasattr(os, "sync"):
            os.sync()
        finished = _finished(out)
        partial.rename(finished)
        (finished / UNFINISHED).unlink()
        _exchange(finished, out)
    except BaseException:
        _restore(out)
        if not resume:
            shutil.rmtree(partial, ignore_errors=True)
        raise


def _ours(partial: Path) -> bool:
    """Whether it holds our mark; or nothing, where a run was killed before it could set one."""
    return (partial / UNFINISHED).is_file() or (partial.is_dir() and not any(partial.iterdir()))


def _exchange(finished: Path, out: Path) -> None:
    """`finished` becomes `out`; what was there is deleted last, and is put back if that fails."""
    replaced = _replaced(out)
    shutil.rmtree(replaced, ignore_errors=True)
    if out.exists():
        out.rename(replaced)
    finished.rename(out)
    shutil.rmtree(replaced, ignore_errors=True)


def _replaced(out: Path) -> Path:
    """Where an earlier result waits while the new one takes its place; no name that a person gives to a copy."""
    return out.with_name(f".{out.name}.replaced")


def _finished(out: Path) -> Path:
    """Where a whole result loses its mark, under a name that says whose it is."""
    return out.with_name(f".{out.name}.finished")


def _restore(out: Path) -> None:
    """After a kill or a failure between the renames: the earlier result is brought back, the new one is unfinished."""
    if _replaced(out).exists() and not out.exists():
        _replaced(out).rename(out)
    finished, partial = _finished(out), out.with_name(out.name + ".partial")
    if finished.exists() and not partial.exists():
        (finished / UNFINISHED).touch()
        finished.rename(partial)


def put(path: Path, data: bytes | str) -> None:
    """Write a file inside a staged folder: it is there with all of its bytes, or not at all."""
    beside = path.with_name(path.name + ".new")
    raw = data.encode("utf-8") if isinstance(data, str) else data
    try:
        beside.write_bytes(raw)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(raw)
    _into_place(beside, path, raw)


def _into_place(beside: Path, path: Path, raw: bytes) -> None:
    """Rename; a worker of a cluster that was thought lost may have done so, with the same bytes, a moment before."""
    try:
        beside.replace(path)
    except FileNotFoundError:
        if not path.is_file() or path.read_bytes() != raw:
            raise


def write_file(path: Path, data: bytes | str) -> None:
    """Write one file for good: beside, flushed to disk, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            file.write(data.encode("utf-8") if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def place(source: Path, target: Path, link: str) -> None:
    """Bring an unchanged picture to its place.  link: copy, hard (falls back to a copy across disks) or symlink."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if link == "symlink":
        target.symlink_to(os.path.relpath(source.resolve(), Path(os.path.realpath(target.parent))))
        return
    if link == "hard":
        try:
            os.link(source.resolve(), target)
            return
        except OSError as error:
            if error.errno != errno.EXDEV:  # another disk
                raise
    shutil.copyfile(source, target)
