"""The plan: how often each box of the training split is to appear.  Pure arithmetic on counts.

A plan is one whole number a box, its *appearances* (the original counts as one).  A picture gets as many appearances
as its neediest box; in the s-th (from 0) those boxes are erased whose appearances are spent.  Where all boxes of a
picture have the same number, nothing is ever erased.

Photographs always come over whole.  Synthetic pictures of the split come in as far as they are needed, if the recipe
`synthetic` allows it: a box of theirs that is not needed is erased, and a picture with none that is, is left out.  A
box that was carried along from the photograph, unchanged, is that box once more (see `kin`): what is shown of it is
taken off the photograph's own appearances, so that no repetition is hidden.

Two ways to the counts that are wanted (see `target`):

waterfill    (recipes whole, erase) exact, at the least possible repetition, in closed form.
whole        (recipe whole) whole pictures only, by integer programming.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datatools.balance.target import EQUAL, Target, wanted_counts
from datatools.core import Annotation, areas, class_counts
from datatools.errors import TargetError

RECIPES = ("whole", "erase", "synthetic")


@dataclass(frozen=True)
class Wanted:
    """What is asked of a plan.  max_repeat: no box appears more often; 0 for no limit."""

    target: Target = EQUAL
    recipes: tuple[str, ...] = RECIPES
    max_repeat: int = 0
    seed: int = 0


BALANCED = Wanted()


@dataclass(frozen=True)
class Plan:
    """appearances: for each picture, (N,) int of its boxes; 0 only on synthetic pictures.  invented: (P,) bool.

    kin: for each picture, (N, 2) row and box that each of its boxes repeats, -1 for none (see `kin_of`).
    before: (C,) boxes of each class on photographs.  after: with the plan.  counts: that each class is to have.
    bound: least possible largest repetition that meets the target with these pictures.
    proved: no plan with these recipes and this limit misses it by less.
    """

    classes: tuple[str, ...]
    wanted: Wanted
    appearances: tuple[NDArray, ...]
    invented: NDArray
    kin: tuple[NDArray, ...]
    before: NDArray
    after: NDArray
    counts: NDArray
    bound: int
    proved: bool = True

    @cached_property
    def repeats(self) -> NDArray:
        """Appearances of each picture, (P,) int; 0 where a synthetic picture is left out."""
        pairs = zip(self.appearances, self.invented.tolist(), strict=True)
        return np.array([int(r.max(initial=not made)) for r, made in pairs], dtype=np.int64)

    @property
    def difference(self) -> int:
        """Largest minus smallest class count after the plan; 0 is equality."""
        return int(self.after.max() - self.after.min())

    @property
    def missed(self) -> int:
        """Boxes by which the target is missed: by the class that is furthest off, or by the smallest class."""
        if not self.wanted.target.balances:
            return int(np.abs(self.after - self.counts).max())
        ratio = self.wanted.target.ratio
        return max(0, -(-int(self.after.max()) * ratio.denominator // ratio.numerator) - int(self.after.min()))

    @property
    def copies(self) -> int:
        """New pictures."""
        return int(np.maximum(self.repeats - 1, 0).sum())

    def kept(self, picture: int, copy: int) -> NDArray:
        """Which boxes stay in the copy-th appearance (0 is the original), (N,) bool."""
        return self.appearances[picture] > copy

    def comes_whole(self, picture: int) -> bool:
        """Whether the picture itself comes over with all of its boxes; every photograph does."""
        return bool(self.repeats[picture] and self.kept(picture, 0).all())


def make_plan(
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    rng: np.random.Generator,
    wanted: Wanted = BALANCED,
    invented: Sequence[bool] = (),
    kin: Sequence[NDArray] = (),
) -> Plan:
    """The plan that brings every class to its target, which is counted on photographs.

    invented: which pictures are synthetic; none by default.  Where no photograph has a box, none counts as synthetic.
    kin: as in Plan; by default no box repeats another.
    rng decides only between equals.
    Raises TargetError where a class that is to have boxes has none: nothing can be repeated then.
    """
    made = synthetic_of(annotations, invented)
    used = np.flatnonzero(~made | ("synthetic" in wanted.recipes))
    kin = tuple(kin) or unrelated(annotations)
    own = [a.take(k[:, 0] < 0) if "erase" in wanted.recipes else a for a, k in zip(annotations, kin, strict=True)]
    _, counts, stock = _totals(annotations, classes, wanted, made, kin)
    _refuse_lacking(wanted.target, counts, stock, classes)
    found, proved = _appearances([own[row] for row in used.tolist()], made[used], counts, rng, wanted)
    appearances = [np.zeros(len(a), dtype=np.int64) for a in annotations]
    for row, r in zip(used.tolist(), found, strict=True):
        appearances[row][kin[row][:, 0] < 0 if "erase" in wanted.recipes else slice(None)] = r
    if "erase" in wanted.recipes:
        _carry_along(appearances, kin)
    return assemble(annotations, classes, wanted, made, appearances, proved, kin)


def unrelated(annotations: Sequence[Annotation]) -> tuple[NDArray, ...]:
    """Kin of pictures whose boxes repeat none."""
    return tuple(np.full((len(a), 2), -1, dtype=np.int64) for a in annotations)


def _carry_along(appearances: list[NDArray], kin: Sequence[NDArray]) -> None:
    """Show repeated boxes in the synthetic pictures that come in, as far as their photographs' appearances reach.

    In rounds, so that the pictures share them evenly.
    """
    shown = [int(r.max(initial=0)) for r in appearances]
    carried = [(row, box, *k[box].tolist()) for row, k in enumerate(kin) for box in np.flatnonzero(k[:, 0] >= 0)]
    for level in range(max((shown[row] for row, *_ in carried), default=0)):
        for row, box, photograph, original in carried:
            if shown[row] > level and appearances[photograph][original] > 1:
                appearances[row][box] += 1
                appearances[photograph][original] -= 1


def synthetic_of(annotations: Sequence[Annotation], invented: Sequence[bool] = ()) -> NDArray:
    """Which pictures count as synthetic, (P,) bool: those that are, unless no photograph has a box."""
    made = np.array(invented if len(invented) else np.zeros(len(annotations)), dtype=bool)
    return made & any(len(a) for a, m in zip(annotations, made, strict=True) if not m)


def _totals(
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    wanted: Wanted,
    made: NDArray,
    kin: Sequence[NDArray],
) -> tuple[NDArray, NDArray, NDArray]:
    """(C,) boxes of each class: on photographs, that it is to have, different ones that the recipes may use."""
    before = class_counts([a for a, m in zip(annotations, made, strict=True) if not m], len(classes))
    own = [a.take(k[:, 0] < 0) for a, k in zip(annotations, kin, strict=True)]
    stock = class_counts(own, len(classes)) if "synthetic" in wanted.recipes else before
    return before, wanted_counts(wanted.target, before, classes), stock


def assemble(
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    wanted: Wanted,
    made: NDArray,
    appearances: Sequence[NDArray],
    proved: bool,
    kin: Sequence[NDArray] = (),
) -> Plan:
    """The plan that these appearances are.  made: which pictures count as synthetic.  kin: as in Plan."""
    kin = tuple(kin) or unrelated(annotations)
    before, counts, stock = _totals(annotations, classes, wanted, made, kin)
    after = counts_after(annotations, appearances, len(classes))
    bound = int((-(-counts // np.maximum(stock, 1))).max(initial=1))
    return Plan(tuple(classes), wanted, tuple(appearances), made, tuple(kin), before, after, counts, bound, proved)


def _appearances(
    annotations: Sequence[Annotation], invented: NDArray, counts: NDArray, rng: np.random.Generator, wanted: Wanted
) -> tuple[list[NDArray], bool]:
    """(appearances of the boxes of each picture, whether no plan comes closer to the counts)."""
    if "erase" in wanted.recipes:
        from datatools.balance.waterfill import waterfill

        return waterfill([a.labels for a in annotations], invented, counts, rng, wanted.max_repeat), True
    from datatools.balance.whole import whole_repeats

    held = np.stack([np.bincount(a.labels, minlength=len(counts)) for a in annotations])
    numbers = None if wanted.target.balances else counts
    repeats, proved = whole_repeats(held, invented, wanted.max_repeat, wanted.target.ratio, numbers)
    return [np.full(len(a), r) for a, r in zip(annotations, repeats.tolist(), strict=True)], proved


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


@dataclass(frozen=True)
class PlanFigures:
    """What a plan costs.  For each class: largest repetition, and effective sample size (Σr)²/Σr² (Kish 1965).

    distinct, invented: different boxes of each class that appear, and those of them on synthetic pictures.
    erased_share: mean part of a copy's area that is erased; untouched: share of the copies that erase nothing.
    """

    max_repeat: tuple[int, ...]
    distinct: tuple[int, ...]
    invented: tuple[int, ...]
    effective: tuple[float, ...]
    erased_share: float
    untouched: float


def plan_figures(plan: Plan, annotations: Sequence[Annotation]) -> PlanFigures:
    """Figures of a plan for the pictures that it was made from."""
    labels = np.concatenate([a.labels for a in annotations])
    r, own = _shown(plan)
    made = np.repeat(plan.invented, [len(a) for a in annotations])
    classes = range(len(plan.classes))
    rows = [r[own & (labels == k)].astype(np.float64) for k in classes]
    effective = tuple(float(x.sum() ** 2 / max((x**2).sum(), 1.0)) for x in rows)
    most = tuple(int(x.max(initial=0)) for x in rows)
    distinct = tuple(int((x > 0).sum()) for x in rows)
    invented = tuple(int(((labels == k) & own & made & (r > 0)).sum()) for k in classes)
    erased, whole = [], 0
    for picture, a in enumerate(annotations):
        share = areas(a.xyxy) / (a.size_wh[0] * a.size_wh[1])
        for copy in range(int(plan.comes_whole(picture)), int(plan.repeats[picture])):
            gone = ~plan.kept(picture, copy)
            whole += not gone.any()
            erased.append(float(share[gone].sum()))
    mean = float(np.mean(erased)) if erased else 0.0
    return PlanFigures(most, distinct, invented, effective, mean, whole / max(len(erased), 1))


def _shown(plan: Plan) -> tuple[NDArray, NDArray]:
    """How often each box is shown, wherever it is, (N,) int; and which boxes repeat no other, (N,) bool."""
    starts = np.concatenate([[0], np.cumsum([len(r) for r in plan.appearances])])
    shown = np.concatenate(plan.appearances).astype(np.int64)
    kin = np.concatenate(plan.kin)
    carried = kin[:, 0] >= 0
    np.add.at(shown, starts[kin[carried, 0]] + kin[carried, 1], shown[carried].copy())
    return shown, ~carried
