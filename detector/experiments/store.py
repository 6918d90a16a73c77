"""A store: data sets under `data/<key>/`, runs under `runs/<key>/`, and one suite at a time that writes it.

The lock is the system's (flock) and is inherited by the commands that a suite starts, so that it holds until the last
of them has ended, in whatever way the suite did. A system without flock has no lock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from detector.errors import SuiteError
from detector.experiments.code import Code
from detector.experiments.plan import Plan, Run
from detector.experiments.records import Record, read_record

try:
    import fcntl
except ImportError:  # no flock
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Standing:
    """A planned run and the record that stands for it, if there is any."""

    run: Run
    record: Record | None

    @property
    def there(self) -> bool:
        """Whether it need not be run."""
        return self.record is not None and self.record.done


def run_folder(store: Path, key: str) -> Path:
    return store / "runs" / key


def standings(plan: Plan, keep_stale: bool) -> list[Standing]:
    """Each run with its record. keep_stale: one made by other code will do, the newest, if there is none by this."""
    records = read_records(plan.store)
    return [Standing(run, _of(run, records, plan.code, keep_stale)) for run in plan.runs]


def read_records(store: Path) -> list[Record]:
    found = [read_record(folder) for folder in sorted(store.glob("runs/*")) if folder.is_dir()]
    return [record for record in found if record is not None]


def said_code(code: Code) -> dict[str, str]:
    """Code as a record holds it."""
    return {"version": code.version, "sources": code.sources}


def _of(run: Run, records: list[Record], code: Code, keep_stale: bool) -> Record | None:
    alike = [record for record in records if record.row == run.row and record.seed == run.seed]
    fresh = [record for record in alike if record.key == run.key and record.code == said_code(code)]
    stale = [record for record in alike if record.done and record not in fresh] if keep_stale else []
    chosen = next((one for one in fresh if one.done), None) or max(stale, key=lambda one: one.finished, default=None)
    chosen = chosen or next(iter(fresh), None)
    return replace(chosen, name=run.configuration.name, stale=chosen not in fresh) if chosen else None


@contextmanager
def locked(store: Path) -> Iterator[tuple[int, ...]]:
    """Nobody else runs a suite in `store` inside the block. Yields the open files that children are to inherit."""
    for folder in ("data", "runs"):
        (store / folder).mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield ()
        return
    file = os.open(store / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.pread(file, 200, 0).decode("utf-8", "replace") or "another process"
            remedy = "wait for it and its commands to end, or give another --out"
            raise SuiteError(store, f"a suite is being run here, by {who}", "one at a time", remedy) from None
        os.truncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield (file,)
    finally:
        os.close(file)
