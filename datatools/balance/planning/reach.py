"""Targets that cannot be met: what lacks, what is nearest, and which option would reach it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.plan import Plan
from datatools.balance.planning.target import Target
from datatools.errors import TargetError


def refuse_lacking(target: Target, wanted: NDArray, before: NDArray, classes: Sequence[str]) -> None:
    """Raises TargetError where a class that is to have boxes has none."""
    lacking = [classes[k] for k in np.flatnonzero((before == 0) & ((wanted > 0) | (not before.any()))).tolist()]
    if lacking or not len(before):
        so = "equal counts are impossible" if target.equal else "there is nothing to repeat"
        found = f"no box of {', '.join(lacking) or 'any class'} in the training split, so {so}"
        remedy = "add pictures of it, or convert with --drop or other --classes"
        raise TargetError(f"--target {target.text}", found, remedy=remedy)


def remedies(plan: Plan) -> list[str]:
    """Options under which the target would be met."""
    wanted = plan.wanted
    found = [] if "erase" in wanted.recipes else [f"--recipes {','.join(with_erasing(wanted.recipes))}"]
    return found + ([f"--max-repeat {plan.bound}"] if 0 < wanted.max_repeat < plan.bound else [])


def with_erasing(recipes: Sequence[str]) -> list[str]:
    """The recipes and `erase`, in the order of the documents."""
    return [r for r in ("whole", "crop", "erase", "paste", "synthetic") if r in recipes or r == "erase"]


def out_of_reach(plan: Plan) -> TargetError:
    """The refusal of a target that is missed though no limit was set.  plan: the nearest that was found."""
    counts = ", ".join(f"{n} {name}" for name, n in zip(plan.classes, plan.after.tolist(), strict=True))
    nearest = "the nearest is" if plan.proved else "the nearest found in time is"
    found = f"{' and '.join(plan.wanted.recipes)} cannot reach it; {nearest} {counts}"
    most = max((int(r.max(initial=0)) for r in plan.appearances), default=1)
    remedy = f"{' and '.join(remedies(plan))} reaches it, --max-repeat {most} accepts the nearest"
    return TargetError(f"--target {plan.wanted.target.text}", found, remedy=remedy)
