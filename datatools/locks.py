"""One writer at a time: a lock beside an output folder, `.NAME.lock`, that says which process holds it.

The system holds the lock (flock), so that a process that dies in any way leaves none behind; the file is only a name
for it, and is removed with it.  Between machines that share a disk it holds as far as the disk's flock does.  A system
without flock has no locks.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datatools.errors import OutputError

try:
    import fcntl
except ImportError:  # no flock
    fcntl = None  # type: ignore[assignment]


@contextmanager
def sole_writer(out: Path) -> Iterator[None]:
    """Nobody else writes `out` inside the block.  Raises OutputError, naming the process that does already."""
    path = _lock_of(out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from None
    file = _held(path, out) if fcntl else -1
    try:
        yield
    finally:
        if file >= 0:
            with suppress(FileNotFoundError):
                path.unlink()
            os.close(file)


def refuse_busy(out: Path) -> None:
    """Raises OutputError where another process writes `out` now; so that nobody works long for nothing."""
    path = _lock_of(out)
    if fcntl and path.exists():
        file = _held(path, out)
        path.unlink()
        os.close(file)


def _lock_of(out: Path) -> Path:
    real = Path(os.path.realpath(out))
    return real.with_name(f".{real.name}.lock")


def _held(path: Path, out: Path) -> int:
    """The open lock file, locked, that says who we are."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(path, file):
                said = f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%H:%M:%S')}"
                os.truncate(file, 0)
                os.pwrite(file, said.encode(), 0)
                return file
        except BlockingIOError:
            said = os.pread(file, 200, 0).decode("utf-8", "replace") or "another process"
            os.close(file)
            raise OutputError(
                out, f"is being written by {said}", remedy="wait for it, or choose another --out"
            ) from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # its owner removed the file while we opened it: there is a new one, or none


def _is(path: Path, file: int) -> bool:
    """Whether the path still names the file that is open."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(file)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
