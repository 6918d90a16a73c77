"""Which boxes of synthetic pictures are photographed ones that were carried along, unchanged.

Such a box invents nothing: it is its photograph's box once more, and is counted as that.  It is known by its place and
class: the photograph that the manifest names as a source has the same box.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation
from datatools.provenance import Provenance

NEAR_PX = 0.51  # labels are written as fractions, and read back


def kin_of(annotations: Sequence[Annotation], made: NDArray, known: Provenance) -> tuple[NDArray, ...]:
    """For each picture, (N, 2) int of its boxes: row and box of the photographed one that it repeats; -1, -1 for none.

    made: (P,) bool, which pictures are synthetic.
    """
    row_of = {a.id: row for row, a in enumerate(annotations) if not made[row]}
    kin = [no_kin(len(a)) for a in annotations]
    for row in np.flatnonzero(made).tolist():
        a = annotations[row]
        for source in known.sources(a.id):
            if source in row_of:
                kin[row] = _matched(a, annotations[row_of[source]], row_of[source])
                break
    return tuple(kin)


@lru_cache(1024)
def no_kin(n: int) -> NDArray:
    """(n, 2) of -1, read-only: one array for all pictures of so many boxes that repeat none."""
    none = np.full((n, 2), -1, dtype=np.int64)
    none.setflags(write=False)
    return none


def _matched(a: Annotation, photograph: Annotation, row: int) -> NDArray:
    """The same for one picture and its photograph; each photographed box is met once."""
    found = np.full((len(a), 2), -1, dtype=np.int64)
    free = np.ones(len(photograph), dtype=bool)
    for box in range(len(a)):
        near = np.abs(photograph.xyxy - a.xyxy[box]).max(axis=1, initial=0) <= NEAR_PX
        same = np.flatnonzero(near & (photograph.labels == a.labels[box]) & free)
        if len(same):
            found[box] = row, same[0]
            free[same[0]] = False
    return found
