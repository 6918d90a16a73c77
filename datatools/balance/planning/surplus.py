"""Photographs that may be left out because they hold only boxes of which there are enough.

A class of which there are enough is *rich*.  Where a number is wanted, rich classes have more.  Where only the classes'
ratio counts, those are rich that have at least half as many boxes as the largest.  Of the pictures that hold nothing
but rich classes, those stay that fit below the largest count that the others leave, or below the number; where that
would bring a class below its number, or to nothing, only those go that it can spare.  Pictures without boxes stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.target import Target, asked_counts


def left_out(counts: NDArray, target: Target, classes: Sequence[str], rng: np.random.Generator) -> NDArray:
    """Which pictures are not needed, (P,) bool.  counts: (P, C) boxes of each photograph.

    rng decides which of the pictures that are as good as each other stay.
    """
    total = counts.sum(axis=0)
    if target.balances:
        rich = 2 * total >= total.max(initial=0)
        mixed = counts[counts[:, ~rich].sum(axis=1) > 0].sum(axis=0)
        most = np.full(len(total), max(int(mixed.max(initial=0)), int(total[~rich].max(initial=0))))
    else:
        asked = asked_counts(target, total, classes)
        rich = (total > asked) & (asked > 0)
        most = np.where(rich, asked, total)
    free = (counts.sum(axis=1) > 0) & (counts[:, ~rich].sum(axis=1) == 0)
    rows = rng.permutation(np.flatnonzero(free))
    gone = free & ~_fitting(counts, rows, most - counts[~free].sum(axis=0))
    rest = counts[~gone].sum(axis=0)
    if (rest >= most).all() if not target.balances else (rest[total > 0] > 0).all():
        return gone
    return _fitting(counts, rows, total - most)


def _fitting(counts: NDArray, rows: NDArray, room: NDArray) -> NDArray:
    """Which pictures fit into the room one after the other, (P,) bool.  rows: those that are tried, in order."""
    fits = np.zeros(len(counts), dtype=bool)
    together = (np.cumsum(counts[rows], axis=0) <= room).all(axis=1)
    start = int(np.argmin(together)) if not together.all() else len(rows)
    fits[rows[:start]] = True
    room = room - counts[rows[:start]].sum(axis=0)
    for row in rows[start:].tolist():
        if not room.any():
            break
        if (counts[row] <= room).all():
            fits[row] = True
            room = room - counts[row]
    return fits
