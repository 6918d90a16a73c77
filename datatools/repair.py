"""Dataset and problems -> a Dataset that can be written, and the list of what was done to it.  Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from datatools.check import box_problems
from datatools.core import Annotation, Dataset, clip_boxes
from datatools.errors import AnnotationError, UserError
from datatools.problems import ERROR, Problem

Repaired = tuple[Dataset, list[str]]


def refuse(problems: Sequence[Problem]) -> None:
    """Raises AnnotationError with the first error among the problems, and the number of the others."""
    errors = [p for p in problems if p.severity == ERROR]
    if not errors:
        return
    first = errors[0]
    more = f" (and {len(errors) - 1} more errors)" if len(errors) > 1 else ""
    where = f"{first.file}:{first.line}" if first.line else first.file
    policy = "`datatools check` lists all, --on-error skip leaves them out, `datatools check --fix` mends what it can"
    remedy = f"{first.remedy} ({policy})" if first.remedy else policy
    raise AnnotationError(where, f"{first.code}: {first.found}{more}", remedy=remedy)


def _without(dataset: Dataset, boxes: Mapping[str, set[int]]) -> Dataset:
    """boxes: id -> indices of the boxes to drop."""
    kept = (
        a.take([k for k in range(len(a)) if k not in boxes[a.id]]) if a.id in boxes else a for a in dataset.annotations
    )
    return replace(dataset, annotations=tuple(kept))


def _by_picture(problems: Iterable[Problem]) -> dict[str, set[int]]:
    boxes: dict[str, set[int]] = {}
    for p in problems:
        boxes.setdefault(p.picture, set()).add(p.box)
    return boxes


def leave_out(dataset: Dataset, problems: Sequence[Problem]) -> Repaired:
    """The set without what the errors among `problems` concern: a box, or a whole picture (the code's scope).

    Raises UserError where nothing is left.
    """
    errors = [p for p in problems if p.severity == ERROR]
    pictures = {p.picture for p in errors if p.scope == "picture"}
    pairs = zip(dataset.annotations, dataset.splits, strict=True)
    kept = [(a, split) for a, split in pairs if a.id not in pictures]
    if not kept:
        first = f" (the first: {errors[0]})" if errors else ""
        raise UserError(
            "", f"no picture is left after leaving out what is wrong{first}", remedy="see `datatools check`"
        )
    rest = Dataset(dataset.classes, tuple(a for a, _ in kept), tuple(s for _, s in kept))
    done = [f"left out: {p}" for p in errors]
    return _without(rest, _by_picture(p for p in errors if p.scope == "box")), done


def tidy(dataset: Dataset, *, clip: bool = True) -> Repaired:
    """Boxes clipped to their pictures, doubles dropped: what a conversion mends on the way."""
    problems = box_problems(dataset)
    outside = [p for p in problems if p.code == "box-outside"] if clip else []
    doubles = [p for p in problems if p.code == "box-duplicate"]
    rows = _by_picture(outside)
    clipped = tuple(_clipped(a, sorted(rows[a.id])) if a.id in rows else a for a in dataset.annotations)
    done = [*(f"clipped: {p}" for p in outside), *(f"dropped: {p}" for p in doubles)]
    return _without(replace(dataset, annotations=clipped), _by_picture(doubles)), done


def mend(dataset: Dataset) -> Repaired:
    """Every box that can be put right without guessing: swapped corners, boxes outside, doubles, empty boxes."""
    inverted = [p for p in box_problems(dataset) if p.code == "box-inverted"]
    rows = _by_picture(inverted)
    swapped = tuple(_swapped(a, sorted(rows[a.id])) if a.id in rows else a for a in dataset.annotations)
    upright = replace(dataset, annotations=swapped)
    useless = [p for p in box_problems(upright) if p.code in ("box-empty", "box-far-outside")]
    tidied, more = tidy(_without(upright, _by_picture(useless)))
    return tidied, [*(f"swapped: {p}" for p in inverted), *(f"dropped: {p}" for p in useless), *more]


def _clipped(a: Annotation, rows: list[int]) -> Annotation:
    xyxy = np.array(a.xyxy)
    xyxy[rows] = clip_boxes(xyxy[rows], a.size_wh)
    return replace(a, xyxy=xyxy)


def _swapped(a: Annotation, rows: list[int]) -> Annotation:
    xyxy = np.array(a.xyxy)
    low, high = np.minimum(xyxy[rows, :2], xyxy[rows, 2:]), np.maximum(xyxy[rows, :2], xyxy[rows, 2:])
    xyxy[rows] = np.hstack([low, high])
    return replace(a, xyxy=xyxy)
