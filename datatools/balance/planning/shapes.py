"""The shape of a copy: the whole picture with its unwanted boxes gone, or a window that leaves them outside.

Which boxes a copy keeps is decided before; of the shapes that the recipes allow, the one that distorts least is taken.
Distortion is the share of what is shown that is unwanted, and a price for enlarging: a detector scales every picture
to one size, so that a window's objects are seen larger than the camera showed them.  The price is a judgement, not a
measurement.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.plan import Run, levels
from datatools.balance.planning.windows import Window, enlarged, inside, window_of
from datatools.core import Annotation, areas

DOUBLING = 0.03  # twice as large is as bad as 3 % of the picture erased
MOST_ENLARGED = 3.0


def distortion(a: Annotation, kept: NDArray, window: Window | None = None) -> float:
    """How far a copy of this shape is from a photograph, from 0."""
    shown = np.ones(len(a), dtype=bool) if window is None else inside(a.xyxy, window)
    w, h = a.size_wh if window is None else (window[2] - window[0], window[3] - window[1])
    unwanted = float(areas(a.xyxy[shown & ~kept]).sum()) / (w * h)
    return unwanted + DOUBLING * float(np.log2(enlarged(window, a.size_wh)))


def shaped(a: Annotation, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The same copies, each cropped where that distorts less."""
    return tuple(Run(run.times, run.kept, _shape(a, run.kept)) for run in runs)


def _shape(a: Annotation, kept: NDArray) -> Window | None:
    if kept.all():
        return None
    window = window_of(a.xyxy, kept, a.size_wh)
    if window is None or enlarged(window, a.size_wh) > MOST_ENLARGED:
        return None
    return window if distortion(a, kept, window) < distortion(a, kept) else None


def cropped(annotations: Sequence[Annotation], appearances: Sequence[NDArray]) -> dict[int, tuple[Run, ...]]:
    """row -> runs of the pictures of which some copy is cropped."""
    found = {}
    for row, (a, r) in enumerate(zip(annotations, appearances, strict=True)):
        if len(r) and r.max() > 1 and r.min() < r.max():
            runs = shaped(a, levels(r))
            if any(run.window for run in runs):
                found[row] = runs
    return found
