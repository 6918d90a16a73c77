"""Which faces of a run are shown: some of each mode, before and after, and some that could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath

from numpy.typing import NDArray

from datatools.core import Annotation, Dataset
from datatools.images import decode
from datatools.sheets import Shot, cell, sheet, spread
from datatools.tree import key_of
from generators.making.build import Overlay, rejections, tasks_of
from generators.making.copies import Dresser
from generators.making.plan import Use

SAMPLES, PAIRS, EXAMPLES = 24, 12, 8


def by_mode(overlay: Overlay) -> dict[str, list[Use]]:
    """mode -> its uses."""
    order = list(overlay.plan.modes)
    uses = sorted(overlay.plan.uses, key=lambda use: order.index(use.dress.mode))
    return {mode: list(group) for mode, group in groupby(uses, lambda use: use.dress.mode)}


def preview(overlay: Overlay) -> NDArray:
    """A sheet of faces of every mode, as the run will draw them."""
    tasks = {task.annotation.id: task for task in tasks_of(overlay)}
    cells = []
    for use in spread([use for uses in by_mode(overlay).values() for use in uses], SAMPLES):
        a = tasks[use.id].annotation
        dresser = Dresser(decode(a.path), a, overlay.naming, overlay.wardrobe)
        pixels, copy = dresser.dressed(tasks[use.id].copies[use.copy])
        cells.append(cell(Shot(pixels, copy, use.box, _caption(use))))
    return sheet(cells, overlay.source.classes)


def _caption(use: Use) -> str:
    return f"{use.dress.mode}, {use.dress.recipe.kind}, {use.face.size:.0f} px"


class Album:
    """Pictures of a split that was written.  written: as it was read back from the disk."""

    def __init__(self, overlay: Overlay, written: Dataset) -> None:
        self.overlay = overlay
        self._made = {a.id: a for a in written.annotations}
        self._originals = {s.annotation.id: s.annotation for s in overlay.scans}
        self._stems = {task.annotation.id: task.stem for task in tasks_of(overlay)}

    def sheet_of(self, uses: Sequence[Use]) -> NDArray:
        """Some faces with all boxes of their pictures."""
        return sheet([cell(self._after(use)) for use in spread(uses, SAMPLES)], self.overlay.source.classes)

    def pairs_of(self, uses: Sequence[Use]) -> NDArray:
        """Some faces before and after, side by side, without boxes and with them."""
        cells = []
        for use in spread(uses, PAIRS):
            after = self._after(use)
            around = after.annotation.xyxy[use.box]
            before = self._before(use.id, use.box, PurePosixPath(use.id).name)
            bare = Shot(after.pixels, after.annotation, use.box, "", framed=False)
            cells += [cell(shot, around) for shot in (before, bare, after)]
        return sheet(cells, self.overlay.source.classes)

    def rejected(self) -> dict[str, NDArray]:
        """reason -> some of the faces that could not be used, with what decided."""
        found: dict[str, list[dict]] = {}
        for line in rejections(self.overlay):
            if "box" in line:
                found.setdefault(line["reason"], []).append(line)
        classes = self.overlay.source.classes
        return {
            reason: sheet([cell(self._before(line["source"], line["box"], line["detail"])) for line in some], classes)
            for reason, lines in found.items()
            if (some := spread(lines, EXAMPLES))
        }

    def _after(self, use: Use) -> Shot:
        a: Annotation = self._made[key_of(f"{self._stems[use.id]}{use.copy:03d}.jpg")]
        return Shot(decode(a.path), a, use.box, _caption(use))

    def _before(self, name: str, box: int, caption: str) -> Shot:
        a = self._originals[name]
        return Shot(decode(a.path), a, box, caption, framed=False)
