"""Divide what a group of alike pictures is to appear among its pictures, as evenly as whole numbers allow.

Along each way from a picture's smallest view to the whole picture, the counts add up to ⌊y/m⌋ or ⌈y/m⌉ for each of m
pictures: what is left over goes round the pictures in turn, and a view goes on where the view around it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.columns import Group
from datatools.balance.planning.plan import Run
from datatools.core import Annotation


def divided(group: Group, totals: NDArray) -> NDArray:
    """(M, V) appearances of each view of each picture.  totals: (V,) of all together."""
    m = len(group.rows)
    found = np.empty((m, len(totals)), dtype=np.int64)
    stopped: list[int] = []
    for view, total in enumerate(totals.tolist()):
        start = stopped[group.parents[view]] if view else 0
        found[:, view] = total // m
        found[(start + np.arange(total % m)) % m, view] += 1
        stopped.append((start + total) % m)
    return found


def runs_of(
    groups: Sequence[Group], totals: Sequence[NDArray], annotations: Sequence[Annotation]
) -> tuple[list[NDArray], dict[int, tuple[Run, ...]]]:
    """(appearances of the boxes of each picture, runs of the pictures that show windows)."""
    appearances = [np.zeros(0, dtype=np.int64)] * len(annotations)
    listed = {}
    for group, total in zip(groups, totals, strict=True):
        for member, (row, times) in enumerate(zip(group.rows.tolist(), divided(group, total).tolist(), strict=True)):
            views = group.views[member] if group.views else ()
            shown = np.full(len(annotations[row]), times[0], dtype=np.int64)
            for view, n in zip(views[1:], times[1:], strict=True):
                shown += n * view.kept
            appearances[row] = shown
            if any(times[1:]):
                pairs = zip(views, [times[0] - 1, *times[1:]], strict=True)
                listed[row] = tuple(Run(n, view.kept, view.window) for view, n in pairs if n)
    return appearances, listed
