"""Context windows: the part of a picture that a cropped copy shows.

A window holds the boxes that are to be kept with their context (each box is at most half as wide and half as high as
what is kept round it), is at least 64 px on each side, and cuts no box in half: another box lies wholly outside, or
wholly inside.  The context may be three times as wide on one side as on the other where that leaves more boxes outside.
Of all such windows the largest is taken, which enlarges its objects least, less what would make it a strip.  At the
picture's border, and in a small picture, there is as much context as there is picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from datatools.core import areas

Window = tuple[int, int, int, int]
CONTEXT = 2.0  # sides of what is shown round a box, in sides of the box
SHARES = (0.5, 0.25, 0.75)  # of the context that lie left of the boxes, or above them
LEAST_PX = 64
MOST_LONG = 2.5  # longer side in shorter ones, where the boxes and their context allow it
_ROOM = 1.0  # pixels between a window's edge and another box


def window_of(xyxy: NDArray, kept: NDArray, size_wh: tuple[int, int]) -> Window | None:
    """The largest window for the kept boxes, xyxy whole pixels; None where only the whole picture will do.

    xyxy: (N, 4) boxes of the picture.  kept: (N,) bool, at least one.  Boxes that stand too near to be left out are
    inside, wholly.
    """
    others = _roomy(xyxy[~kept], size_wh)
    best: tuple[int, float, Window] | None = None
    for share in product(SHARES, repeat=2):
        inner, near = _grown(_context(xyxy[kept], size_wh, np.array(share)), others)
        if best is None or near.sum() <= best[0]:
            x1, y1, x2, y2 = _shortened(_largest(inner, others[~near], size_wh), inner, size_wh)
            found = int(near.sum()), -float((x2 - x1) * (y2 - y1)), (x1, y1, x2, y2)
            best = found if best is None or found[:2] < best[:2] else best
        if not best[0]:
            break
    return None if best is None or best[2] == (0, 0, *size_wh) else best[2]


def _grown(inner: NDArray, others: NDArray) -> tuple[NDArray, NDArray]:
    """The window with all of the others that it meets, wholly; and which those are, (N,) bool."""
    while True:
        near = _meet(others, inner)
        grown = _hull([inner, *others[near]])
        if (grown == inner).all():
            return inner, near
        inner = grown


def inside(xyxy: NDArray, window: Window) -> NDArray:
    """Which boxes lie wholly in the window, to a hundredth of a pixel, (N,) bool."""
    low, high = np.array(window[:2]), np.array(window[2:])
    within: NDArray = np.hstack([xyxy[:, :2] >= low - 0.01, xyxy[:, 2:] <= high + 0.01])
    return np.all(within, axis=1)


def cut(xyxy: NDArray, window: Window) -> NDArray:
    """Which boxes the window cuts in half, (N,) bool."""
    shown = np.minimum(xyxy[:, 2:], window[2:]) - np.maximum(xyxy[:, :2], window[:2])
    return (shown > 0.01).all(axis=1) & ~inside(xyxy, window)


def moved_into(xyxy: NDArray, window: Window | None) -> NDArray:
    """Boxes in the window's own pixels, (N, 4); not clipped."""
    return xyxy if window is None else xyxy - np.array([*window[:2], *window[:2]], dtype=np.float64)


def enlarged(window: Window | None, size_wh: tuple[int, int]) -> float:
    """How much larger a detector sees the window's objects: both are scaled until the longer side fits."""
    if window is None:
        return 1.0
    return max(size_wh) / max(window[2] - window[0], window[3] - window[1])


def _context(kept: NDArray, size_wh: tuple[int, int], share: NDArray) -> NDArray:
    """Hull of the kept boxes, each with its context, cut at the border, at least LEAST_PX where there is room.

    share: (2,) of the context that lie left of the boxes and above them.
    """
    sides = kept[:, 2:] - kept[:, :2]
    margin = np.maximum((CONTEXT - 1) * sides, LEAST_PX - sides)
    low, high = (kept[:, :2] - margin * share).min(axis=0), (kept[:, 2:] + margin * (1 - share)).max(axis=0)
    limit = np.array(size_wh, dtype=np.float64)
    low, high = np.floor(np.maximum(low, 0)), np.ceil(np.minimum(high, limit))
    low = np.maximum(np.minimum(low, high - LEAST_PX), 0)
    high = np.minimum(np.maximum(high, low + LEAST_PX), limit)
    return np.concatenate([low, high])


def _roomy(xyxy: NDArray, size_wh: tuple[int, int]) -> NDArray:
    """Boxes in whole pixels, with a little room round them."""
    low = np.maximum(np.floor(xyxy[:, :2] - _ROOM), 0)
    return np.hstack([low, np.minimum(np.ceil(xyxy[:, 2:] + _ROOM), size_wh)])


def _meet(boxes: NDArray, window: NDArray) -> NDArray:
    return np.all(np.hstack([boxes[:, :2] < window[2:], boxes[:, 2:] > window[:2]]), axis=1)


def _hull(boxes: Sequence[NDArray]) -> NDArray:
    stacked = np.stack(boxes)
    return np.concatenate([stacked[:, :2].min(axis=0), stacked[:, 2:].max(axis=0)])


def _shortened(window: Window, inner: NDArray, size_wh: tuple[int, int]) -> Window:
    """The window without what makes it longer than MOST_LONG; `inner` stays, as near to the middle as it was."""
    sides = window[2] - window[0], window[3] - window[1]
    if sides == size_wh or max(sides) <= MOST_LONG * min(sides):
        return window
    axis = 0 if sides[0] > sides[1] else 1
    low, high = int(inner[axis]), int(inner[axis + 2])
    wanted = max(int(MOST_LONG * min(sides)), high - low)
    if wanted >= sides[axis]:
        return window
    before = (low - window[axis]) * (wanted - (high - low)) // (sides[axis] - (high - low))
    ends = list(window)
    ends[axis], ends[axis + 2] = low - before, low - before + wanted
    return ends[0], ends[1], ends[2], ends[3]


def _largest(inner: NDArray, others: NDArray, size_wh: tuple[int, int]) -> Window:
    """The largest window round `inner` that meets none of the others: every pair of left and right edges is tried."""
    x1, y1, x2, y2 = inner.tolist()
    width, height = size_wh
    lefts = np.unique([0.0, *others[others[:, 2] <= x1, 2]])
    rights = np.unique([float(width), *others[others[:, 0] >= x2, 0]])
    left, right = (side.reshape(-1) for side in np.meshgrid(lefts, rights, indexing="ij"))
    between = (others[:, 0] < right[:, None]) & (others[:, 2] > left[:, None])  # (pairs, others)
    above, below = others[:, 3] <= y1, others[:, 1] >= y2
    top = np.where(between & above, others[:, 3], 0.0).max(axis=1, initial=0.0)
    bottom = np.where(between & below, others[:, 1], float(height)).min(axis=1, initial=float(height))
    beside = (between & ~above & ~below).any(axis=1)
    windows = np.stack([left, top, right, bottom], axis=1)
    best = int(np.argmax(np.where(beside, -1.0, areas(windows))))
    a, b, c, d = windows[best].astype(int).tolist()
    return a, b, c, d
