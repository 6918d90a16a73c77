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

from datatools.balance.planning.plan import by_picture


@dataclass(frozen=True)
class _Boxes:
    """All boxes, picture by picture: their labels and pictures, (N,).  invented, spoiled, shares: (P,) of the pictures.

    spoiled: boxes of a synthetic picture that are of no use to any class.  shares: of a picture's area, of its boxes.
    """

    labels: NDArray
    pictures: NDArray
    invented: NDArray
    spoiled: NDArray
    shares: NDArray


def waterfill(
    labels: Sequence[NDArray],
    invented: NDArray,
    wanted: NDArray,
    rng: np.random.Generator,
    max_repeat: int = 0,
    shares: NDArray | None = None,
) -> list[NDArray]:
    """Appearances of each box; the higher number goes where it costs the fewest new pictures.

    labels: of the boxes of each picture.  invented: (P,) bool, which pictures are synthetic.  wanted: (C,) T_c, 0 only
    for a class without boxes.  max_repeat: no box appears more often than this; 0 for no limit.  shares: (P,) of its
    area that a picture's boxes take.
    """
    lengths = np.array([len(row) for row in labels], dtype=np.int64)
    pictures = np.repeat(np.arange(len(labels)), lengths)
    flat = np.concatenate([np.zeros(0, np.int64), *labels]).astype(np.int64)
    made = invented[pictures]
    stock, photographed = (np.bincount(chosen, minlength=len(wanted)) for chosen in (flat, flat[~made]))
    quota = wanted // np.maximum(stock, 1)
    extra = wanted - np.maximum(quota * stock, photographed)
    if max_repeat:
        extra = np.where(quota >= max_repeat, 0, extra)
        quota = np.minimum(quota, max_repeat)
    useless = ((quota == 0) & (extra == 0))[flat] & made
    spoiled = np.bincount(pictures[useless], minlength=len(labels))
    boxes = _Boxes(flat, pictures, invented, spoiled, np.zeros(len(labels)) if shares is None else shares)
    appearances = np.where(made, quota[flat], np.maximum(quota, 1)[flat])
    repeats = (~invented).astype(np.int64)
    np.maximum.at(repeats, pictures, appearances)
    for label in np.argsort(-quota, kind="stable").tolist():
        raised = _first(boxes, label, int(quota[label]) + 1, int(extra[label]), appearances, repeats, rng)
        appearances[raised] = quota[label] + 1
        np.maximum.at(repeats, pictures[raised], quota[label] + 1)
    return by_picture(appearances, lengths)


def _first(
    boxes: _Boxes,
    label: int,
    higher: int,
    number: int,
    appearances: NDArray,
    repeats: NDArray,
    rng: np.random.Generator,
) -> NDArray:
    """The `number` boxes of a class that are to appear `higher` times, as indices.

    Photographs before synthetic pictures; then where the picture appears as often anyway; then where the fewest boxes
    must be erased; then where most can be raised at once; then where boxes take the least of the picture.
    """
    low = np.flatnonzero((boxes.labels == label) & (appearances < higher))
    held = np.bincount(boxes.pictures[low], minlength=len(repeats))
    holders = rng.permutation(np.flatnonzero(held))
    new = repeats[holders] < higher
    keys = (
        boxes.shares[holders],
        -held[holders],
        np.where(new, boxes.spoiled[holders], 0),
        new,
        boxes.invented[holders],
    )
    rank = np.zeros(len(repeats), dtype=np.int64)
    rank[holders[np.lexsort(keys)]] = np.arange(len(holders))
    return low[np.argsort(rank[boxes.pictures[low]], kind="stable")][:number]
