"""Appearances of boxes where unwanted ones lose their label, by integer programming over groups of alike pictures.

Group g has m_g pictures with v_gc boxes of class c.  Unknown are n_g, the appearances of its pictures, and k_gc, those
of its boxes of class c: m_g ≤ n_g ≤ R m_g and m_g v_gc ≤ k_gc ≤ v_gc n_g (from 0 for synthetic pictures), and
Σ_g k_gc is the target T_c.  R is the least that is possible, ⌈T_c/n_c⌉ of the neediest class, as for the water-fill.

even    each box of a class of n boxes appears ⌊T/n⌋ or ⌈T/n⌉ times; then the fewest pictures
few     the fewest pictures; then the most even appearances with them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from datatools.balance.planning.columns import alike
from datatools.balance.planning.programme import Programme
from datatools.balance.planning.whole import GAP, LEVELS


@dataclass(frozen=True)
class Boxes:
    """All boxes, picture by picture: labels and pictures, (N,).  invented, share: (P,) of the pictures.

    share: of its area that a picture's boxes take; less is erased from a copy of one with a small share.
    """

    labels: NDArray
    pictures: NDArray
    invented: NDArray
    share: NDArray

    def counts(self, n_classes: int) -> NDArray:
        """(P, C) boxes of each class in each picture."""
        place = self.pictures * n_classes + self.labels
        return np.bincount(place, minlength=len(self.invented) * n_classes).reshape(-1, n_classes)


@dataclass(frozen=True)
class _Groups:
    """rows: pictures of each group.  vectors: (G, C) counts of one.  members: (G,).  made: (G,) bool, synthetic."""

    rows: Sequence[NDArray]
    vectors: NDArray
    members: NDArray
    made: NDArray


def exact_appearances(boxes: Boxes, wanted: NDArray, even: bool, limit_s: float) -> tuple[NDArray, bool] | None:
    """(appearances of each box, (N,); whether no plan has fewer pictures); None where none was found in time.

    wanted: (C,) T_c, at least the boxes on photographs, 0 only for a class without boxes.
    """
    counts = boxes.counts(len(wanted))
    rows = alike(counts, boxes.invented, np.ones(len(counts), dtype=bool))
    first = np.array([r[0] for r in rows])
    members = np.array([len(r) for r in rows])
    groups = _Groups(rows, counts[first], members, boxes.invented[first])
    solved = _solved(groups, wanted, even, limit_s)
    if solved is None:
        return None
    shown, kept, proved = solved
    return _divided(boxes, groups, shown, kept), proved


def _solved(groups: _Groups, wanted: NDArray, even: bool, limit_s: float) -> tuple[NDArray, NDArray, bool] | None:
    """(n (G,), k (G, C), proved).  Unknowns: n, then k where a group has boxes of the class, then their squares z."""
    g, c = np.nonzero(groups.vectors)
    v, m = groups.vectors[g, c], groups.members[g]
    n_groups, n_kept = len(groups.members), len(g)
    stock = np.maximum(groups.members @ groups.vectors, 1)
    most = int((-(-wanted // stock)).max(initial=1))
    least = np.where(groups.made, 0, groups.members)
    low, high = _even_bounds(groups, wanted, stock, most) if even else (least[g] * v, most * m * v)
    z = np.zeros(n_kept)
    whole = np.concatenate([np.ones(n_groups + n_kept, bool), np.zeros(n_kept, bool)])
    programme = Programme(
        np.concatenate([least, low, z]), np.concatenate([most * groups.members, high, z + np.inf]), whole, limit_s
    )
    kept, blank = sparse.eye_array(n_kept), sparse.csr_array((n_kept, n_kept))
    shown = sparse.csr_array((v, (np.arange(n_kept), g)), shape=(n_kept, n_groups))
    programme.add(sparse.hstack([-shown, kept, blank]), -np.inf, 0)
    sums = sparse.csr_array((np.ones(n_kept), (c, np.arange(n_kept))), shape=(len(wanted), n_kept))
    programme.add(sparse.hstack([sparse.csr_array((len(wanted), n_groups)), sums, 0 * sums]), wanted, wanted)
    fewest = np.concatenate([np.ones(n_groups), z, z])
    found = programme.minimise(fewest, share=1.0 if even else 0.6)
    if found is None:
        return None
    proved = found.proved
    if not even:
        programme.settle(fewest, found)
        levels = [int(x) for x in LEVELS if x < most] + [most]
        for a, b in zip([0, *levels], levels, strict=False):
            mean = sparse.diags_array((a + b) / (m * v))
            programme.add(sparse.hstack([sparse.csr_array((n_kept, n_groups)), mean, -kept]), -np.inf, a * b)
        squares = np.concatenate([np.zeros(n_groups), z, m * v * (stock / np.maximum(wanted, 1) ** 2)[c]])
        found = programme.minimise(squares, gap=GAP) or found
    k = np.zeros_like(groups.vectors)
    k[g, c] = found.x[n_groups : n_groups + n_kept].astype(np.int64)
    return found.x[:n_groups].astype(np.int64), k, proved


def _even_bounds(groups: _Groups, wanted: NDArray, stock: NDArray, most: int) -> tuple[NDArray, NDArray]:
    """Bounds of k that leave each box the floor or the ceiling of its quota."""
    g, c = np.nonzero(groups.vectors)
    boxes = groups.vectors[g, c] * groups.members[g]
    quota = (wanted // stock)[c]
    spare = ((wanted % stock) > 0)[c] & ((quota > 0) | groups.made[g])
    lowest = np.where(groups.made[g], quota, np.maximum(quota, 1))
    return lowest * boxes, np.minimum(lowest + spare, most) * boxes


def _divided(boxes: Boxes, groups: _Groups, shown: NDArray, kept: NDArray) -> NDArray:
    """Appearances of each box: a group's are spread over its pictures and their boxes as evenly as can be.

    The pictures of a group that appear once more are those with the smallest boxes, and their boxes go first.
    """
    n_pictures, n_classes = len(boxes.invented), kept.shape[1]
    base, extra = (np.zeros((n_pictures, n_classes), dtype=np.int32) for _ in range(2))
    for g, rows in enumerate(groups.rows):
        order = rows[np.argsort(boxes.share[rows], kind="stable")]
        held = np.maximum(groups.vectors[g], 1)
        each, over = np.divmod(kept[g], held * len(rows))
        base[order] = each
        extra[order] = np.clip(over - held * np.arange(len(rows))[:, None], 0, held)
    order = np.lexsort([boxes.labels, boxes.pictures])
    place = (boxes.pictures * n_classes + boxes.labels)[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(place) != 0])) if len(place) else np.zeros(0, int)
    rank = np.empty(len(place), dtype=np.int64)
    rank[order] = np.arange(len(place)) - np.repeat(starts, np.diff([*starts, len(place)]))
    at = boxes.pictures, boxes.labels
    return base[at] + (rank < extra[at])
