"""A contact sheet of copies with their boxes, to look at before a full run is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datatools.balance.apply import Settings
from datatools.balance.pixels.augment import Augmenter
from datatools.balance.pixels.copies import Copier, Task, tasks_of
from datatools.balance.run import Balance
from datatools.images import decode, encode
from datatools.sheets import WIDE_COLUMNS, Shot, sheet, spread, whole

NO_BOX = -1  # of a Shot: none is drawn thicker than the others
_BOOKKEEPING = ("recipe", "copy", "seed", "draw", "flips_only")  # of a manifest's line; the rest says what was done
_NAMES = {"window": "crop", "erased": "erase", "ignored": "ignore", "pasted": "paste"}
_COUNTED = ("erased", "ignored", "pasted")  # lists of boxes


def contact_sheet(balance: Balance, settings: Settings, cells: int = 16) -> bytes:
    """PNG of `cells` copies, spread over the plan; each exactly as the full run will write it."""
    shots = copy_shots(spread(copies_of(balance), cells), settings)
    return encode(sheet([whole(shot) for shot in shots], balance.plan.classes, WIDE_COLUMNS), ".png")


def copies_of(balance: Balance) -> list[tuple[Task, int]]:
    """Every copy that the plan makes: its picture's task, and its number."""
    tasks = tasks_of(balance.plan, balance.dataset.of_split("train"))
    return [(task, number) for task in tasks for number in range(1, len(task.kept) + 1)]


def copy_shots(copies: Sequence[tuple[Task, int]], settings: Settings) -> list[Shot]:
    """Each copy as it will be written."""
    augmenter = Augmenter(settings.policy, settings.min_visibility, settings.box_fit)
    shots = []
    for task, number in copies:
        copier = Copier(task, augmenter, settings.seed)
        copy = copier.make(number)
        pixels = decode(copier.encoded(copy, settings.suffix, settings.quality))
        shots.append(Shot(pixels, copy.annotation, NO_BOX, caption(copy.annotation.id, copy.recipe)))
    return shots


def recipe_name(recipe: Mapping[str, Any]) -> str:
    """What was done to a made picture, by its line in the manifest: `augment`, `erase`, `crop, erase` ..."""
    return ", ".join(_NAMES.get(key, key) for key in _done(recipe)) or str(recipe["recipe"])


def caption(name: str, recipe: Mapping[str, Any]) -> str:
    """The picture's name, and on a second line what was done to it."""
    done = _done(recipe)
    notes = [f"{len(done[key])} {key}" if key in _COUNTED else _NAMES.get(key, key) for key in done]
    return "\n".join([name.split("/")[-1], ", ".join([*notes, *["flips only"] * ("flips_only" in recipe)])])


def _done(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of a copy beyond the bookkeeping; nothing of other made pictures."""
    if recipe["recipe"] != "augment":
        return {}
    return {key: value for key, value in recipe.items() if key not in _BOOKKEEPING and value}
