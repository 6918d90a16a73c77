"""A contact sheet of copies with their boxes, to look at before a full run is spent."""

from __future__ import annotations

from datatools.balance.apply import Settings
from datatools.balance.augment import Augmenter
from datatools.balance.copies import Copier, Copy, tasks_of
from datatools.balance.run import Balance
from datatools.images import encode
from datatools.sheets import WIDE_COLUMNS, Shot, sheet, spread, whole

NO_BOX = -1  # of a Shot: none is drawn thicker than the others


def contact_sheet(balance: Balance, settings: Settings, cells: int = 16) -> bytes:
    """PNG of `cells` copies, spread over the plan; each exactly as the full run will write it."""
    tasks = tasks_of(balance.plan, balance.dataset.of_split("train"))
    pairs = [(task, number) for task in tasks for number in range(1, len(task.kept) + 1)]
    augmenter = Augmenter(settings.policy, settings.min_visibility, settings.box_fit)
    copies = [Copier(task, augmenter, settings.seed).make(number) for task, number in spread(pairs, cells)]
    made = [whole(Shot(copy.pixels, copy.annotation, NO_BOX, _caption(copy))) for copy in copies]
    return encode(sheet(made, balance.plan.classes, WIDE_COLUMNS), ".png")


def _caption(copy: Copy) -> str:
    erased = len(copy.recipe.get("erased", ()))
    notes = [f"{erased} erased" if erased else "", "flips only" if "flips_only" in copy.recipe else ""]
    return "\n".join([copy.annotation.id.split("/")[-1], ", ".join(note for note in notes if note)])
