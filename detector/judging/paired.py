"""Two detectors on the same pictures: by how much AP@.5 differs, and whether the pictures suffice to tell.

Both are judged on the same draws of pictures (paired bootstrap), so that a draw of easy pictures favours neither. A
detector may be several trainings of one recipe: in each draw their mean counts. The interval says what other pictures
of this kind could have shown; how far trainings differ among themselves is another matter, which `by_seed` shows.
Of many comparisons some intervals exclude 0 by chance, one in twenty where nothing differs: `holm` corrects for it.
Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 16; Holm, "A Simple Sequentially
Rejective Multiple Test Procedure", 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.judging.average_precision import score_classes
from detector.judging.bootstrap import drawn_aps, interval_of, mean_of_known
from detector.judging.matching import Matching


@dataclass(frozen=True)
class Draws:
    """One training, AP@.5 of each class and then their mean.  whole: (C + 1,) on all pictures; nan without truths.

    drawn: (draws, C + 1); nan where a draw holds no truth.
    """

    whole: np.ndarray
    drawn: np.ndarray


@dataclass(frozen=True)
class Difference:
    """AP of one less that of the other.  low, high: 95 % of the draws.  p: two-sided.  by_seed: of each pair of runs.

    None where a class has no truths.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    by_seed: tuple[float, ...]

    @property
    def shown(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def agreed(self) -> bool:
        """Whether each pair of runs points the same way as the mean."""
        return self.value is not None and all(one * self.value > 0 for one in self.by_seed)


def draw(matching: Matching, classes: int, pictures: int, draws: int, seed: int = 0) -> Draws:
    """matching: at IoU .5. The same seed and number of pictures draw the same pictures."""
    scores = score_classes(matching, classes, 0.0)
    whole = np.array([[np.nan if one.ap50 is None else one.ap50 for one in scores]])
    drawn = drawn_aps(matching, classes, pictures, draws, seed)[0]
    return Draws(_with_mean(whole)[0], _with_mean(drawn))


def _with_mean(table: np.ndarray) -> np.ndarray:
    return np.column_stack((table, mean_of_known(table)))


def differences(better: Sequence[Draws], base: Sequence[Draws], pairs: Sequence[tuple[int, int]]) -> list[Difference]:
    """Of each class and of the mean. pairs: which runs of the two stand in `by_seed` (the same seed, say)."""
    whole = _mean([one.whole for one in better]) - _mean([one.whole for one in base])
    drawn = _mean([one.drawn for one in better]) - _mean([one.drawn for one in base])
    each = [better[i].whole - base[j].whole for i, j in pairs]
    return [_difference(whole[k], drawn[:, k], [float(one[k]) for one in each]) for k in range(len(whole))]


def _mean(tables: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.stack(tables).mean(axis=0))


def _difference(whole: float, drawn: np.ndarray, each: list[float]) -> Difference:
    if np.isnan(whole):
        return Difference(None, None, None, None, ())
    interval, known = interval_of(drawn), drawn[~np.isnan(drawn)]
    rarer = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return Difference(
        float(whole), interval.low, interval.high, min(1.0, 2 * (rarer + 1) / (len(known) + 1)), tuple(each)
    )


def holm(ps: Sequence[float]) -> list[float]:
    """The p of each, adjusted for how many there are."""
    order = np.argsort(np.asarray(ps, dtype=float), kind="stable")
    raised = [(len(ps) - rank) * ps[i] for rank, i in enumerate(order)]
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.array(raised, dtype=float)))
    back = np.empty(len(ps))
    back[order] = adjusted
    return back.tolist()
