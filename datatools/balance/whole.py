"""Repeats of whole pictures that meet the target, by integer programming (HiGHS through scipy).

First the smallest largest repetition R for which integers 1 ≤ r ≤ R (0 ≤ r for synthetic pictures) meet it, then the
fewest pictures.  Pictures with equal counts are one variable.  Where the target is out of reach, the smallest
distance from it:

a ratio ρ    (equality is ρ = 1) the largest count is at most ρ times the smallest; else the least excess over that
numbers      each count is its number; else the least deviation of the count that is furthest off
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from datatools.errors import TargetError

TIME_LIMIT_S = 60.0
REPEATS_TRIED = 100  # where equality is out of reach and the user set no limit


@dataclass(frozen=True)
class _Groups:
    """Pictures with equal counts.  vectors: (G, C) counts of one.  members, least: (G,) how many, and least often."""

    vectors: NDArray
    members: NDArray
    least: NDArray


def whole_repeats(
    counts: NDArray,
    invented: NDArray,
    max_repeat: int = 0,
    ratio: Fraction = Fraction(1),
    wanted: NDArray | None = None,
) -> tuple[NDArray, bool]:
    """(appearances of each picture, (P,) int ≥ 1, of a synthetic one ≥ 0; whether no plan comes closer, for certain).

    counts: (P, C) boxes of each class in each picture.  invented: (P,) bool, which are synthetic.  max_repeat: 0 for no
    limit.  wanted: (C,) the numbers that the counts are to be; None where only their ratio is limited.
    Raises TargetError where the solver ends without a plan.
    """
    marked = np.hstack([counts, invented[:, None]])
    rows, group, members = np.unique(marked, axis=0, return_inverse=True, return_counts=True)
    groups = _Groups(rows[:, :-1], members, np.where(rows[:, -1], 0, members))
    totals, proved = _exact(groups, max_repeat, ratio, wanted), True
    if totals is None:
        totals, proved = _closest(groups, max_repeat, ratio, wanted)
    if totals is None:
        found = f"no plan of whole pictures within {TIME_LIMIT_S:.0f} s"
        raise TargetError("--recipes whole", found, remedy="set --max-repeat, or allow erasing: --recipes whole,erase")
    repeats = np.ones(len(counts), dtype=np.int64)
    for k, total in enumerate(totals.tolist()):
        alike = np.flatnonzero(group.reshape(-1) == k)
        repeats[alike] = total // len(alike)
        repeats[alike[: total % len(alike)]] += 1
    return repeats, proved


def _exact(groups: _Groups, max_repeat: int, ratio: Fraction, wanted: NDArray | None) -> NDArray | None:
    """Appearances of each group that meet the target: least R first, then fewest pictures.  None if there are none."""
    vectors, members = groups.vectors, groups.members
    highest = max_repeat or int(members.sum()) * 10
    # unknowns: x (G) appearances of a group, t the smallest count allowed, R the largest repetition
    capped = np.hstack([np.eye(len(members)), np.zeros((len(members), 1)), -members[:, None]])
    low = np.concatenate([groups.least, [0, 1]])
    high = np.concatenate([np.full(len(members) + 1, np.inf), [highest]])
    goal = np.concatenate([np.zeros(len(members) + 1), [1]])
    rows = [*_meets(vectors.T, ratio, wanted), (capped, -np.inf, 0)]
    first, _ = _solve(goal, rows, low, high)
    if first is None:
        return None
    high[-1] = first[-1]
    fewest = np.concatenate([np.ones(len(members)), [0, 0]])
    second, _ = _solve(fewest, rows, low, high)
    return (first if second is None else second)[: len(members)]


def _meets(counted: NDArray, ratio: Fraction, wanted: NDArray | None) -> list:
    """Rows over (x, t, R) that say that the counts, counted @ x, are what is wanted: t..ratio·t, or the numbers."""
    one, none = np.ones((len(counted), 1)), np.zeros((len(counted), 1))
    if wanted is not None:
        return [(np.hstack([counted, none, none]), wanted, wanted)]
    if ratio == 1:
        return [(np.hstack([counted, -one, none]), 0, 0)]
    least = (np.hstack([counted, -one, none]), 0, np.inf)
    return [least, (np.hstack([counted * ratio.denominator, -ratio.numerator * one, none]), -np.inf, 0)]


def _closest(groups: _Groups, max_repeat: int, ratio: Fraction, wanted: NDArray | None) -> tuple[NDArray | None, bool]:
    """Appearances of each group closest to the target, then the fewest pictures; and whether that is proved."""
    vectors, members = groups.vectors, groups.members
    one, none = np.ones((vectors.shape[1], 1)), np.zeros((vectors.shape[1], 1))
    if wanted is None:  # unknowns: x (G), the smallest count, the largest count
        over, under = np.hstack([vectors.T, -one, none]), np.hstack([vectors.T, none, -one])
        rows: list = [(over, 0, np.inf), (under, -np.inf, 0)]
        weights = [-ratio.numerator, ratio.denominator]
    else:  # unknowns: x (G), nothing, the largest deviation
        over, under = np.hstack([vectors.T, none, one]), np.hstack([vectors.T, none, -one])
        rows = [(over, wanted, np.inf), (under, -np.inf, wanted)]
        weights = [0, 1]
    low = np.concatenate([groups.least, [0, 0]])
    high = np.concatenate([members * (max_repeat or REPEATS_TRIED), [np.inf, np.inf]])
    goal = np.concatenate([np.zeros(len(members)), weights])
    first, proved = _solve(goal, rows, low, high)
    if first is None:
        return None, False
    fewest = np.concatenate([np.ones(len(members)), [0, 0]])
    second, _ = _solve(fewest, [*rows, (goal[None], -np.inf, goal @ first)], low, high)
    return (first if second is None else second)[: len(members)], proved


def _solve(goal: NDArray, rows: list, low: NDArray, high: NDArray) -> tuple[NDArray | None, bool]:
    """Whole numbers within [low, high] that minimise `goal` under the rows (matrix, low, high), and if that is proved.

    None where there are none, or none was found in time.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    result = milp(
        goal,
        integrality=np.ones(len(goal)),
        bounds=Bounds(low, high),
        constraints=[LinearConstraint(*row) for row in rows],
        options={"time_limit": TIME_LIMIT_S, "mip_rel_gap": 0.0},
    )
    return (None if result.x is None else np.round(result.x).astype(np.int64)), result.status == 0
