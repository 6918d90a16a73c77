"""What `overlay` says: what is made of which faces, and which could not be used; for people, and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from datatools.display import grid
from generators.drawing.dress import FAULTS, ROLES
from generators.faces.landmarks import REASONS
from generators.making.build import FACES, Overlay, rejections

BINS = (10, 12, 16, 20, 24, 32, 48)  # shorter side of a face's box, pixels
MANY_USES = 20
MEANINGS = REASONS | FAULTS | {"unreadable": "the picture cannot be read; it is left as it is"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """Faces of one size: annotated; located, whose landmarks are known; usable, which can wear what is wanted."""

    size: str
    annotated: int
    located: int
    usable: int


def acceptance(overlay: Overlay) -> list[Accepted]:
    """The faces of each bin of sizes, and all."""
    usable = set(overlay.plan.usable)
    names = [f"<{BINS[0]}", *(f"{a}–{b}" for a, b in pairwise(BINS)), f"≥{BINS[-1]}", "all"]
    counts = np.zeros((len(names), 3), int)
    for s in overlay.scans:
        for box in (*s.faces, *s.rejected):
            corners = s.annotation.xyxy[box]
            size = sum(float((corners[2:] - corners[:2]).min()) >= edge for edge in BINS)
            counts[[size, -1]] += (1, box in s.faces, (s.annotation.id, box) in usable)
    return [Accepted(name, *row) for name, row in zip(names, counts.tolist(), strict=True)]


def refused(overlay: Overlay) -> dict[str, int]:
    """reason -> boxes (or pictures) that were not used, the most frequent first."""
    return dict(Counter(line["reason"] for line in rejections(overlay)).most_common())


def figures(overlay: Overlay, out: Path) -> dict:
    """What a program wants to know."""
    plan, classes = overlay.plan, overlay.source.classes
    return {
        "source": str(overlay.source.folder),
        "out": str(out),
        "from_class": overlay.from_class,
        "before": dict(zip(classes, overlay.before.tolist(), strict=True)),
        "after": dict(zip(classes, overlay.after.tolist(), strict=True)),
        "faces": len(plan.uses),
        "pictures": len(plan.copies),
        "modes": plan.modes,
        "usable": len(plan.usable),
        "uses_of_a_face": list(plan.repeats),
        "exchanged": plan.exchanged,
        "short": plan.short,
        "acceptance": [asdict(row) for row in acceptance(overlay)],
        "rejected": refused(overlay),
    }


def overlay_report(overlay: Overlay, out: Path, *, written: bool) -> tuple[str, dict]:
    """The same as a text, and as one object.  written: whether the split is on the disk, and was counted there."""
    said = figures(overlay, out)
    before, after = said["before"], said["after"]
    rows = [
        (name, str(n), str(after[name]), f"+{after[name] - n}" if after[name] > n else "") for name, n in before.items()
    ]
    made = f"{said['faces']} faces in {said['pictures']} new pictures"
    lines = [
        f"{said['source']} -> {out}: {made}{'' if written else ' (nothing written)'}",
        "",
        grid(("train" + (", counted on disk" if written else ""), "before", "after", ""), rows, "<>>>"),
        "",
        grid(("mode", "role", "faces"), [(mode, ROLES[mode], str(n)) for mode, n in said["modes"].items()], "<<>"),
        "",
        _acceptance_table(acceptance(overlay), overlay.from_class),
    ]
    if said["rejected"]:
        refusals = [(reason, str(n), MEANINGS[reason]) for reason, n in said["rejected"].items()]
        lines += ["", grid(("not used", "boxes", "why"), refusals, "<><")]
    lines += ["", *notes(said, out if written else None)]
    return "\n".join(lines), said | {"written": written}


def _acceptance_table(rows: list[Accepted], name: str) -> str:
    cells = [(r.size, *map(str, (r.annotated, r.located, r.usable)), share(r)) for r in rows]
    return grid((f"{name} in train, shorter side in px", "annotated", "located", "usable", ""), cells, "<>>>>")


def share(row: Accepted) -> str:
    """Share of the annotated faces that are usable."""
    return f"{row.usable / row.annotated:.0%}" if row.annotated else ""


def uses(usable: int, low: int, high: int) -> list[str]:
    """How often a face is used, and a warning where that is too often."""
    often = f"{low} to {high} times" if low != high else "once" if low == 1 else f"{low} times"
    lines = [f"each of the {usable} usable faces is used {often}"]
    if high > MANY_USES:
        lines.append("warning: so many uses teach single faces by heart; add photographs, or make fewer faces")
    return lines


def notes(said: dict, out: Path | None) -> list[str]:
    """Single lines: how often a face is used, what could not be done as ordered, where the list of faces is."""
    lines = uses(said["usable"], *said["uses_of_a_face"])
    if said["exchanged"]:
        lines.append(
            f"another mode of the same role was worn {said['exchanged']} times, as no face was left for the first"
        )
    if said["short"]:
        lines.append(f"warning: {said['short']} faces fewer than ordered, as nothing fits any other face")
    return [*lines, f"every face, used or not, is a line of {out / FACES}"] if out else lines
