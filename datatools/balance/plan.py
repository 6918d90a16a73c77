"""The plan: how often each box of the training split is to appear.  Pure arithmetic on counts.

A plan is one whole number a box, its *appearances* (the original counts as one).  A picture gets as many appearances
as its neediest box; in the s-th (from 0) those boxes are erased whose appearances are spent.  Where all boxes of a
picture have the same number, nothing is ever erased.

Two ways to reach the wanted counts T_c ≥ n_c (see `target`), of classes with n_c boxes each:

waterfill    (recipes whole, erase) each box of class c appears ⌊T_c/n_c⌋ or ⌈T_c/n_c⌉ times.  Exact; no plan that
             invents no boxes can show its most-repeated box less often, since n_c boxes must make T_c appearances.
whole        (recipe whole) whole pictures only, by integer programming (see `whole`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datatools.balance.target import EQUAL, Target, wanted_counts
from datatools.core import Annotation, areas, class_counts
from datatools.errors import TargetError

RECIPES = ("whole", "erase")


@dataclass(frozen=True)
class Plan:
    """appearances: for each picture, (N,) int of its boxes, all ≥ 1.  repeats: (P,) int appearances of each picture.

    before, after: (C,) boxes of each class.  recipes: those that were allowed.  limit: --max-repeat, 0 for none.
    bound: least possible largest repetition that meets the target without invented boxes.
    target: what was asked for; wanted: (C,) boxes that each class is to have by it.
    proved: no plan with these recipes and this limit misses it by less.
    """

    classes: tuple[str, ...]
    recipes: tuple[str, ...]
    appearances: tuple[NDArray, ...]
    repeats: NDArray
    before: NDArray
    after: NDArray
    bound: int
    limit: int = 0
    proved: bool = True
    target: Target = EQUAL
    wanted: NDArray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def difference(self) -> int:
        """Largest minus smallest class count after the plan; 0 is equality."""
        return int(self.after.max() - self.after.min())

    @property
    def missed(self) -> int:
        """Boxes by which the target is missed: by the class that is furthest off, or by the smallest class."""
        if not self.target.balances:
            return int(np.abs(self.after - self.wanted).max())
        ratio = self.target.ratio
        return max(0, -(-int(self.after.max()) * ratio.denominator // ratio.numerator) - int(self.after.min()))

    @property
    def copies(self) -> int:
        """New pictures."""
        return int((self.repeats - 1).sum())

    def kept(self, picture: int, copy: int) -> NDArray:
        """Which boxes stay in the copy-th appearance (0 is the original), (N,) bool."""
        return self.appearances[picture] > copy


def make_plan(
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    rng: np.random.Generator,
    recipes: Sequence[str] = RECIPES,
    max_repeat: int = 0,
    target: Target = EQUAL,
) -> Plan:
    """The plan that brings every class to its target.

    max_repeat: no box appears more often than this; 0 for no limit.  rng decides only between equals.
    Raises TargetError where a class that is to have boxes has none: nothing can be repeated then.
    """
    before = class_counts(annotations, len(classes))
    wanted = wanted_counts(target, before, classes)
    _refuse_lacking(target, wanted, before, classes)
    bound = int((-(-wanted // np.maximum(before, 1))).max(initial=1))
    proved = True
    if "erase" in recipes:
        appearances = waterfill([a.labels for a in annotations], before, wanted, rng, max_repeat)
    else:
        from datatools.balance.whole import whole_repeats

        counts = np.stack([np.bincount(a.labels, minlength=len(classes)) for a in annotations])
        repeats, proved = whole_repeats(counts, max_repeat, target.ratio, None if target.balances else wanted)
        appearances = [np.full(len(a), r) for a, r in zip(annotations, repeats.tolist(), strict=True)]
    repeats = np.array([int(r.max(initial=1)) for r in appearances], dtype=np.int64)
    after = counts_after(annotations, appearances, len(classes))
    return Plan(
        tuple(classes),
        tuple(recipes),
        tuple(appearances),
        repeats,
        before,
        after,
        bound,
        max_repeat,
        proved,
        target,
        wanted,
    )


def counts_after(annotations: Sequence[Annotation], appearances: Sequence[NDArray], n_classes: int) -> NDArray:
    """Boxes of each class that a plan makes, (C,) int."""
    after = np.zeros(n_classes, dtype=np.int64)
    for a, r in zip(annotations, appearances, strict=True):
        np.add.at(after, a.labels, r)
    return after


def _refuse_lacking(target: Target, wanted: NDArray, before: NDArray, classes: Sequence[str]) -> None:
    lacking = [classes[k] for k in np.flatnonzero((before == 0) & ((wanted > 0) | (not before.any()))).tolist()]
    if lacking or not len(before):
        so = "equal counts are impossible" if target.equal else "there is nothing to repeat"
        found = f"no box of {', '.join(lacking) or 'any class'} in the training split, so {so}"
        remedy = "add pictures of it, or convert with --drop or other --classes"
        raise TargetError(f"--target {target.text}", found, remedy=remedy)


def waterfill(
    labels: Sequence[NDArray], counts: NDArray, wanted: NDArray, rng: np.random.Generator, max_repeat: int = 0
) -> list[NDArray]:
    """Appearances of each box: ⌊T_c/n_c⌋ or ⌈T_c/n_c⌉, the higher number where it costs the fewest new pictures.

    labels: of the boxes of each picture.  counts: (C,) n_c.  wanted: (C,) T_c ≥ n_c, 0 only where n_c is.
    """
    quota = wanted // np.maximum(counts, 1)
    extra = wanted % np.maximum(counts, 1)
    if max_repeat:
        extra = np.where(quota >= max_repeat, 0, extra)
        quota = np.minimum(quota, max_repeat)
    appearances = [quota[picture] for picture in labels]
    repeats = np.array([int(r.max(initial=1)) for r in appearances], dtype=np.int64)
    for label in np.argsort(-quota, kind="stable").tolist():
        _hand_out(label, int(quota[label]) + 1, int(extra[label]), labels, appearances, repeats, rng)
    return appearances


def _hand_out(
    label: int,
    higher: int,
    left: int,
    labels: Sequence[NDArray],
    appearances: list[NDArray],
    repeats: NDArray,
    rng: np.random.Generator,
) -> None:
    """Give `left` boxes of a class one appearance more: first where the picture is repeated as often anyway."""
    held = np.array([int((picture == label).sum()) for picture in labels])
    holders = rng.permutation(np.flatnonzero(held))
    free = repeats[holders] >= higher
    for picture in holders[np.lexsort((-held[holders], ~free))].tolist():
        if left == 0:
            return
        boxes = np.flatnonzero(labels[picture] == label)[:left]
        appearances[picture][boxes] = higher
        repeats[picture] = max(int(repeats[picture]), higher)
        left -= len(boxes)


@dataclass(frozen=True)
class PlanFigures:
    """What a plan costs.  For each class: largest repetition, and effective sample size (Σr)²/Σr² (Kish 1965).

    erased_share: mean part of a copy's area that is erased; untouched: share of the copies that erase nothing.
    """

    max_repeat: tuple[int, ...]
    effective: tuple[float, ...]
    erased_share: float
    untouched: float


def plan_figures(plan: Plan, annotations: Sequence[Annotation]) -> PlanFigures:
    """Figures of a plan for the pictures that it was made from."""
    labels = np.concatenate([a.labels for a in annotations])
    r = np.concatenate(plan.appearances)
    rows = [r[labels == k].astype(np.float64) for k in range(len(plan.classes))]
    effective = tuple(float(x.sum() ** 2 / max((x**2).sum(), 1.0)) for x in rows)
    erased, whole = [], 0
    for picture, a in enumerate(annotations):
        share = areas(a.xyxy) / (a.size_wh[0] * a.size_wh[1])
        for copy in range(1, int(plan.repeats[picture])):
            gone = ~plan.kept(picture, copy)
            whole += not gone.any()
            erased.append(float(share[gone].sum()))
    mean = float(np.mean(erased)) if erased else 0.0
    return PlanFigures(tuple(int(x.max(initial=0)) for x in rows), effective, mean, whole / max(len(erased), 1))
