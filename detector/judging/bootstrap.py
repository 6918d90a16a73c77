"""How far AP could be off by the choice of pictures: intervals by drawing the pictures anew, with replacement.

A class with a dozen truths moves by .1 and more from one draw to the next, which is what an interval is to show. It
says nothing about what training another time, or other kinds of pictures, would bring. Copies of a picture count
together in AP's order. A draw in which a class has no truth leaves it out.
Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentiles).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.judging.average_precision import read_at_recalls
from detector.judging.matching import Matching

SHARE = 0.95


@dataclass(frozen=True)
class Interval:
    """low, high: between which `SHARE` of the draws lie. None where no draw has a value."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Intervals:
    """AP@.5 and AP@.5:.95 of each class, and their means over classes."""

    draws: int
    ap50: dict[str, Interval]
    ap: dict[str, Interval]
    map50: Interval
    map: Interval

    def as_json(self) -> dict[str, Any]:
        each = {name: {"ap50": vars(self.ap50[name]), "ap50_95": vars(self.ap[name])} for name in self.ap50}
        return {
            "draws": self.draws,
            "share": SHARE,
            "map50": vars(self.map50),
            "map50_95": vars(self.map),
            "classes": each,
        }

    def table(self) -> str:
        width = max(5, *(len(name) for name in self.ap50))
        rows = [(name, self.ap50[name], self.ap[name]) for name in self.ap50] + [("all", self.map50, self.map)]
        head = f"{'class':{width}} {'AP@.5':>15} {'AP@.5:.95':>15}   {SHARE:.0%} of {self.draws} draws of the pictures"
        return "\n".join([head, *(f"{name:{width}} {_said(a):>15} {_said(b):>15}" for name, a, b in rows)])


def _said(one: Interval) -> str:
    return "-" if one.low is None else f"{one.low:.3f} - {one.high:.3f}"


def bootstrap(matching: Matching, classes: tuple[str, ...], pictures: int, draws: int, seed: int) -> Intervals:
    """Intervals from `draws` draws. The same seed draws the same pictures, so that two detectors can be compared."""
    tables = drawn_aps(matching, len(classes), pictures, draws, seed)
    means = [interval_of(mean_of_known(table)) for table in tables]
    each = [dict(zip(classes, map(interval_of, table.T), strict=True)) for table in tables]
    return Intervals(draws, each[0], each[1], means[0], means[1])


def drawn_aps(matching: Matching, classes: int, pictures: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(draws, C) AP at the first IoU, and its mean over all; nan where a draw holds no truth of the class."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, pictures]))
    parts = [_sorted(matching, number) for number in range(classes)]
    first = np.full((draws, classes), np.nan)
    every = first.copy()
    for draw in range(draws):
        weights = np.bincount(rng.integers(0, pictures, pictures), minlength=pictures)
        for number, one in enumerate(parts):
            values = one.average_precisions(weights)
            if values is not None:
                first[draw, number], every[draw, number] = values[0], values.mean()
    return first, every


def mean_of_known(table: np.ndarray) -> np.ndarray:
    """(N,) of (N, C): the mean of each row's numbers; nan where none is."""
    known = ~np.isnan(table)
    counts = known.sum(axis=1)
    sums = np.where(known, table, 0.0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(table), np.nan), where=counts > 0)


@dataclass(frozen=True)
class _Sorted:
    """A class, best score first. hits, passed: (T, N).  pictures: (N,).  truths: (P,) of each truth's picture."""

    hits: np.ndarray
    passed: np.ndarray
    pictures: np.ndarray
    truths: np.ndarray

    def average_precisions(self, weights: np.ndarray) -> np.ndarray | None:
        """(T,), every picture counted as often as `weights` says; None without truths."""
        total = weights[self.truths].sum()
        if not total:
            return None
        own = weights[self.pictures]
        drawn = np.flatnonzero(own)
        own, values = own[drawn], np.zeros(len(self.hits))
        for row, (hit, passed) in enumerate(zip(self.hits[:, drawn], self.passed[:, drawn], strict=True)):
            at = np.flatnonzero(hit)
            right, shown = (own * hit).cumsum()[at], (own * ~passed).cumsum()[at]
            values[row] = read_at_recalls(right / (shown + np.spacing(1)), right / total)
        return values


def _sorted(matching: Matching, number: int) -> _Sorted:
    own = matching.of_class(number)
    order = np.argsort(-matching.scores[own], kind="mergesort")
    there = matching.counted[0] & (matching.truths[:, 0] == number)
    hits, passed = matching.hits[0][:, own][:, order], matching.passed[0][:, own][:, order]
    return _Sorted(hits, passed, matching.pictures[own][order], matching.truths[there, 1])


def interval_of(values: np.ndarray) -> Interval:
    """Of (N,) values, those that are nan left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(None, None)
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high))
