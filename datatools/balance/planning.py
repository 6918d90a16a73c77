"""Make a plan.  Pure arithmetic on counts and boxes; no file is read.

Two ways to the counts that are wanted (see `target`):

waterfill    (recipes whole, erase) exact, at the least possible repetition, in closed form.
whole        (recipe whole) whole pictures only, by integer programming.

Where the recipe `crop` is allowed, the copies that would have to lose boxes are cropped where that distorts less (see
`shapes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from datatools.balance.kin import no_kin
from datatools.balance.plan import BALANCED, Plan, Run, Wanted
from datatools.balance.shapes import cropped
from datatools.balance.target import Target, wanted_counts
from datatools.core import Annotation, class_counts
from datatools.errors import TargetError


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
    listed = cropped(annotations, appearances) if {"crop", "erase"} <= set(wanted.recipes) else {}
    return assemble(annotations, classes, wanted, made, appearances, proved, kin, listed)


def unrelated(annotations: Sequence[Annotation]) -> tuple[NDArray, ...]:
    """Kin of pictures whose boxes repeat none."""
    return tuple(no_kin(len(a)) for a in annotations)


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
    listed: Mapping[int, tuple[Run, ...]] | None = None,
) -> Plan:
    """The plan that these appearances are.  made: which pictures count as synthetic.  kin, listed: as in Plan."""
    kin = tuple(kin) or unrelated(annotations)
    before, counts, stock = _totals(annotations, classes, wanted, made, kin)
    after = counts_after(annotations, appearances, len(classes))
    bound = int((-(-counts // np.maximum(stock, 1))).max(initial=1))
    fixed = tuple(classes), wanted, tuple(appearances), made, kin
    return Plan(*fixed, before, after, counts, bound, proved, listed or {})


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
