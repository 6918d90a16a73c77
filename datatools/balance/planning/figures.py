"""What a plan costs, in figures: repetition, effective sample size, what is erased, and pictures of each recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.pasting import covered
from datatools.balance.planning.plan import Plan, Run
from datatools.balance.planning.windows import enlarged, inside
from datatools.core import Annotation, areas


@dataclass(frozen=True)
class PlanFigures:
    """What a plan costs.  For each class: largest repetition, and effective sample size (Σr)²/Σr² (Kish 1965).

    distinct, invented: different boxes of each class that appear, and those of them on synthetic pictures.
    unwanted_share: mean part of what a copy shows that is erased or ignored; untouched: share of the copies of which
    nothing is.  shapes: whole, crop, erase, ignore or paste -> copies.  enlarged: median of the windows' enlarging, 1
    without any.  pasted: boxes that are.
    """

    max_repeat: tuple[int, ...]
    distinct: tuple[int, ...]
    invented: tuple[int, ...]
    effective: tuple[float, ...]
    unwanted_share: float
    untouched: float
    shapes: Mapping[str, int] = field(default_factory=dict)
    enlarged: float = 1.0
    pasted: int = 0


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
    return PlanFigures(most, distinct, invented, effective, *_shapes(plan, annotations), _pasted(plan))


def _pasted(plan: Plan) -> int:
    return sum(run.times * len(run.pasted) for runs in plan.listed.values() for run in runs)


def _shapes(plan: Plan, annotations: Sequence[Annotation]) -> tuple[float, float, dict[str, int], float]:
    """The last four figures, over the copies and the synthetic pictures that lose boxes themselves."""
    shares: list[tuple[float, int]] = []
    sizes: list[tuple[float, int]] = []
    shapes: Counter[str] = Counter()
    for row in np.flatnonzero((plan.repeats > 1) | _partly(plan)).tolist():
        a = annotations[row]
        first = () if plan.comes_whole(row) else (Run(1, plan.kept(row, 0)),)
        for run in (*first, *plan.runs(row)):
            gone = ~run.kept & ~covered(a.xyxy, run.pasted)
            gone = gone if run.window is None else gone & inside(a.xyxy, run.window)
            w, h = a.size_wh if run.window is None else np.subtract(run.window[2:], run.window[:2]).tolist()
            shares.append((float(areas(a.xyxy[gone]).sum()) / (w * h), run.times))
            how = "paste" if run.pasted else "crop" if run.window else plan.wanted.unwanted if gone.any() else "whole"
            shapes[how] += run.times
            sizes += [(enlarged(run.window, a.size_wh), run.times)] if run.window else []
    total = sum(times for _, times in shares)
    mean = sum(share * times for share, times in shares) / max(total, 1)
    untouched = sum(times for share, times in shares if not share) / max(total, 1)
    median = float(np.median(np.repeat(*map(np.array, zip(*sizes, strict=True))))) if sizes else 1.0
    return mean, untouched, dict(shapes), median


def _partly(plan: Plan) -> NDArray:
    """Which pictures are in, but not with all of their boxes, (P,) bool."""
    return np.array([bool(r.max(initial=0)) and not r.min(initial=1) for r in plan.appearances])


def _shown(plan: Plan) -> tuple[NDArray, NDArray]:
    """How often each box is shown, wherever it is, (N,) int; and which boxes repeat no other, (N,) bool."""
    starts = np.concatenate([[0], np.cumsum([len(r) for r in plan.appearances])])
    shown = np.concatenate(plan.appearances).astype(np.int64)
    kin = np.concatenate(plan.kin)
    carried = kin[:, 0] >= 0
    np.add.at(shown, starts[kin[carried, 0]] + kin[carried, 1], shown[carried].copy())
    return shown, ~carried
