"""Runs carried out by several workers, each taking the next; a bar, and a line for each that is over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Lock

from tqdm import tqdm

from detector.experiments.building import Built
from detector.experiments.plan import Run
from detector.experiments.records import Found, Record
from detector.experiments.running import Bench, carry_out
from detector.experiments.table import scores
from detector.experiments.workers import StoppedError


class Shown:
    """The bar, and lines above it; on stderr, the bar only where that is a terminal."""

    def __init__(self, runs: int, there: int, quiet: bool) -> None:
        self.runs, self.over, self.there, self.quiet = runs, there, there, quiet
        self._began, self._lock = time.monotonic(), Lock()
        self._bar = tqdm(total=runs, initial=there, unit="run", disable=quiet or None, file=sys.stderr)

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *fault: object) -> None:
        self._bar.close()

    def say(self, line: str) -> None:
        if not self.quiet:
            self._bar.write(line, file=sys.stderr)
            sys.stderr.flush()

    def tell(self, record: Record, found: Found | None) -> None:
        """A run is over."""
        with self._lock:
            self.over += 1
            took = sum(value for key, value in record.seconds.items() if key != "data")
            each = (time.monotonic() - self._began) / (self.over - self.there)
            left = timedelta(seconds=round(each * (self.runs - self.over)))
            said = f"failed: {record.error}" if found is None else f"mAP@.5 {scores(found).map50 or 0:.3f}"
            where = f"{self.over} of {self.runs}" + (f", {left} left" if self.over < self.runs else "")
            self.say(f"{record.name}, seed {record.seed}: {said}  ({took:.0f} s; {where})")
            self._bar.update()


def work(runs: Sequence[Run], built: Mapping[str, Built], bench: Bench, workers: int, shown: Shown) -> None:
    """Carry out all runs. Where this is stopped, the runs under way are saved first."""
    turn, lock = iter(runs), Lock()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_take, turn, lock, built, bench, number, shown.tell) for number in range(workers)]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        except BaseException:
            bench.children.stop()
            raise


def _take(
    turn: Iterator[Run],
    lock: Lock,
    built: Mapping[str, Built],
    bench: Bench,
    worker: int,
    tell: Callable[[Record, Found | None], None],
) -> None:
    """One worker: the next run, until there are none."""
    try:
        while True:
            with lock:
                run = next(turn, None)
            if run is None:
                return
            tell(*carry_out(run, built[run.data.key], bench, worker))
    except StoppedError:
        return
