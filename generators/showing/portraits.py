"""What `generators dataset` says: what was found, kept and drawn; for people, and for programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from datatools.core import SPLITS
from datatools.display import grid
from generators.making.build import added
from generators.making.portraits import Portraits
from generators.showing.report import refused, uses


def counts_by_split(portraits: Portraits) -> dict[str, dict[str, int]]:
    """split -> class -> boxes, as planned."""
    source, plan = portraits.overlay.source, portraits.overlay.plan
    found = {}
    for split in SPLITS:
        part = replace(plan, uses=tuple(use for use in plan.uses if source.split_of(use.id) == split))
        total = portraits.originals.counts(split) + added(part, source, portraits.overlay.naming)
        found[split] = dict(zip(source.classes, total.tolist(), strict=True))
    return found


def portraits_report(portraits: Portraits, out: Path, *, written: bool) -> tuple[str, dict]:
    """What `generators dataset` says: a text for people, an object for programs."""
    overlay, found = portraits.overlay, portraits.annotated
    counts = counts_by_split(portraits)
    classes = overlay.source.classes
    rows = [(split, *(str(n) for n in boxes.values())) for split, boxes in counts.items()]
    rows.append(("all", *(str(n) for n in overlay.after.tolist())))
    low, high = overlay.plan.repeats
    drawn, kept = len(overlay.plan.copies), len(portraits.kept)
    lines = [
        f"{overlay.source.folder} -> {out}: {found.pictures} pictures, {len(found.faceless)} without a face, "
        f"{found.unreadable} unreadable; {kept} {'kept' if written else 'would be kept'}, {drawn} drawn",
        "",
        grid(("boxes", *classes), rows, "<" + ">" * len(classes)),
        "",
        *uses(len(overlay.plan.usable), low, high),
    ]
    lines.append("val and test hold drawn masks too: a score on them is one on drawn masks")
    data = {
        "source": str(overlay.source.folder),
        "out": str(out),
        "pictures": found.pictures,
        "faceless": list(found.faceless),
        "unreadable": found.unreadable,
        "refused": dict(found.refused),
        "kept": kept,
        "drawn": drawn,
        "counts": counts,
        "modes": overlay.plan.modes,
        "usable": len(overlay.plan.usable),
        "uses_of_a_face": [low, high],
        "rejected": refused(overlay),
        "written": written,
    }
    return "\n".join(lines), data
