"""The one way to do work per picture: joblib processes, in order, with a progress bar.

A worker gets one item and returns one small value; results come back in the items' order, whatever the number of
workers, so that nothing downstream can depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from datatools.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

START_MS = 2000.0  # work that pays for starting one process more (it imports numpy, Pillow or imgaug first)
CHUNK_MS = 100.0  # work that is sent to a process at a time


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
    if n == 1:
        yield from map(work, items)
        return
    from joblib import Parallel, delayed

    size = max(1, int(CHUNK_MS / item_ms))
    chunks = [items[k : k + size] for k in range(0, len(items), size)]
    failed: list[UserError] = []

    def jobs() -> Iterator:
        for chunk in chunks:
            if failed:
                return
            yield delayed(_run)(work, chunk, Path.cwd())

    for results, error in Parallel(n_jobs=n, return_as="generator", pre_dispatch="4*n_jobs")(jobs()):
        if error and not failed:
            failed.append(error)  # what was sent already is waited for, so that the workers end in peace
        if not failed:
            yield from results
    if failed:
        raise failed[0]


def _run(work: Callable[[Item], Result], chunk: Sequence[Item], folder: Path) -> tuple[list[Result], UserError | None]:
    """In a worker, which may be left over from work in another folder: relative paths must mean the same."""
    if Path.cwd() != folder:
        os.chdir(folder)
    results: list[Result] = []
    for item in chunk:
        try:
            results.append(work(item))
        except UserError as error:
            return results, error
    return results, None
