"""Dataset -> problems: what is wrong with the boxes, and what is wrong with the set as a whole.  Pure arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation, Dataset, areas, clip_boxes
from datatools.duplicates import duplicate_pairs
from datatools.images import Measure
from datatools.problems import CODES, Problem

VISIBLE_SHARE = 0.5  # a box that keeps less than this inside its picture is no annotator's slip of the hand
TOLERANCE_PX = 1e-3  # YOLO fractions of eight decimals come back this exactly


def box_problems(dataset: Dataset) -> list[Problem]:
    """Problems of single boxes: inverted, empty, outside, duplicate, with two classes."""
    return [p for a in dataset.annotations for p in _of_picture(a, dataset.classes)]


def _of_picture(a: Annotation, classes: Sequence[str]) -> Iterator[Problem]:
    if not len(a):
        return
    inverted, empty, over, share = _geometry(a.xyxy, a.size_wh)
    for k in np.flatnonzero(inverted | empty | (over > TOLERANCE_PX)).tolist():
        name, corners = classes[a.labels[k]], " ".join(f"{v:.10g}" for v in a.xyxy[k])
        if inverted[k]:
            yield _problem("box-inverted", a, k, f"{name} {corners}: xmin > xmax or ymin > ymax", "swap the corners")
        elif empty[k]:
            yield _problem("box-empty", a, k, f"{name} {corners} has no area", "delete it")
        else:
            code = "box-outside" if share[k] >= VISIBLE_SHARE else "box-far-outside"
            w, h = a.size_wh
            yield _problem(code, a, k, f"{name} {corners} ends {over[k]:.6g} px outside {w}×{h}", "clip it")
    yield from _repeated(a, classes)


def _geometry(xyxy: NDArray, size_wh: tuple[int, int]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """inverted, empty (N,) bool; over: pixels outside, share: part of the area inside, (N,) float."""
    with np.errstate(over="ignore"):  # corners near 1e308 have an infinite area
        sides = xyxy[:, 2:] - xyxy[:, :2]
        whole = areas(xyxy)
    inverted = (sides < 0).any(axis=1)
    empty = ~inverted & (sides == 0).any(axis=1)
    over = np.maximum(-xyxy.min(axis=1), (xyxy - [*size_wh, *size_wh]).max(axis=1))
    share = areas(clip_boxes(xyxy, size_wh)) / np.where(whole > 0, whole, 1)
    return inverted, empty, over, share


def _repeated(a: Annotation, classes: Sequence[str]) -> Iterator[Problem]:
    first: dict[tuple, int] = {}
    with np.errstate(over="ignore"):
        corners = a.xyxy.round(3).tolist()
    for k, key in enumerate(map(tuple, corners)):
        other = first.setdefault(key, k)
        if other == k:
            continue
        if a.labels[other] == a.labels[k]:
            yield _problem(
                "box-duplicate", a, k, f"{classes[a.labels[k]]} stands at {a.where(other)} too", "delete one"
            )
        else:
            found = f"{classes[a.labels[k]]}, but {classes[a.labels[other]]} at {a.where(other)}"
            yield _problem("box-conflict", a, k, found, "delete the wrong one")


def _problem(code: str, a: Annotation, box: int, found: str, remedy: str) -> Problem:
    line = int(a.lines[box])
    source = a.source or a.path
    return Problem(code, source if line else f"{source}: box {box + 1}", line, found, remedy, a.id, box)


def set_problems(dataset: Dataset, measures: Mapping[str, Measure]) -> list[Problem]:
    """Problems of the set as a whole: near-duplicate pictures, and those that straddle a split."""
    by_id = {a.id: (a, s) for a, s in zip(dataset.annotations, dataset.splits, strict=True)}
    hashes = {i: m.dhash for i, m in measures.items() if m.dhash is not None and i in by_id}
    problems = []
    for first, second in duplicate_pairs(hashes):
        (a, side_a), (b, side_b) = by_id[first], by_id[second]
        code = "near-duplicate" if side_a == side_b else "near-duplicate-across-splits"
        where = f" ({side_a} and {side_b})" if side_a != side_b else ""
        same = "same" if _same_boxes(a, b) else "different"
        problems.append(Problem(code, a.path, 0, f"looks like {b.path}{where}; {same} boxes", picture=first))
    return problems


def _same_boxes(a: Annotation, b: Annotation) -> bool:
    return np.array_equal(a.labels, b.labels) and np.array_equal(a.xyxy, b.xyxy)


def tally(problems: Sequence[Problem]) -> dict[str, int]:
    """Problems of each code that occurs, in the order of the table of codes."""
    count = Counter(p.code for p in problems)
    return {code: count[code] for code in CODES if count[code]}
