"""The copies that a plan file lists: read, and refused where they do not fit the pictures or the appearances."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.pasting import times_pasted
from datatools.balance.planning.plan import Paste, Run, levels
from datatools.balance.planning.windows import LEAST_PX, Window, cut, inside
from datatools.core import Annotation
from datatools.errors import PlanError

_EXPECTED = "a list of [how many, boxes, window, perhaps what is pasted]"
_REMEDY = "correct it, or make the plan again with --save-plan"


def read_copies(
    path: Path, said: object, annotations: Sequence[Annotation], appearances: Sequence[NDArray]
) -> dict[int, tuple[Run, ...]]:
    """row -> runs.  appearances: what each picture's copies, and itself, must come to.  Raises PlanError."""
    if not isinstance(said, Mapping):
        raise PlanError(path, f"copies is {short(said)}", "an object: id -> copies", _REMEDY)
    rows = {a.id: row for row, a in enumerate(annotations)}
    found: dict[int, tuple[Run, ...]] = {}
    for name, listed in said.items():
        if name not in rows:
            raise PlanError(path, f"copies has a picture {name}", "training pictures of the split", _REMEDY)
        found[rows[name]] = _runs(path, f"copies: {name}", listed, annotations[rows[name]], rows, annotations)
    _refuse_sums(path, found, annotations, appearances)
    return found


def _refuse_sums(
    path: Path, found: Mapping[int, Sequence[Run]], annotations: Sequence[Annotation], appearances: Sequence[NDArray]
) -> None:
    elsewhere = times_pasted(found, appearances)
    for row, (a, r) in enumerate(zip(annotations, appearances, strict=True)):
        if row not in found and not elsewhere[row].any():
            continue
        runs = found[row] if row in found else levels(r)
        shown = (r > 0) + elsewhere[row] + sum((run.times * run.kept for run in runs), np.zeros(len(r), dtype=int))
        if (shown != r).any():
            expected = f"{r.tolist()}, as under pictures"
            raise PlanError(path, f"copies: {a.id} come to {shown.tolist()}", expected, _REMEDY)


def _runs(
    path: Path, where: str, said: Any, a: Annotation, rows: Mapping[str, int], annotations: Sequence[Annotation]
) -> tuple[Run, ...]:
    if not isinstance(said, list) or not all(isinstance(one, list) and len(one) in (3, 4) for one in said):
        raise PlanError(path, f"{where} is {short(said)}", _EXPECTED, _REMEDY)
    runs = []
    for times, boxes, window, *more in said:
        run = _run(path, where, times, boxes, window, a)
        pasted = tuple(_paste(path, where, one, a, rows, annotations) for one in (more[0] if more else []))
        runs.append(replace(run, pasted=pasted))
    return tuple(runs)


def _paste(
    path: Path, where: str, said: Any, a: Annotation, rows: Mapping[str, int], annotations: Sequence[Annotation]
) -> Paste:
    if not isinstance(said, list) or len(said) != 3 or said[0] not in rows or rows[said[0]] == rows[a.id]:
        expected = "[id of another training picture, box, place]"
        raise PlanError(path, f"{where}: pasted is {short(said)}", expected, _REMEDY)
    name, box, place = said
    n, (w, h) = len(annotations[rows[name]]), a.size_wh
    if type(box) is not int or not 0 <= box < n:
        raise PlanError(path, f"{where}: pasted box is {short(box)}", f"0 to {n - 1}, as {name} has", _REMEDY)
    whole = isinstance(place, list) and len(place) == 4 and all(type(v) is int for v in place)
    if not whole or not (0 <= place[0] < place[2] <= w and 0 <= place[1] < place[3] <= h):
        expected = f"four whole numbers x1 y1 x2 y2 inside {w}×{h}"
        raise PlanError(path, f"{where}: place is {short(place)}", expected, _REMEDY)
    return Paste(rows[name], box, (place[0], place[1], place[2], place[3]))


def _run(path: Path, where: str, times: Any, boxes: Any, window: Any, a: Annotation) -> Run:
    if type(times) is not int or not 1 <= times <= 10**6:
        raise PlanError(path, f"{where}: how many is {short(times)}", "a whole number from 1", _REMEDY)
    valid = isinstance(boxes, list) and all(type(k) is int and 0 <= k < len(a) for k in boxes)
    if not valid or not boxes or len(set(boxes)) != len(boxes):
        raise PlanError(path, f"{where}: boxes is {short(boxes)}", f"some of 0 to {len(a) - 1}, at least one", _REMEDY)
    kept = np.isin(np.arange(len(a)), boxes)
    return Run(times, kept, None if window is None else _window(path, where, window, kept, a))


def _window(path: Path, where: str, said: Any, kept: NDArray, a: Annotation) -> Window:
    w, h = a.size_wh
    whole = isinstance(said, list) and len(said) == 4 and all(type(v) is int for v in said)
    if not whole or not (0 <= said[0] < said[2] <= w and 0 <= said[1] < said[3] <= h):
        expected = f"four whole numbers x1 y1 x2 y2 inside {w}×{h}"
        raise PlanError(path, f"{where}: window is {short(said)}", expected, _REMEDY)
    x1, y1, x2, y2 = said
    if x2 - x1 < min(LEAST_PX, w) or y2 - y1 < min(LEAST_PX, h):
        raise PlanError(path, f"{where}: window is {short(said)}", f"at least {LEAST_PX} px wide and high", _REMEDY)
    if not inside(a.xyxy[kept], (x1, y1, x2, y2)).all() or cut(a.xyxy, (x1, y1, x2, y2)).any():
        expected = "one with all its boxes inside, that cuts no other in half"
        raise PlanError(path, f"{where}: window is {short(said)}", expected, _REMEDY)
    return x1, y1, x2, y2


def short(said: object) -> str:
    text = json.dumps(said, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
