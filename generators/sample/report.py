"""What `generators sample` says when it is done: for people, and for programs."""

from __future__ import annotations

from pathlib import Path

from datatools.display import bar, grid
from generators.sample.make import Plan

_BAR = 30


def summary(planned: Plan, out: Path, *, dry_run: bool) -> tuple[str, dict]:
    """A table with its explanation, and the same as one JSON object."""
    counts = planned.counts()
    n_images, n_boxes, most = len(planned.casts), sum(counts.values()), max(counts.values())
    empty = sum(not cast.roles for cast in planned.casts)
    mixed = sum(len({role.label for role in cast.roles}) > 1 for cast in planned.casts)
    rows = [[name, str(count), f"{count / n_boxes:.1%}", bar(count / most, _BAR)] for name, count in counts.items()]
    text = (
        f"{'would write' if dry_run else 'wrote'} {out}: {n_images} pictures, {n_boxes} boxes "
        f"({mixed} pictures with several classes, {empty} without a face)\n\n"
        f"{grid(['class', 'boxes', 'share', ''], rows, '<>><')}\n\n"
        "A synthetic sample, to try the commands where there is no data: two public-domain portraits laid on\n"
        f"freely licensed photographs, masks drawn by code.  Not for real use; {out / 'README.txt'} has the licences."
    )
    data = {
        "out": str(out),
        "synthetic": True,
        "seed": planned.seed,
        "images": n_images,
        "boxes": counts,
        "images_without_face": empty,
        "images_with_several_classes": mixed,
        "written": not dry_run,
    }
    return text, data
