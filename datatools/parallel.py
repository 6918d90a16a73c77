"""The one way to do work per picture: joblib processes, in order, with a progress bar.

A worker gets one item and returns one small value; results come back in the items' order, whatever the number of
workers, so that nothing downstream can depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEMS_THAT_PAY = 2000  # below this many light items, starting a second process costs more than it saves


def worker_count(workers: int, items: int, *, heavy: bool = False) -> int:
    """Processes to use.  workers: 0 chooses by the machine and by whether the work is worth starting a process."""
    if workers:
        return min(workers, max(items, 1))
    return min(os.cpu_count() or 1, items // (40 if heavy else ITEMS_THAT_PAY) + 1)


def ordered_map(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 0,
    heavy: bool = False,
    what: str = "",
    quiet: bool = False,
    weigh: Callable[[Result], int] | None = None,
    total: int = 0,
) -> Iterator[Result]:
    """`work` of each item, in order.  what: text of the progress bar (stderr, only where that is a terminal).

    heavy: an item costs milliseconds rather than microseconds.  An exception in a worker is raised here.
    weigh, total: how far one result moves the bar, and how far all do; by default 1 and the number of items.
    """
    from tqdm import tqdm

    n = worker_count(workers, len(items), heavy=heavy)
    bar = tqdm(
        total=total or len(items), desc=what, unit="img", disable=True if quiet or not what else None, leave=False
    )
    with bar:
        for result in _results(work, items, n, heavy):
            bar.update(weigh(result) if weigh else 1)
            yield result


def _results(work: Callable[[Item], Result], items: Sequence[Item], n: int, heavy: bool) -> Iterator[Result]:
    if n == 1:
        yield from map(work, items)
        return
    from joblib import Parallel, delayed

    size = 4 if heavy else 256
    chunks = [items[k : k + size] for k in range(0, len(items), size)]
    running = Parallel(n_jobs=n, return_as="generator", pre_dispatch="4*n_jobs")(delayed(_run)(work, c) for c in chunks)
    for chunk in running:
        yield from chunk


def _run(work: Callable[[Item], Result], chunk: Sequence[Item]) -> list[Result]:
    return [work(item) for item in chunk]
