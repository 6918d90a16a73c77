"""What `balance` says: the plan before, the counts after; a text for people and an object for programs."""

from __future__ import annotations

from pathlib import Path

from datatools.balance.plan import Plan, plan_figures
from datatools.balance.run import Balance
from datatools.balance.target import surplus
from datatools.core import Dataset
from datatools.display import grid


def estimate(balance: Balance) -> dict:
    """What a run will write, from the sizes of the originals."""
    train = balance.dataset.of_split("train")
    sizes = [Path(a.path).stat().st_size for a in train]
    new = sum(size * (int(r) - 1) for size, r in zip(sizes, balance.plan.repeats, strict=True))
    kept = sum(Path(a.path).stat().st_size for a in balance.dataset.annotations)
    return {"new_images": balance.plan.copies, "megabytes": round((new + kept) / 1e6, 1)}


def _verdict(plan: Plan) -> list[str]:
    """Whether the target is met; where not, how closely, and what would meet it."""
    if plan.target.equal:
        met, needs = "equal" if plan.missed == 0 else f"{plan.missed} apart", "equality needs"
    else:
        met = "as wanted" if plan.missed == 0 else f"off by up to {plan.missed}"
        needs = f"--target {plan.target.text} needs"
    proof = "" if plan.missed == 0 else ", the least possible" if plan.proved else ", the least found in time"
    allowed = f" under --max-repeat {plan.limit}" if plan.limit else ""
    lines = [f"counts will be {met}{proof}{allowed}; {needs} a repetition of at least {plan.bound}×"]
    remedies = [] if "erase" in plan.recipes else ["--recipes whole,erase"]
    remedies += [f"--max-repeat {plan.bound}"] if 0 < plan.limit < plan.bound else []
    if plan.missed:
        lines.append(f"exact with {' and '.join(remedies)}")
    return lines + surplus(plan.target, plan.before, plan.classes)


def plan_report(balance: Balance, out: Path) -> tuple[str, dict]:
    """The plan's table: for each class before, after, largest repetition, effective sample size."""
    plan = balance.plan
    figures = plan_figures(plan, balance.dataset.of_split("train"))
    cost = estimate(balance)
    rows = [
        (name, str(b), str(a), f"{r}×", f"{e:.0f}")
        for name, b, a, r, e in zip(
            plan.classes, plan.before.tolist(), plan.after.tolist(), figures.max_repeat, figures.effective, strict=True
        )
    ]
    head = ("train", "before", "after", "most repeated", "effective sample")
    lines = [
        f"{balance.source} -> {out}: recipes {', '.join(plan.recipes)}",
        "",
        grid(head, rows, "<>>>>"),
        "",
        *_verdict(plan),
        f"{len(plan.repeats)} training pictures + {cost['new_images']} copies, about {cost['megabytes']} MB; "
        f"{figures.erased_share:.1%} of a copy erased on average, {figures.untouched:.0%} of the copies untouched",
    ]
    if max(figures.max_repeat) > 50:
        lines.append("warning: so much repetition teaches single pictures by heart; collect more of the rare classes")
    data = {
        "source": str(balance.source),
        "out": str(out),
        "recipes": list(plan.recipes),
        "before": dict(zip(plan.classes, plan.before.tolist(), strict=True)),
        "after": dict(zip(plan.classes, plan.after.tolist(), strict=True)),
        "target": plan.target.text,
        "wanted": dict(zip(plan.classes, plan.wanted.tolist(), strict=True)),
        "missed": plan.missed,
        "difference": plan.difference,
        "difference_proved_minimal": plan.proved,
        "max_repeat": dict(zip(plan.classes, figures.max_repeat, strict=True)),
        "max_repeat_bound": plan.bound,
        "effective_sample": {n: round(e, 2) for n, e in zip(plan.classes, figures.effective, strict=True)},
        "erased_share": round(figures.erased_share, 5),
        **cost,
    }
    return "\n".join(lines), data


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
