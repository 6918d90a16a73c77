"""Which solver finds the appearances, and what it says of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.plan import Run, Wanted, by_picture
from datatools.core import Annotation, areas
from datatools.errors import TargetError


@dataclass(frozen=True)
class Solved:
    """appearances: of the boxes of each picture.  listed, proved, reach: as in Plan; reach 0 for the plan's bound."""

    appearances: Sequence[NDArray]
    proved: bool = True
    reach: int = 0
    listed: Mapping[int, tuple[Run, ...]] = field(default_factory=dict)


def solver_of(wanted: Wanted) -> str:
    """waterfill or milp.  Raises TargetError where the recipes, or they and the solver, go not together."""
    erase = "erase" in wanted.recipes
    if "paste" in wanted.recipes and not erase:
        found = "paste without erase: nothing loses the place where it would be pasted"
        raise TargetError(f"--recipes {','.join(wanted.recipes)}", found, remedy="add erase, or leave paste out")
    if wanted.solver == "waterfill" and not (erase and wanted.prefer == "even"):
        lacks = "--prefer few" if erase else f"--recipes {','.join(wanted.recipes)}, without erase"
        raise TargetError("--solver waterfill", f"goes not with {lacks}", remedy="take --solver milp")
    if wanted.solver == "auto":
        return "waterfill" if erase and wanted.prefer == "even" else "milp"
    return wanted.solver


def solve(
    annotations: Sequence[Annotation], invented: NDArray, counts: NDArray, rng: np.random.Generator, wanted: Wanted
) -> Solved:
    """Appearances that meet the counts, or come nearest to them.

    annotations: the pictures that may be used.  invented: (P,) which of them are synthetic.  counts: (C,) wanted.
    """
    solver = solver_of(wanted)
    if solver == "waterfill":
        from datatools.balance.planning.waterfill import waterfill

        labels = [a.labels for a in annotations]
        return Solved(waterfill(labels, invented, counts, rng, wanted.max_repeat, _shares(annotations)))
    return (_exact if "erase" in wanted.recipes else _views)(annotations, invented, counts, wanted)


def counts_of(annotations: Sequence[Annotation], n_classes: int) -> NDArray:
    """(P, C) boxes of each class in each picture."""
    lengths = [len(a) for a in annotations]
    labels = np.concatenate([np.zeros(0, np.int64), *(a.labels for a in annotations)])
    place = np.repeat(np.arange(len(annotations)), lengths) * n_classes + labels
    return np.bincount(place, minlength=len(annotations) * n_classes).reshape(-1, n_classes)


def _shares(annotations: Sequence[Annotation]) -> NDArray:
    """What part of its area each picture's boxes take, (P,)."""
    lengths = np.array([len(a) for a in annotations], dtype=np.int64)
    boxes = areas(np.concatenate([np.zeros((0, 4)), *(a.xyxy for a in annotations)]))
    size = np.array([a.size_wh[0] * a.size_wh[1] for a in annotations], dtype=np.float64)
    rows = np.repeat(np.arange(len(annotations)), lengths)
    return np.bincount(rows, boxes, len(annotations)) / np.maximum(size, 1)


def _exact(annotations: Sequence[Annotation], invented: NDArray, counts: NDArray, wanted: Wanted) -> Solved:
    from datatools.balance.planning.exact import Boxes, exact_appearances

    lengths = np.array([len(a) for a in annotations], dtype=np.int64)
    labels = np.concatenate([np.zeros(0, np.int64), *(a.labels for a in annotations)])
    boxes = Boxes(labels, np.repeat(np.arange(len(annotations)), lengths), invented, _shares(annotations))
    if wanted.max_repeat:
        stock = np.bincount(labels, minlength=len(counts))
        photographed = np.bincount(labels[~invented[boxes.pictures]], minlength=len(counts))
        counts = np.maximum(np.minimum(counts, stock * wanted.max_repeat), photographed)
    found = exact_appearances(boxes, counts, wanted.prefer == "even", wanted.limit_s)
    if found is None:
        raise _late(wanted, "--solver waterfill needs none")
    return Solved(by_picture(found[0], lengths), found[1])


def _views(annotations: Sequence[Annotation], invented: NDArray, counts: NDArray, wanted: Wanted) -> Solved:
    from datatools.balance.planning.columns import grouped
    from datatools.balance.planning.share import runs_of
    from datatools.balance.planning.whole import Asked, plan_views

    held = counts_of(annotations, len(counts))
    lacking = held[~invented].sum(axis=0) < counts
    groups = grouped(annotations, held, invented, lacking, "crop" in wanted.recipes)
    numbers = None if wanted.target.balances else counts
    asked = Asked(wanted.target.ratio, numbers, wanted.max_repeat, wanted.prefer == "even", wanted.limit_s)
    found = plan_views(groups, len(counts), asked)
    if found is None:
        raise _late(wanted, "allow erasing, which needs none: --recipes whole,erase")
    appearances, listed = runs_of(groups, found.totals, annotations)
    return Solved(appearances, found.proved, found.bound, listed)


def _late(wanted: Wanted, instead: str) -> TargetError:
    found = f"no plan within {wanted.limit_s:g} s"
    return TargetError(f"--recipes {','.join(wanted.recipes)}", found, remedy=f"raise --time-limit, or {instead}")
