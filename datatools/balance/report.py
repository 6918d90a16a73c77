"""What `balance` says: the plan before, the counts after; a text for people and an object for programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datatools.balance.apply import ITEM_MS
from datatools.balance.planning.figures import PlanFigures, plan_figures
from datatools.balance.planning.plan import Plan
from datatools.balance.planning.reach import remedies
from datatools.balance.planning.target import surplus
from datatools.balance.run import Balance
from datatools.core import Dataset
from datatools.display import grid
from datatools.parallel import worker_count

SHAPES = {"whole": "whole", "crop": "cropped", "erase": "with boxes erased", "ignore": "with regions ignored"} | {
    "paste": "with boxes of others"
}
COPY_MS = 2.5  # what a copy costs one process


def estimate(balance: Balance, workers: int = 0) -> dict:
    """What a run will write, from the sizes of the originals, and how long it takes."""
    plan, dataset = balance.plan, balance.dataset
    sizes = np.array([Path(a.path).stat().st_size for a in dataset.of_split("train")])
    kept = sum(
        Path(a.path).stat().st_size for a, s in zip(dataset.annotations, dataset.splits, strict=True) if s != "train"
    )
    made = plan.copies + cleaned(plan)
    return {
        "new_images": plan.copies,
        "megabytes": round(float(sizes @ _shown(balance) + kept) / 1e6, 1),
        "seconds": round(made * COPY_MS / 1000 / worker_count(workers, made, ITEM_MS), 1),
    }


def _shown(balance: Balance) -> NDArray:
    """How many times its own area each training picture and its copies show, (P,)."""
    shown = balance.plan.repeats.astype(np.float64)
    train = balance.dataset.of_split("train")
    for row, runs in balance.plan.listed.items():
        w, h = train[row].size_wh
        for run in runs:
            if run.window is not None:
                x1, y1, x2, y2 = run.window
                shown[row] -= run.times * (1 - (x2 - x1) * (y2 - y1) / (w * h))
    return shown


def cleaned(plan: Plan) -> int:
    """Synthetic pictures that are in, but not with all of their boxes."""
    return sum(bool(r) and not plan.comes_whole(row) for row, r in enumerate(plan.repeats.tolist()))


def _verdict(plan: Plan) -> list[str]:
    """Whether the target is met; where not, how closely, and what would meet it."""
    if plan.wanted.target.equal:
        met, needs = "equal" if plan.missed == 0 else f"{plan.missed} apart", "equality needs"
    else:
        met = "as wanted" if plan.missed == 0 else f"off by up to {plan.missed}"
        needs = f"--target {plan.wanted.target.text} needs"
    proof = "" if plan.missed == 0 else ", the least possible" if plan.proved else ", the least found in time"
    allowed = f" under --max-repeat {plan.wanted.max_repeat}" if plan.wanted.max_repeat else ""
    lines = [f"counts will be {met}{proof}{allowed}; {needs} a repetition of at least {plan.bound}×"]
    if plan.missed:
        lines.append(f"exact with {' and '.join(remedies(plan))}")
    else:
        lines.append(_repetition(plan))
    return lines + surplus(plan.wanted.target, plan.before, plan.classes)


def _repetition(plan: Plan) -> str:
    """The largest repetition beside its bounds."""
    most = max(int(r.max(initial=1)) for r in plan.appearances)
    if most <= plan.bound:
        return f"most repeated {most}×: the bound, gap 0"
    said = f"most repeated {most}×; with these recipes at least {plan.reach}×: gap {most - plan.reach}"
    return said + (f"; {plan.bound}× with {' and '.join(remedies(plan))}" if remedies(plan) else "")


def _table(plan: Plan, figures: PlanFigures) -> str:
    """For each class: before, after, largest repetition, distinct boxes, effective sample size."""
    columns = {
        "train": list(plan.classes),
        "photographed": plan.before.tolist(),
        "synthetic": list(figures.invented),
        "after": plan.after.tolist(),
        "most repeated": [f"{r}×" for r in figures.max_repeat],
        "distinct": list(figures.distinct),
        "effective sample": [f"{e:.0f}" for e in figures.effective],
    }
    if not plan.invented.any():
        columns = {
            "before" if name == "photographed" else name: c for name, c in columns.items() if name != "synthetic"
        }
    rows = [tuple(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return grid(tuple(columns), rows, "<" + ">" * (len(columns) - 1))


def cost_line(balance: Balance, workers: int = 0) -> str:
    """What a run comes to: pictures, disk, time."""
    plan, cost = balance.plan, estimate(balance, workers)
    pictures = f"{len(plan.repeats)} training pictures"
    if gone := int((plan.repeats[~plan.invented] == 0).sum()):
        pictures = f"{len(plan.repeats) - gone} training pictures ({gone} left out)"
    if n := int(plan.invented.sum()):
        used = int((plan.repeats[plan.invented] > 0).sum())
        pictures = f"{len(plan.repeats) - n - gone} photographs + {used} of {n} synthetic pictures"
        pictures += f" ({part} partly erased)" if (part := cleaned(plan)) else ""
    return f"{pictures} + {cost['new_images']} copies, about {cost['megabytes']} MB and {cost['seconds']:.0f} s"


def plan_report(balance: Balance, out: Path, workers: int = 0, *, files: bool = True) -> tuple[str, dict]:
    """What the plan does, as a table, and as an object.  files: whether it is to write copies."""
    plan = balance.plan
    figures = plan_figures(plan, balance.dataset.of_split("train"))
    lines = [
        f"{balance.source} -> {out}: recipes {', '.join(plan.wanted.recipes)}",
        "",
        _table(plan, figures),
        "",
        *_verdict(plan),
    ]
    if files:
        lines.append(cost_line(balance, workers))
        lines += _shapes(plan, figures)
    if max(figures.max_repeat) > 50:
        lines.append("warning: so much repetition teaches single pictures by heart; collect more of the rare classes")
    data = {
        "source": str(balance.source),
        "out": str(out),
        "recipes": list(plan.wanted.recipes),
        "target": plan.wanted.target.text,
        **_by_class(plan, figures),
        "missed": plan.missed,
        "difference": plan.difference,
        "difference_proved_minimal": plan.proved,
        "max_repeat_bound": plan.bound,
        "max_repeat_bound_of_recipes": plan.reach,
        "left_out": int((plan.repeats[~plan.invented] == 0).sum()),
        "copies": dict(figures.shapes),
        "enlarged": round(figures.enlarged, 3),
        "pasted": figures.pasted,
        "synthetic_pictures": int((plan.repeats[plan.invented] > 0).sum()),
        "synthetic_left_out": int((plan.repeats[plan.invented] == 0).sum()),
        "erased_share": round(figures.unwanted_share, 5),
        **(estimate(balance, workers) if files else {"new_images": 0}),
    }
    return "\n".join(lines), data


def _shapes(plan: Plan, figures: PlanFigures) -> list[str]:
    """How the copies are made."""
    if not figures.shapes:
        return []
    order = [name for name in SHAPES if name in figures.shapes]
    said = ", ".join(f"{figures.shapes[name]} {SHAPES[name]}" for name in order)
    larger = f", windows enlarge {figures.enlarged:.1f}× (median)" if "crop" in figures.shapes else ""
    gone = "erased" if plan.wanted.unwanted == "erase" else "ignored"
    larger += f", {figures.pasted} boxes pasted" if figures.pasted else ""
    share = f"{figures.unwanted_share:.1%} of a copy {gone} on average"
    return [f"copies: {said}", f"{share}, {figures.untouched:.0%} of the copies untouched{larger}"]


def _by_class(plan: Plan, figures: PlanFigures) -> dict[str, dict]:
    columns = {
        "before": plan.before.tolist(),
        "wanted": plan.counts.tolist(),
        "after": plan.after.tolist(),
        "max_repeat": figures.max_repeat,
        "distinct": figures.distinct,
        "synthetic": figures.invented,
        "effective_sample": [round(e, 2) for e in figures.effective],
    }
    return {name: dict(zip(plan.classes, column, strict=True)) for name, column in columns.items()}


def result_report(balance: Balance, written: Dataset, flipped: int) -> tuple[str, dict]:
    """Counts of every split before and after, as counted on the disk."""
    rows = []
    for split in written.split_names():
        before, after = balance.dataset.counts(split).tolist(), written.counts(split).tolist()
        images = (len(balance.dataset.of_split(split)), len(written.of_split(split)))
        cells = [
            f"{b} → {a}" if a != b else str(b) for b, a in zip((images[0], *before), (images[1], *after), strict=True)
        ]
        rows.append((split, *cells))
    table = grid(("on disk", "images", *written.classes), rows, "<" + ">" * (1 + len(written.classes)))
    note = f"{flipped} copies were only flipped: any other geometry would have lost a box" if flipped else ""
    counts = {s: dict(zip(written.classes, written.counts(s).tolist(), strict=True)) for s in written.split_names()}
    return "\n".join(part for part in (table, note) if part), {"counts": counts, "flips_only": flipped}
