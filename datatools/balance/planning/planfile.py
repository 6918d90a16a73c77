"""A plan as a file: JSON that `--save-plan` writes and `--plan` runs, perhaps made or changed elsewhere.

classes      names, in the split's order
target       as `--target` takes it; recipes, unwanted, drop_majority, max_repeat, solver, prefer and seed: as their
             options
proved       whether no plan comes closer to the target, or repeats less; reach: a bound of the largest repetition
after        class -> boxes that the plan makes
pictures     id of each training picture -> appearances of each of its boxes, in the order of its label file;
             at least 1, and 0 only on a synthetic picture, or for all boxes of a photograph that is left out
copies       id of each picture whose copies do not follow from that -> its copies, those that are alike together:
             [how many, the boxes that keep their label, what is shown: xyxy whole pixels, or null for all], and, if
             there is any, what is pasted: [id of a picture, box, place: xyxy whole pixels] each

A plan belongs to the split that it was made from: other pictures, or other numbers of boxes, are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.make import assemble, synthetic_of
from datatools.balance.planning.plan import PREFERRED, RECIPES, SOLVERS, UNWANTED, Plan, Run, Wanted
from datatools.balance.planning.plancopies import read_copies, short
from datatools.balance.planning.target import EXPECTED, Target, parse_target
from datatools.core import Annotation
from datatools.errors import PlanError

KEYS = (
    *("classes", "target", "recipes", "unwanted", "drop_majority", "max_repeat", "solver", "prefer", "seed"),
    *("proved", "reach", "after", "pictures", "copies"),
)
MOST = 10**6  # appearances of a box
_AGAIN = "make the plan again with --save-plan"


def plan_text(plan: Plan, annotations: Sequence[Annotation]) -> str:
    """The file's text, a picture a line.  annotations: those that the plan was made from, in the same order."""
    wanted = plan.wanted
    values = {
        "classes": plan.classes,
        "target": wanted.target.text,
        "recipes": wanted.recipes,
        "unwanted": wanted.unwanted,
        "drop_majority": wanted.drop_majority,
        "max_repeat": wanted.max_repeat,
        "solver": wanted.solver,
        "prefer": wanted.prefer,
        "seed": wanted.seed,
        "proved": plan.proved,
        "reach": plan.reach,
        "after": dict(zip(plan.classes, plan.after.tolist(), strict=True)),
    }
    head = "".join(f'  "{key}": {json.dumps(value, ensure_ascii=False)},\n' for key, value in values.items())
    pairs = zip(annotations, plan.appearances, strict=True)
    pictures = {a.id: r.tolist() for a, r in pairs}
    listed = sorted(plan.listed.items())
    copies = {annotations[row].id: [_said_of(run, annotations) for run in runs] for row, runs in listed}
    return f'{{\n{head}  "pictures": {_lines(pictures)},\n  "copies": {_lines(copies)}\n}}\n'


def _said_of(run: Run, annotations: Sequence[Annotation]) -> list:
    said: list = [run.times, np.flatnonzero(run.kept).tolist(), run.window]
    return [*said, [[annotations[p.row].id, p.box, p.place] for p in run.pasted]] if run.pasted else said


def _lines(rows: Mapping[str, list]) -> str:
    """An object with a member a line."""
    said = ",\n".join(f"    {json.dumps(name, ensure_ascii=False)}: {json.dumps(row)}" for name, row in rows.items())
    return f"{{\n{said}\n  }}" if said else "{}"


def read_plan(
    path: Path,
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    invented: Sequence[bool] = (),
    kin: Sequence[NDArray] = (),
) -> Plan:
    """The plan in a file, for these training pictures.  Raises PlanError, naming what is wrong with it."""
    said = _object(path)
    if said["classes"] != list(classes):
        raise PlanError(path, f"classes is {short(said['classes'])}", short(list(classes)), _AGAIN)
    wanted = Wanted(
        _target(path, said["target"]),
        _recipes(path, said["recipes"]),
        _whole(path, "max_repeat", said["max_repeat"]),
        _whole(path, "seed", said["seed"]),
        _one_of(path, "unwanted", said["unwanted"], UNWANTED),
        _flag(path, "drop_majority", said["drop_majority"]),
        _one_of(path, "solver", said["solver"], SOLVERS),
        _one_of(path, "prefer", said["prefer"], PREFERRED),
    )
    proved, reach = _flag(path, "proved", said["proved"]), _whole(path, "reach", said["reach"])
    made = synthetic_of(annotations, invented)
    appearances = _appearances(path, said["pictures"], annotations, made, wanted)
    listed = read_copies(path, said["copies"], annotations, appearances)
    plan = assemble(annotations, classes, wanted, made, appearances, kin, proved, listed)
    plan = replace(plan, reach=reach)
    after = dict(zip(plan.classes, plan.after.tolist(), strict=True))
    if said["after"] != after:
        raise PlanError(path, f"after is {short(said['after'])}", f"{short(after)}, as its pictures say", _AGAIN)
    return plan


def _object(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except OSError as error:
        raise PlanError(path, f"cannot be read ({error.strerror})", remedy="correct --plan") from None
    except (ValueError, RecursionError) as error:
        raise PlanError(path, f"no plain JSON ({error})", "a plan", _AGAIN) from None
    if not isinstance(said, dict):
        raise PlanError(path, f"is {short(said)}", f"an object with {', '.join(KEYS)}", _AGAIN)
    if odd := [f"no {key!r}" for key in KEYS if key not in said] + [f"{key!r}" for key in said if key not in KEYS]:
        raise PlanError(path, f"has {odd[0]}", f"an object with {', '.join(KEYS)}", _AGAIN)
    return said


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is there twice")
    return said


def _target(path: Path, text: object) -> Target:
    if not isinstance(text, str):
        raise PlanError(path, f"target is {short(text)}", EXPECTED)
    try:
        return parse_target(text)
    except ValueError as error:
        raise PlanError(path, f"target: {error}") from None


def _recipes(path: Path, said: object) -> tuple[str, ...]:
    if not isinstance(said, list) or not said or not all(r in RECIPES for r in said):
        raise PlanError(path, f"recipes is {short(said)}", f"a list of some of {', '.join(RECIPES)}")
    return tuple(said)


def _one_of(path: Path, key: str, said: object, choices: Sequence[str]) -> str:
    if said not in choices:
        raise PlanError(path, f"{key} is {short(said)}", " or ".join(choices))
    return str(said)


def _flag(path: Path, key: str, said: object) -> bool:
    if not isinstance(said, bool):
        raise PlanError(path, f"{key} is {short(said)}", "true or false", _AGAIN)
    return said


def _whole(path: Path, key: str, said: object) -> int:
    if type(said) is not int or said < 0:
        raise PlanError(path, f"{key} is {short(said)}", "a whole number from 0")
    return said


def _appearances(
    path: Path, said: object, annotations: Sequence[Annotation], made: NDArray, wanted: Wanted
) -> list[NDArray]:
    if not isinstance(said, Mapping):
        raise PlanError(path, f"pictures is {short(said)}", "an object: id -> appearances", _AGAIN)
    known = {a.id for a in annotations}
    strange = [f"no picture {a.id}" for a in annotations if a.id not in said]
    strange += [f"a picture {name}" for name in said if name not in known]
    if strange:
        raise PlanError(path, f"has {strange[0]}", f"the {len(known)} training pictures of the split", _AGAIN)
    highest = wanted.max_repeat or MOST
    for a, m in zip(annotations, made.tolist(), strict=True):
        row = said[a.id]
        least = int(not (m or (wanted.drop_majority and row == [0] * len(a))))
        if not isinstance(row, list) or not all(type(n) is int and least <= n <= highest for n in row):
            expected = f"a list of whole numbers from {least} to {highest}"
            raise PlanError(path, f"pictures: {a.id} is {short(row)}", expected, "correct it")
        if len(row) != len(a):
            raise PlanError(path, f"pictures: {a.id} has {len(row)} boxes", f"{len(a)}, as in the split", _AGAIN)
    return [np.array(said[a.id], dtype=np.int64) for a in annotations]
