"""Appearances of whole pictures and of windows in them that meet the target, by integer programming (HiGHS).

First the smallest largest repetition R for which whole numbers meet it (at least 1 of each photograph, 0 of a synthetic
picture); then, as the user prefers, evenness and then the fewest pictures, or the fewest pictures at once; then the
least distortion.  Evenness is Σ r² of each class's boxes, in parts of its smallest possible value, laid out in straight
pieces between levels.  Where the target is out of reach, the smallest distance from it:

a ratio ρ    (equality is ρ = 1) the largest count is at most ρ times the smallest; else the least excess over that
numbers      each count is its number; else the least deviation of the count that is furthest off
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from datatools.balance.planning.columns import Group
from datatools.balance.planning.programme import Programme, Solution

REPEATS_TRIED = 100  # where equality is out of reach and the user set no limit
GAP = 1e-2  # the evenness may end within this of the best
LEVELS = np.unique(np.round(np.geomspace(1, 4096, 40)).astype(int))


@dataclass(frozen=True)
class Asked:
    """ratio: that the counts may have; numbers: (C,) that they are to be instead, or None.  max_repeat: 0 for none.

    even: is evenness to go before fewer pictures?  limit_s: for all goals together.
    """

    ratio: Fraction = Fraction(1)
    numbers: NDArray | None = None
    max_repeat: int = 0
    even: bool = True
    limit_s: float = 60.0


@dataclass(frozen=True)
class Found:
    """totals: (V,) appearances of each view of each group, all of its pictures together.

    met: is the target?  proved: nothing is nearer, or repeats less.  bound: of the largest repetition, where nothing
    has to be whole; 0 where unknown.
    """

    totals: list[NDArray]
    met: bool
    proved: bool
    bound: int


@dataclass(frozen=True)
class _Views:
    """All views of all groups, (J,) in all.  n_classes: C."""

    groups: Sequence[Group]
    n_classes: int

    @cached_property
    def members(self) -> NDArray:
        return np.concatenate([np.full(len(g.parents), len(g.rows)) for g in self.groups])

    @cached_property
    def paths(self) -> sparse.csr_array:
        """(J, J): what the boxes whose smallest view it is appear in."""
        return sparse.csr_array(sparse.block_diag([g.paths for g in self.groups], format="csr").astype(float))

    @cached_property
    def own(self) -> NDArray:
        return np.vstack([g.own for g in self.groups])

    @cached_property
    def counts(self) -> NDArray:
        """(J, C) boxes that a view shows."""
        return self.paths.T @ self.own

    @cached_property
    def least(self) -> NDArray:
        return np.concatenate([[g.least * len(g.rows), *[0] * (len(g.parents) - 1)] for g in self.groups])

    @cached_property
    def price(self) -> NDArray:
        return np.concatenate([g.price for g in self.groups])

    def divided(self, x: NDArray) -> list[NDArray]:
        ends = np.cumsum([len(g.parents) for g in self.groups])
        return [part.astype(np.int64) for part in np.split(x[: ends[-1]], ends[:-1])]


def plan_views(groups: Sequence[Group], n_classes: int, asked: Asked) -> Found | None:
    """What to show how often; None where nothing was found in time."""
    views = _Views(groups, n_classes)
    return _exact(views, asked) or _closest(views, asked)


def _exact(views: _Views, asked: Asked) -> Found | None:
    """Unknowns: x (J), t the smallest count, R, z (J) what the boxes of a view cost in evenness."""
    n = len(views.members)
    highest = asked.max_repeat or int(views.members.sum()) * 10
    low = np.concatenate([views.least, [0, 1], np.zeros(n)])
    high = np.concatenate([np.full(n + 1, np.inf), [highest], np.full(n, np.inf)])
    whole = np.concatenate([np.ones(n + 2, bool), np.zeros(n, bool)])
    programme = Programme(low, high, whole, asked.limit_s)
    for matrix, least, most in _meets(views.counts.T, asked.ratio, asked.numbers):
        programme.add(_wide(matrix, n), least, most)
    programme.add(_wide(sparse.hstack([views.paths, np.zeros((n, 1)), -views.members[:, None]]), n), -np.inf, 0)
    repetition = _unit(2 * n + 2, n + 1)
    found = programme.minimise(repetition)
    if found is None:
        return None
    relaxed = programme.relaxed(repetition)
    programme.high[n + 1] = round(float(found.x[n + 1]))
    best = _refined(programme, views, found, asked.even)
    bound = 0 if relaxed is None else int(np.ceil(relaxed - 1e-6))
    return Found(views.divided(best.x), True, found.proved, bound)


def _refined(programme: Programme, views: _Views, found: Solution, even: bool) -> Solution:
    """The goals after the repetition, each as far as the time allows."""
    n = len(views.members)
    blank = np.zeros(n + 2)
    goals = [np.concatenate([np.ones(n), blank]), np.concatenate([views.price, blank])]
    if even:
        most = int(programme.high[n + 1])
        for rows, high in _pieces(views, most):
            programme.add(rows, -np.inf, high)
        goals.insert(0, np.concatenate([blank, _weights(views)]))
    for goal in goals:
        if goal.any() and (better := programme.minimise(goal, gap=GAP if goal[-1] else 0.0, share=0.5)):
            found = better
        if goal.any():
            programme.settle(goal, found, GAP if even and goal is goals[0] else 1e-6)
    return found


def _weights(views: _Views) -> NDArray:
    """What Σ r² of a view's boxes counts, (J,), in parts of what it is when every box appears once."""
    boxes = np.maximum((views.own * views.members[:, None]).sum(axis=0), 1)
    return (views.own * views.members[:, None] / boxes).sum(axis=1)


def _pieces(views: _Views, most: int):
    """Rows that put z at least at the square of the mean appearances: straight lines between neighbouring levels."""
    n = len(views.members)
    levels = [int(v) for v in LEVELS if v < most] + [most]
    mean = sparse.diags_array(1 / views.members) @ views.paths
    for a, b in zip([0, *levels], levels, strict=False):
        yield sparse.hstack([(a + b) * mean, np.zeros((n, 2)), -sparse.eye_array(n)]), a * b


def _meets(counted: NDArray, ratio: Fraction, wanted: NDArray | None) -> list:
    """Rows over (x, t, R) that say that the counts, counted @ x, are what is wanted: t..ratio·t, or the numbers."""
    one, none = np.ones((len(counted), 1)), np.zeros((len(counted), 1))
    if wanted is not None:
        return [(np.hstack([counted, none, none]), wanted, wanted)]
    if ratio == 1:
        return [(np.hstack([counted, -one, none]), 0, 0)]
    least = (np.hstack([counted, -one, none]), 0, np.inf)
    return [least, (np.hstack([counted * ratio.denominator, -ratio.numerator * one, none]), -np.inf, 0)]


def _closest(views: _Views, asked: Asked) -> Found | None:
    """Appearances closest to the target, then the fewest pictures; and whether that is proved."""
    n = len(views.members)
    counted, ratio = views.counts.T, asked.ratio
    one, none = np.ones((len(counted), 1)), np.zeros((len(counted), 1))
    most = asked.max_repeat or REPEATS_TRIED
    low = np.concatenate([views.least, [0, 0]])
    high = np.concatenate([views.members * most, [np.inf, np.inf]])
    programme = Programme(low, high, np.ones(n + 2, bool), asked.limit_s)
    programme.add(sparse.hstack([views.paths, np.zeros((n, 2))]), -np.inf, views.members * most)
    if asked.numbers is None:  # unknowns: x (J), the smallest count, the largest count
        programme.add(np.hstack([counted, -one, none]), 0, np.inf)
        programme.add(np.hstack([counted, none, -one]), -np.inf, 0)
        goal = np.concatenate([np.zeros(n), [-ratio.numerator, ratio.denominator]])
    else:  # unknowns: x (J), nothing, the largest deviation
        programme.add(np.hstack([counted, none, one]), asked.numbers, np.inf)
        programme.add(np.hstack([counted, none, -one]), -np.inf, asked.numbers)
        goal = _unit(n + 2, n + 1)
    first = programme.minimise(goal)
    if first is None:
        return None
    programme.settle(goal, first, 0.0)
    second = programme.minimise(np.concatenate([np.ones(n), [0, 0]]))
    return Found(views.divided((second or first).x), False, first.proved, 0)


def _wide(matrix: NDArray | sparse.sparray, more: int) -> sparse.csr_array:
    """The rows with `more` columns of zeros after them."""
    found = sparse.csr_array(matrix)
    return sparse.csr_array(sparse.hstack([found, sparse.csr_array((found.shape[0], more))]))


def _unit(length: int, place: int) -> NDArray:
    found = np.zeros(length)
    found[place] = 1
    return found
