"""Make a plan.  Pure arithmetic on counts and boxes; no file is read.

Three ways to the counts that are wanted (see `target`):

waterfill    (recipes whole, erase) exact, at the least possible repetition, in closed form.
exact        (the same recipes) the same by integer programming: the fewest pictures, evenly or not.
whole        (recipes whole, crop) whole pictures and windows, by integer programming.

Where the recipes `crop` and `erase` are allowed, the copies that would have to lose boxes are cropped where that
distorts less (see `shapes`).  Where `paste` is allowed, the boxes of some copies move into others (see `pasting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.kin import no_kin
from datatools.balance.planning.pasting import pasted
from datatools.balance.planning.plan import BALANCED, Plan, Run, Wanted
from datatools.balance.planning.reach import out_of_reach, refuse_lacking
from datatools.balance.planning.shapes import cropped
from datatools.balance.planning.solving import Solved, counts_of, solve
from datatools.balance.planning.surplus import left_out
from datatools.balance.planning.target import asked_counts, wanted_counts
from datatools.core import Annotation, class_counts


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
    Raises TargetError where the target cannot be reached, unless a limit to the repetition was set.
    """
    made = synthetic_of(annotations, invented)
    kin = tuple(kin) or unrelated(annotations)
    gone = _left_out(annotations, classes, rng, wanted, made)
    counts, stock = _totals(annotations, classes, wanted, made, kin, gone)
    refuse_lacking(wanted.target, counts, stock, classes)
    used = np.flatnonzero(~gone & (~made | ("synthetic" in wanted.recipes)))
    erase = "erase" in wanted.recipes
    own = [_own(annotations[row], kin[row]) if erase and made[row] else annotations[row] for row in used.tolist()]
    solved = solve(own, made[used], counts, rng, wanted)
    appearances = [np.zeros(0, dtype=np.int64)] * len(annotations)
    for row, r in zip(used.tolist(), solved.appearances, strict=True):
        appearances[row] = r
    _fill_up(appearances, annotations, np.flatnonzero(made | gone), kin, erase)
    if erase:
        _carry_along(appearances, kin, np.flatnonzero(made))
    plan = assemble(annotations, classes, wanted, made, appearances, kin)
    plan = _completed(plan, solved, used, annotations, rng)
    if plan.missed and not wanted.max_repeat:
        raise out_of_reach(plan)
    return plan


def _completed(
    plan: Plan, solved: Solved, used: NDArray, annotations: Sequence[Annotation], rng: np.random.Generator
) -> Plan:
    """With the shapes of the copies, and what is proved."""
    listed = {int(used[row]): runs for row, runs in solved.listed.items()}
    if {"crop", "erase"} <= set(plan.wanted.recipes):
        listed = cropped(annotations, plan.appearances)
    plan = replace(plan, listed=listed, proved=solved.proved, reach=solved.reach or plan.bound)
    return replace(plan, listed=pasted(plan, annotations, rng)) if "paste" in plan.wanted.recipes else plan


def _own(a: Annotation, kin: NDArray) -> Annotation:
    """The picture with the boxes that repeat no other."""
    repeats = kin[:, 0] >= 0
    return a.take(~repeats) if repeats.any() else a


def unrelated(annotations: Sequence[Annotation]) -> tuple[NDArray, ...]:
    """Kin of pictures whose boxes repeat none."""
    return tuple(no_kin(len(a)) for a in annotations)


def _fill_up(
    appearances: list[NDArray], annotations: Sequence[Annotation], rows: NDArray, kin: Sequence[NDArray], erase: bool
) -> None:
    """Zeros for the boxes of these rows that were not planned: of pictures that are left out, and those with kin."""
    for row in rows.tolist():
        found = np.zeros(len(annotations[row]), dtype=np.int64)
        own = kin[row][:, 0] < 0 if erase else np.ones(len(found), dtype=bool)
        found[own & (len(appearances[row]) > 0)] = appearances[row]
        appearances[row] = found


def _carry_along(appearances: list[NDArray], kin: Sequence[NDArray], made: NDArray) -> None:
    """Show repeated boxes in the synthetic pictures that come in, as far as their photographs' appearances reach.

    In rounds, so that the pictures share them evenly.  made: rows of the synthetic pictures.
    """
    carried = [
        (row, box, *kin[row][box].tolist()) for row in made.tolist() for box in np.flatnonzero(kin[row][:, 0] >= 0)
    ]
    shown = {row: int(appearances[row].max(initial=0)) for row, *_ in carried}
    for level in range(max(shown.values(), default=0)):
        for row, box, photograph, original in carried:
            if shown[row] > level and appearances[photograph][original] > 1:
                appearances[row][box] += 1
                appearances[photograph][original] -= 1


def synthetic_of(annotations: Sequence[Annotation], invented: Sequence[bool] = ()) -> NDArray:
    """Which pictures count as synthetic, (P,) bool: those that are, unless no photograph has a box."""
    made = np.array(invented if len(invented) else np.zeros(len(annotations)), dtype=bool)
    return made & any(len(a) for a, m in zip(annotations, made.tolist(), strict=True) if not m)


def _left_out(
    annotations: Sequence[Annotation], classes: Sequence[str], rng: np.random.Generator, wanted: Wanted, made: NDArray
) -> NDArray:
    """The photographs that are left out, (P,) bool."""
    gone = np.zeros(len(annotations), dtype=bool)
    if wanted.drop_majority:
        rows = np.flatnonzero(~made)
        counts = counts_of([annotations[row] for row in rows.tolist()], len(classes))
        gone[rows] = left_out(counts, wanted.target, classes, rng)
    return gone


def _totals(
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    wanted: Wanted,
    made: NDArray,
    kin: Sequence[NDArray],
    gone: NDArray,
) -> tuple[NDArray, NDArray]:
    """(C,) boxes of each class: that it is to have; different ones that the recipes may use.

    A ratio is counted on the photographs that stay, a number on all.
    """
    before = _photographed(annotations, classes, made)
    staying = before if not gone.any() else _photographed(annotations, classes, made | gone)
    if wanted.target.balances:
        counts = wanted_counts(wanted.target, staying, classes)
    else:
        counts = np.maximum(staying, asked_counts(wanted.target, before, classes))
    if "synthetic" not in wanted.recipes or not made.any():
        return counts, staying
    pairs = (p for p in zip(annotations, kin, gone.tolist(), strict=True) if not p[2])
    return counts, class_counts([_own(a, k) for a, k, _ in pairs], len(classes))


def _photographed(annotations: Sequence[Annotation], classes: Sequence[str], not_these: NDArray) -> NDArray:
    return class_counts([a for a, m in zip(annotations, not_these.tolist(), strict=True) if not m], len(classes))


def assemble(
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    wanted: Wanted,
    made: NDArray,
    appearances: Sequence[NDArray],
    kin: Sequence[NDArray] = (),
    proved: bool = True,
    listed: Mapping[int, tuple[Run, ...]] | None = None,
) -> Plan:
    """The plan that these appearances are.  made: which pictures count as synthetic.  kin, listed: as in Plan.

    A photograph with boxes none of which appears is left out.
    """
    kin = tuple(kin) or unrelated(annotations)
    rows = zip(appearances, made.tolist(), strict=True) if wanted.drop_majority else ()
    gone = np.array([not m and len(r) > 0 and not r.any() for r, m in rows] or made & False, dtype=bool)
    counts, stock = _totals(annotations, classes, wanted, made, kin, gone)
    before = _photographed(annotations, classes, made)
    after = counts_after(annotations, appearances, len(classes))
    bound = int((-(-counts // np.maximum(stock, 1))).max(initial=1))
    fixed = tuple(classes), wanted, tuple(appearances), made, kin
    return Plan(*fixed, before, after, counts, bound, bound, proved, listed or {})


def counts_after(annotations: Sequence[Annotation], appearances: Sequence[NDArray], n_classes: int) -> NDArray:
    """Boxes of each class that a plan makes, (C,) int."""
    labels = [np.zeros(0, np.int64), *(a.labels for a in annotations)]
    shown = np.concatenate([np.zeros(0, np.int64), *appearances])
    return np.bincount(np.concatenate(labels), shown, n_classes).astype(np.int64)
