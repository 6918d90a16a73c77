"""Repeats of whole pictures that make the class counts equal, by integer programming (HiGHS through scipy)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datatools.errors import TargetError

TIME_LIMIT_S = 60.0
REPEATS_TRIED = 100  # where equality is out of reach and the user set no limit


def whole_repeats(counts: NDArray, max_repeat: int = 0) -> tuple[NDArray, bool]:
    """(appearances of each picture, (P,) int ≥ 1; whether the difference of the counts is proved minimal).

    counts: (P, C) boxes of each class in each picture.  max_repeat: 0 for no limit.
    Raises TargetError where the solver ends without a plan.
    """
    vectors, group, members = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    totals, proved = _equal(vectors, members, max_repeat), True
    if totals is None:
        totals, proved = _closest(vectors, members, max_repeat)
    if totals is None:
        found = f"no plan of whole pictures within {TIME_LIMIT_S:.0f} s"
        raise TargetError("--recipes whole", found, remedy="set --max-repeat, or allow erasing: --recipes whole,erase")
    repeats = np.ones(len(counts), dtype=np.int64)
    for k, total in enumerate(totals.tolist()):
        rows = np.flatnonzero(group.reshape(-1) == k)
        repeats[rows] = total // len(rows)
        repeats[rows[: total % len(rows)]] += 1
    return repeats, proved


def _equal(vectors: NDArray, members: NDArray, max_repeat: int) -> NDArray | None:
    """Appearances of each group for exact equality: least R first, then fewest pictures.  None where there is none."""
    highest = max_repeat or int(members.sum()) * 10
    n_classes = vectors.shape[1]
    # unknowns: x (G) appearances of a group, t the common count, R the largest repetition
    same = np.hstack([vectors.T, -np.ones((n_classes, 1)), np.zeros((n_classes, 1))])
    capped = np.hstack([np.eye(len(members)), np.zeros((len(members), 1)), -members[:, None]])
    low = np.concatenate([members, [0, 1]])
    high = np.concatenate([np.full(len(members) + 1, np.inf), [highest]])
    goal = np.concatenate([np.zeros(len(members) + 1), [1]])
    rows = [(same, 0, 0), (capped, -np.inf, 0)]
    first, _ = _solve(goal, rows, low, high)
    if first is None:
        return None
    high[-1] = first[-1]
    fewest = np.concatenate([np.ones(len(members)), [0, 0]])
    second, _ = _solve(fewest, rows, low, high)
    return (first if second is None else second)[: len(members)]


def _closest(vectors: NDArray, members: NDArray, max_repeat: int) -> tuple[NDArray | None, bool]:
    """Appearances of each group for the smallest difference of the counts, then the fewest pictures; and if proved."""
    n_classes = vectors.shape[1]
    # unknowns: x (G), the smallest count, the largest count
    over = np.hstack([vectors.T, -np.ones((n_classes, 1)), np.zeros((n_classes, 1))])
    under = np.hstack([vectors.T, np.zeros((n_classes, 1)), -np.ones((n_classes, 1))])
    low = np.concatenate([members, [0, 0]])
    high = np.concatenate([members * (max_repeat or REPEATS_TRIED), [np.inf, np.inf]])
    goal = np.concatenate([np.zeros(len(members)), [-1, 1]])
    rows = [(over, 0, np.inf), (under, -np.inf, 0)]
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
