"""Contact sheets: boxes of each class from the smallest to the largest, and pictures of each recipe, boxes drawn.

Only these pictures are decoded.  One that cannot be is a problem with a cell that says so, and no reason to stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation, Dataset, areas, clip_boxes
from datatools.errors import PictureError
from datatools.images import decode
from datatools.parallel import ordered_map
from datatools.problems import Problem
from datatools.provenance import Provenance
from datatools.sheets import CELL_PX, COLUMNS, WIDE_COLUMNS, WIDE_WH, Shot, cell, note, sheet, spread, whole

SHOTS = 12  # on a sheet
MOST_SHOTS = 96  # on the sheets of all classes together, but for four of each class
WITHOUT_RECIPE = ""


@dataclass(frozen=True, eq=False, slots=True)
class Wanted:
    """A cell to make.  box: index of the box in its middle, -1 for the whole picture."""

    annotation: Annotation
    box: int
    caption: str


@dataclass(frozen=True, slots=True)
class Album:
    """classes: class -> its sheet.  recipes: recipe -> its sheet; one under "" where no manifest says anything.

    problems: the pictures that could not be shown.
    """

    classes: dict[str, NDArray] = field(default_factory=dict)
    recipes: dict[str, NDArray] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def make_album(dataset: Dataset, known: Provenance, *, workers: int = 0, quiet: bool = False) -> Album:
    """Decode and draw the sheets; those without a cell are absent."""
    by_class = {name: boxes for k, name in enumerate(dataset.classes) if (boxes := boxes_of(dataset, k))}
    by_recipe = pictures_of(dataset, known)
    wanted = [w for some in (*by_class.values(), *by_recipe.values()) for w in some]
    made = [*ordered_map(_shown, wanted, workers=workers, item_ms=12, what="drawing", quiet=quiet)]
    cells = iter(cell for cell, _ in made)
    faults = {problem.file: problem for _, problem in made if problem}

    def sheets(wanted: dict[str, list[Wanted]], columns: int) -> dict[str, NDArray]:
        return {name: sheet([*islice(cells, len(some))], dataset.classes, columns) for name, some in wanted.items()}

    return Album(sheets(by_class, COLUMNS), sheets(by_recipe, WIDE_COLUMNS), tuple(faults.values()))


def boxes_of(dataset: Dataset, label: int) -> list[Wanted]:
    """Boxes of a class from the smallest to the largest, as far as they can be seen."""
    seen: list[tuple[float, Annotation, int]] = []
    for a in dataset.annotations if len(dataset.classes) else ():
        mine = np.flatnonzero(a.labels == label)
        if a.path and len(mine):
            inside = areas(clip_boxes(a.xyxy[mine], a.size_wh))
            seen += [(area, a, k) for area, k in zip(inside.tolist(), mine.tolist(), strict=True) if area > 0]
    seen.sort(key=lambda one: one[0])
    count = max(4, min(SHOTS, MOST_SHOTS // len(dataset.classes)))
    return [Wanted(a, k, f"{area**0.5:.0f} px\n{_name(a)}") for area, a, k in spread(seen, count)]


def pictures_of(dataset: Dataset, known: Provenance) -> dict[str, list[Wanted]]:
    """Some pictures of each recipe, in order; all are one recipe where there is no manifest."""
    found: dict[str, list[Annotation]] = {}
    for a in dataset.annotations:
        if a.path:
            recipe = known.origins[a.id].recipe if a.id in known.origins else WITHOUT_RECIPE
            found.setdefault(recipe, []).append(a)
    return {
        recipe: [
            Wanted(a, -1, f"{_name(a)}\n{len(a)} {'box' if len(a) == 1 else 'boxes'}") for a in spread(some, SHOTS)
        ]
        for recipe, some in sorted(found.items())
    }


def _name(a: Annotation) -> str:
    return a.id.split("/")[-1]


def _shown(wanted: Wanted) -> tuple[NDArray, Problem | None]:
    """The cell, and why there is no picture in it.  In a worker."""
    a, one = wanted.annotation, wanted.box >= 0
    try:
        shot = Shot(decode(a.path), a, wanted.box, wanted.caption)
    except PictureError as error:
        said = note(f"{error.code}\n{_name(a)}", (CELL_PX, CELL_PX) if one else WIDE_WH)
        return said, Problem(error.code, a.path, 0, error.found, error.remedy, a.id)
    return cell(shot, clip_boxes(a.xyxy[wanted.box], a.size_wh)) if one else whole(shot), None
