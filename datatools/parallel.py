"""The one way to do work per picture: joblib processes, or a cluster's, in order, with a progress bar.

A worker gets one item and returns one small value; results come back in the items' order, whatever the number of
workers and wherever they are (see `schedulers`), so that nothing downstream can depend on it.  A cluster may do an item
twice, where a worker was lost: work writes whole files, and the same bytes each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Condition
from typing import Any, TypeVar

from datatools import schedulers
from datatools.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

START_MS = 2000.0  # work that pays for starting one process more (it imports numpy, Pillow or imgaug first)
CHUNK_MS = 100.0  # work that is sent to a process at a time
SLICE = 512  # such pieces that are sent to Ray at a time


def worker_count(workers: int, items: int, item_ms: float) -> int:
    """Processes to use.  workers: 0 chooses by the machine and by whether the work is worth starting a process."""
    if workers:
        return min(workers, max(items, 1))
    return min(os.cpu_count() or 1, int(items * item_ms / START_MS) + 1)


def ordered_map(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 0,
    item_ms: float = 0.1,
    what: str = "",
    quiet: bool = False,
    weigh: Callable[[Result], int] | None = None,
    total: int = 0,
) -> Iterator[Result]:
    """`work` of each item, in order.  what: text of the progress bar (stderr, only where that is a terminal).

    item_ms: about what one item costs, in milliseconds.  An exception in a worker is raised here.
    weigh, total: how far one result moves the bar, and how far all do; by default 1 and the number of items.
    """
    from tqdm import tqdm

    n = worker_count(workers, len(items), item_ms)
    bar = tqdm(
        total=total or len(items), desc=what, unit="img", disable=True if quiet or not what else None, leave=False
    )
    with bar:
        for result in _results(work, items, n, item_ms):
            bar.update(weigh(result) if weigh else 1)
            yield result


def _results(work: Callable[[Item], Result], items: Sequence[Item], n: int, item_ms: float) -> Iterator[Result]:
    scheduler = schedulers.current()
    if not items or (n == 1 and scheduler.kind == "local"):
        yield from map(work, items)
        return
    from joblib import delayed, parallel_config

    size = max(1, int(CHUNK_MS / item_ms))
    chunks = [items[k : k + size] for k in range(0, len(items), size)]
    failed: list[UserError] = []
    owner = os.getpid() if scheduler.kind == "local" else 0

    def jobs() -> Iterator:
        for chunk in chunks:
            if failed:
                return
            yield delayed(_run)(work, chunk, Path.cwd(), owner)

    with parallel_config(**scheduler.connected()):
        for results, error in _whole(_joined(jobs(), -1 if scheduler.address else n, scheduler), scheduler.url):
            if error and not failed:
                failed.append(error)  # what was sent already is waited for, so that the workers end in peace
            if not failed:
                yield from results
    if failed:
        raise failed[0]


def _joined(jobs: Iterator, n: int, scheduler: schedulers.Scheduler) -> Iterator[Any]:
    """What the jobs return, in order: as it comes, or, where joblib's backend cannot, slice by slice."""
    from joblib import Parallel

    if scheduler.kind != "ray":
        yield from Parallel(n_jobs=n, return_as="generator", pre_dispatch="4*n_jobs")(jobs)
        return
    parallel = Parallel(n_jobs=n)
    while some := list(islice(jobs, SLICE)):
        yield from parallel(some)


def _whole(results: Iterator[Any], where: str) -> Iterator[Any]:
    """The results; a worker that dies again and again, or that lacks this program, is the user's to mend."""
    try:
        yield from results
    except ModuleNotFoundError as error:
        if where == "local" or error.name not in ("datatools", "generators"):
            raise
        raise UserError(where, f"its workers lack {error.name}", "this program", "install it there, too") from None
    except Exception as error:
        if type(error).__name__ not in ("TerminatedWorkerError", "KilledWorker"):
            raise
        remedy = "where memory is short, pass fewer --workers; run the same command again"
        raise UserError(where, "a worker was killed", remedy=remedy) from None


def _run(
    work: Callable[[Item], Result], chunk: Sequence[Item], folder: Path, owner: int
) -> tuple[list[Result], UserError | None]:
    """In a worker, which may be left over from work in another folder: relative paths must mean the same.

    owner: the process that a local worker belongs to, 0 for none; without it there is nothing left to do.
    """
    results: list[Result] = []
    with _working_in(folder):
        for item in chunk:
            if owner and os.getppid() != owner and os.getpid() != owner:
                os._exit(1)  # it was killed: the run that goes on in its place must find nobody else at work
            try:
                results.append(work(item))
            except UserError as error:
                return results, error
    return results, None


_idle = Condition()
_busy = 0


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """The process is in this folder; work in another one, of another thread, is waited for."""
    global _busy
    with _idle:
        if not folder.is_dir():
            raise UserError(folder, "no such folder at a worker", "the same disk on all machines", "mount it there")
        _idle.wait_for(lambda: not _busy or Path.cwd() == folder)
        if Path.cwd() != folder:
            os.chdir(folder)
        _busy += 1
    try:
        yield
    finally:
        with _idle:
            _busy -= 1
            _idle.notify_all()
