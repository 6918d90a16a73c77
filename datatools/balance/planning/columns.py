"""What a picture can be shown as without erasing anything: the whole picture, or windows round the boxes that lack.

A picture's *views* form a tree: the whole picture, windows in it, windows in those.  Two windows that are kept either
have no box in common, or one has all boxes of the other; so each box has one smallest view, and appears as often as
the views from there up to the whole picture together.

Pictures whose trees hold the same counts are alike, and are planned together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.shapes import MOST_ENLARGED, distortion
from datatools.balance.planning.windows import Window, enlarged, inside, window_of
from datatools.core import Annotation

Signature = tuple  # (counts of the boxes whose smallest view this is, signatures of the views in it)


@dataclass(frozen=True, eq=False)
class View:
    """kept: (N,) bool, boxes inside.  window: None for the whole picture.  parent: index of the view around, -1."""

    kept: NDArray
    window: Window | None
    parent: int


@dataclass(frozen=True, eq=False)
class Group:
    """Alike pictures.  rows: which.  views: of each of them, in the same order, the whole picture first; parents first.

    own: (V, C) boxes whose smallest view it is, of one picture.  parents: (V,).  least: appearances of a picture that
    cannot be left away, 0 or 1.  price: (V,) mean distortion.
    """

    rows: NDArray
    views: tuple[tuple[View, ...], ...]
    own: NDArray
    parents: tuple[int, ...]
    least: int
    price: NDArray

    @property
    def paths(self) -> NDArray:
        """(V, V) bool: [j, i] where i is view j or around it."""
        found = np.eye(len(self.parents), dtype=bool)
        for j, parent in enumerate(self.parents):
            if parent >= 0:
                found[j] |= found[parent]
        return found


def grouped(
    annotations: Sequence[Annotation], counts: NDArray, invented: NDArray, lacking: NDArray, crop: bool
) -> list[Group]:
    """The groups, in order of their first picture.  counts: (P, C).  lacking: (C,) classes that are to get more boxes.

    crop: may windows be used?  Synthetic pictures have none.
    """
    seen: dict[Signature, list[tuple[int, tuple[View, ...]]]] = {}
    windowed = np.zeros(len(annotations), dtype=bool)
    if crop:
        for row in np.flatnonzero((counts[:, lacking].sum(axis=1) > 0) & ~invented).tolist():
            signature, views = _tree(annotations[row], lacking)
            if len(views) > 1:
                windowed[row] = True
                seen.setdefault(signature, []).append((row, views))
    plain = [_plain(rows, counts, invented) for rows in alike(counts, invented, ~windowed)]
    return sorted(plain + [_windowed(annotations, s, some) for s, some in seen.items()], key=lambda g: int(g.rows[0]))


def alike(counts: NDArray, invented: NDArray, chosen: NDArray) -> list[NDArray]:
    """Rows of the chosen pictures that have equal counts, and are both photographs or both synthetic."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return []
    table = np.hstack([counts[rows], invented[rows, None]]).astype(np.int64)
    top = table.max(axis=0) + 1
    if float(np.prod(top.astype(np.float64))) < 2**62:  # one number a picture is sorted ten times as fast
        table = (table * np.concatenate([[1], np.cumprod(top[:-1])])).sum(axis=1, keepdims=True)
    _, group = np.unique(table, axis=0, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(group.reshape(-1)[order])) + 1)


def _plain(rows: NDArray, counts: NDArray, invented: NDArray) -> Group:
    return Group(rows, (), counts[rows[:1]], (-1,), int(not invented[rows[0]]), np.zeros(1))


def _windowed(annotations: Sequence[Annotation], signature: Signature, some: list) -> Group:
    rows = np.array([row for row, _ in some])
    views = tuple(views for _, views in some)
    own = np.array(list(_own(signature)))
    prices = [[distortion(annotations[r], v.kept, v.window) for v in vs] for r, vs in some]
    return Group(rows, views, own, tuple(v.parent for v in views[0]), 1, np.mean(prices, axis=0))


def _own(signature: Signature):
    yield signature[0]
    for child in signature[1]:
        yield from _own(child)


def _tree(a: Annotation, lacking: NDArray) -> tuple[Signature, tuple[View, ...]]:
    """The picture's signature, and its views in the signature's order."""
    chosen = _laminar(_candidates(a, lacking), lacking[a.labels])
    every = np.ones(len(a), dtype=bool)
    sets = [every, *(kept for kept, _ in chosen)]
    windows = [None, *(window for _, window in chosen)]
    around = [_around(k, sets) for k in range(len(sets))]

    def walk(k: int) -> tuple[Signature, list[int]]:
        below = sorted((walk(j) for j in range(len(sets)) if around[j] == k), key=lambda found: found[0])
        rest = sets[k] & ~np.any([sets[order[0]] for _, order in below], axis=0) if below else sets[k]
        own = tuple(np.bincount(a.labels[rest], minlength=len(lacking)).tolist())
        return (own, tuple(s for s, _ in below)), [k, *(j for _, order in below for j in order)]

    signature, order = walk(0)
    place = {k: n for n, k in enumerate(order)}
    return signature, tuple(View(sets[k], windows[k], place.get(around[k], -1)) for k in order)


def _candidates(a: Annotation, lacking: NDArray) -> list[tuple[NDArray, Window]]:
    """(boxes inside, window) of each box of a class that lacks some, and of all such boxes together; each set once."""
    needed = lacking[a.labels]
    starts = [np.arange(len(a)) == k for k in np.flatnonzero(needed)]
    starts += [needed] if needed.sum() > 1 else []
    found: dict[bytes, tuple[NDArray, Window]] = {}
    for start in starts:
        window = window_of(a.xyxy, start, a.size_wh)
        if window is not None and enlarged(window, a.size_wh) <= MOST_ENLARGED:
            kept = inside(a.xyxy, window)
            if not kept.all():
                found.setdefault(kept.tobytes(), (kept, window))
    return list(found.values())


def _laminar(found: list[tuple[NDArray, Window]], needed: NDArray) -> list[tuple[NDArray, Window]]:
    """Those that are either apart from each other or one in the other; first those with the fewest boxes of no need."""
    chosen: list[tuple[NDArray, Window]] = []
    for kept, window in sorted(found, key=lambda one: (int((one[0] & ~needed).sum()), int(one[0].sum()))):
        if all(not (kept & k).any() or not (kept & ~k).any() or not (k & ~kept).any() for k, _ in chosen):
            chosen.append((kept, window))
    return chosen


def _around(k: int, sets: list[NDArray]) -> int:
    """Index of the smallest set around set k; -1 for the first, which is all boxes."""
    larger = [j for j in range(len(sets)) if j != k and not (sets[k] & ~sets[j]).any()]
    return min(larger, key=lambda j: int(sets[j].sum())) if k else -1
