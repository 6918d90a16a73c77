"""Appearances of boxes that meet the target exactly, in closed form.

Class c has n_c boxes on photographs, s_c on synthetic pictures, and is to have T_c ≥ n_c.  Each of its boxes appears
⌊T_c/(n_c+s_c)⌋ or ⌈T_c/(n_c+s_c)⌉ times, so that no plan can show its most-repeated box less often; photographs get the
higher number first, and never appear less than once.  Where T_c < n_c + s_c, each of the photographs' boxes appears
once, and as many synthetic ones as are lacking: the others do not appear, and a synthetic picture none of whose boxes
does is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class _State:
    """What is handed out so far.  spoiled: (P,) boxes of synthetic pictures that are of no use to any class."""

    labels: Sequence[NDArray]
    invented: NDArray
    appearances: list[NDArray]
    repeats: NDArray
    spoiled: NDArray


def waterfill(
    labels: Sequence[NDArray], invented: NDArray, wanted: NDArray, rng: np.random.Generator, max_repeat: int = 0
) -> list[NDArray]:
    """Appearances of each box; the higher number goes where it costs the fewest new pictures.

    labels: of the boxes of each picture.  invented: (P,) bool, which pictures are synthetic.  wanted: (C,) T_c, 0 only
    for a class without boxes.  max_repeat: no box appears more often than this; 0 for no limit.
    """
    stock = _count(labels, len(wanted))
    photographed = _count([row for row, made in zip(labels, invented, strict=True) if not made], len(wanted))
    quota = wanted // np.maximum(stock, 1)
    extra = wanted - np.maximum(quota * stock, photographed)
    if max_repeat:
        extra = np.where(quota >= max_repeat, 0, extra)
        quota = np.minimum(quota, max_repeat)
    once = np.maximum(quota, 1)
    appearances = [(quota if made else once)[row] for row, made in zip(labels, invented, strict=True)]
    repeats = np.array([int(r.max(initial=not made)) for r, made in zip(appearances, invented, strict=True)], np.int64)
    useless = (quota == 0) & (extra == 0)
    spoiled = np.array([int(useless[row].sum()) if made else 0 for row, made in zip(labels, invented, strict=True)])
    state = _State(labels, invented, appearances, repeats, spoiled)
    for label in np.argsort(-quota, kind="stable").tolist():
        _hand_out(state, label, int(quota[label]) + 1, int(extra[label]), rng)
    return appearances


def _count(labels: Sequence[NDArray], n_classes: int) -> NDArray:
    return np.bincount(np.concatenate(labels) if len(labels) else np.zeros(0, int), minlength=n_classes)


def _hand_out(state: _State, label: int, higher: int, left: int, rng: np.random.Generator) -> None:
    """Raise `left` boxes of a class to `higher` appearances.

    Photographs before synthetic pictures; then where the picture appears as often anyway; then where the fewest boxes
    must be erased; then where most can be raised at once.
    """
    low = [(row == label) & (r < higher) for row, r in zip(state.labels, state.appearances, strict=True)]
    held = np.array([int(boxes.sum()) for boxes in low])
    holders = rng.permutation(np.flatnonzero(held))
    new = state.repeats[holders] < higher
    keys = (-held[holders], np.where(new, state.spoiled[holders], 0), new, state.invented[holders])
    for picture in holders[np.lexsort(keys)].tolist():
        if left == 0:
            return
        boxes = np.flatnonzero(low[picture])[:left]
        state.appearances[picture][boxes] = higher
        state.repeats[picture] = max(int(state.repeats[picture]), higher)
        left -= len(boxes)
