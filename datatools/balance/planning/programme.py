"""Integer programmes, by HiGHS through scipy: rows, bounds, one goal after another, and a time limit for all of them.

Goals are reached in turn: what the first attained becomes a row of the second.  Where the time is up, the best that was
found counts, and is said not to be proved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

EPSILON = 1e-6
LEAST_S = 0.5  # what a goal may take when the time is up


@dataclass(frozen=True)
class Solution:
    """x: (N,) the values, rounded where they are to be whole.  proved: nothing is better."""

    x: NDArray
    proved: bool


@dataclass
class Programme:
    """low, high: (N,) bounds of the unknowns.  whole: (N,) bool, which are whole numbers.  limit_s: for all goals.

    Rows are added as sparse matrices.
    """

    low: NDArray
    high: NDArray
    whole: NDArray
    limit_s: float
    rows: list[LinearConstraint] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def add(self, matrix: sparse.spmatrix | NDArray, low: object, high: object) -> None:
        """low ≤ matrix @ x ≤ high."""
        self.rows.append(LinearConstraint(sparse.csr_array(matrix), low, high))

    @property
    def left_s(self) -> float:
        return max(self.limit_s - (time.monotonic() - self.started), LEAST_S)

    def minimise(self, goal: NDArray, *, gap: float = 0.0, share: float = 1.0) -> Solution | None:
        """The values that make goal @ x smallest; None where there are none, or none was found in time.

        gap: relative distance from the best that will do.  share: of the time that is left.
        """
        result = milp(
            goal,
            integrality=self.whole.astype(int),
            bounds=Bounds(self.low, self.high),
            constraints=self.rows,
            options={"time_limit": self.left_s * share, "mip_rel_gap": gap},
        )
        if result.x is None:
            return None
        return Solution(np.where(self.whole, np.round(result.x), result.x), result.status == 0)

    def relaxed(self, goal: NDArray) -> float | None:
        """The smallest value of the goal where nothing has to be whole; None where the rows exclude each other."""
        free = np.zeros(len(goal), dtype=int)
        options = {"time_limit": self.left_s}
        bounds = Bounds(self.low, self.high)
        result = milp(goal, integrality=free, bounds=bounds, constraints=self.rows, options=options)
        return None if result.x is None else float(result.fun)

    def settle(self, goal: NDArray, found: Solution, slack: float = EPSILON) -> None:
        """The goal is to stay as low as it was found to be; slack: relative."""
        reached = float(goal @ found.x)
        self.add(goal[None], -np.inf, reached + abs(reached) * slack + EPSILON)
