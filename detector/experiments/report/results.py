"""A suite's finished runs by configuration: the mean over seeds of each figure, and how far seeds lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from detector.experiments.records import Found, Record
from detector.experiments.report.judged import Judged
from detector.experiments.suite import Suite


@dataclass(frozen=True)
class Spread:
    """Over the seeds in which the figure is defined, `count` of them. sd: of the sample; None of fewer than two."""

    mean: float
    sd: float | None
    low: float
    high: float
    count: int


def spread_of(values: Sequence[float | None]) -> Spread | None:
    """None where no value is known."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return Spread(mean(known), stdev(known) if len(known) > 1 else None, min(known), max(known), len(known))


@dataclass(frozen=True)
class Line:
    """A configuration. judged: its runs that are done, by seed.  failed: the others that were tried."""

    name: str
    judged: tuple[Judged, ...]
    failed: tuple[Record, ...]

    def spread(self, key: str) -> Spread | None:
        return spread_of([one.values[key] for one in self.judged])

    def average(self, key: str) -> float:
        """The mean, for sorting; below everything where there is none."""
        found = self.spread(key)
        return -1.0 if found is None else found.mean

    @property
    def stale(self) -> int:
        return sum(one.record.stale for one in self.judged)

    @property
    def middle(self) -> Judged:
        """The run of the median mAP: whose mistakes are shown."""
        ranked = sorted(self.judged, key=lambda one: one.values["map50"] or 0.0)
        return ranked[(len(ranked) - 1) // 2]


@dataclass(frozen=True)
class Results:
    """lines: a configuration each, in the suite's order.  truths: (C,) in the val pictures."""

    suite: Suite
    classes: tuple[str, ...]
    pictures: int
    truths: tuple[int, ...]
    lines: tuple[Line, ...]

    @property
    def done(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.judged)

    def line(self, name: str) -> Line:
        return next(line for line in self.lines if line.name == name)

    @property
    def baseline(self) -> Line:
        """What others are held against, the first that is done where the suite's own is not."""
        return self.lines[0] if self.lines[0].judged else self.done[0]

    @property
    def best(self) -> Line:
        """The highest mean mAP@.5, the first of equals."""
        return max(self.done, key=lambda line: line.average("map50"))

    @property
    def draws(self) -> int:
        """Of the pictures, for each comparison."""
        return len(self.done[0].judged[0].draws.drawn)

    @property
    def rarest(self) -> str:
        """The class of the fewest truths, of those that have any."""
        present = [(count, name) for name, count in zip(self.classes, self.truths, strict=True) if count]
        return min(present)[1] if present else self.classes[0]


def results_of(suite: Suite, records: Sequence[Record], judged: Sequence[Judged], found: Found) -> Results:
    """found: of any run; all of a suite are judged on the same pictures."""
    lines = []
    for one in suite.runs:
        own = sorted((run for run in judged if run.record.name == one.name), key=lambda run: run.record.seed)
        failed = sorted((r for r in records if r.name == one.name and not r.done), key=lambda r: r.seed)
        lines.append(Line(one.name, tuple(own), tuple(failed)))
    counts = np.zeros(len(found.classes), dtype=int)
    for picture in found.pictures:
        counts += np.bincount(picture.truth.classes, minlength=len(counts))
    return Results(suite, found.classes, len(found.pictures), tuple(counts.tolist()), tuple(lines))
