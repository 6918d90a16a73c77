"""Contact sheets of `datatools preview`: what each operator, each policy and each recipe does; boxes drawn.

Operators and policies are shown as they are drawn, once and without a second try: a box that leaves the picture is
gone, and the caption counts it.  `balance` would draw again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datatools import formats
from datatools.balance.apply import Settings
from datatools.balance.pixels.augment import Augmenter, Drawn
from datatools.balance.pixels.box_fit import moved_boxes
from datatools.balance.pixels.colour import compressed
from datatools.balance.pixels.copies import Copier
from datatools.balance.pixels.geometry import draw_geometry
from datatools.balance.pixels.policy import SHIPPED, SINGLE, Policy, read_policy
from datatools.balance.planning.plan import Wanted
from datatools.balance.preview import NO_BOX, caption, copies_of, copy_shots, recipe_name
from datatools.balance.run import Balance, plan_balance
from datatools.core import Annotation, Dataset, areas, clip_boxes
from datatools.errors import LayoutError, OutputError
from datatools.images import decode, encode
from datatools.outputs import write_file
from datatools.provenance import Provenance, read_provenance
from datatools.sheets import WIDE_COLUMNS, Shot, row, sheet, spread, window
from datatools.streams import picture_stream
from datatools.walk import folder_of

COLUMNS = 5  # of a row: the picture itself and four results
STEPS = ("low", "1/3", "2/3", "high")  # of an operator's range
SIDE = 0.25  # a box's height, in parts of the picture's, at which it is seen best
MARGIN = 0.06  # between a box and the picture's border, in parts of the picture
PAIRS = 4  # of a picture and its copy, for each recipe
LOOKED_AT = 300  # copies, spread over the plan, among which recipes are looked for
NO_PHOTOGRAPH = Shot(np.full((1, 1, 3), 255, np.uint8), Annotation("", "", (1, 1)), NO_BOX)


def write_gallery(
    source: Path, by: str, out: Path, policy: str, settings: Settings, *, overwrite: bool = False
) -> None:
    """Draw the sheet of a set to a PNG file.  by: operator, policy or recipe.

    policy: what the settings' policy is called; "" where the user named none: a sheet by policy shows all that ship.
    Raises OutputError where the file is there already.
    """
    if out.exists() and not overwrite:
        raise OutputError(out, "is already there", remedy="pass --overwrite, or choose another --out")
    write_file(out, encode(_drawn(source, by, policy, settings), ".png"))


def _drawn(source: Path, by: str, policy: str, settings: Settings) -> NDArray:
    workers = settings.workers
    known = read_provenance(folder_of(source))
    if by == "recipe" and not any(origin.recipe == "augment" for origin in known.origins.values()):
        return by_recipe(plan_balance(source, Wanted(seed=settings.seed), workers=workers, quiet=True), settings)
    dataset = formats.read(source, workers=workers, quiet=True).dataset
    if by == "recipe":
        return by_recipe_made(dataset, known)
    if by == "operator":
        return by_operator(dataset, settings.policy, settings)
    names = [policy] if policy else SHIPPED
    return by_policy(dataset, {Path(name).stem: read_policy(name) for name in names}, settings)


def by_operator(dataset: Dataset, policy: Policy, settings: Settings) -> NDArray:
    """A row for each range that the policy draws from: the picture, and the operator at four places of the range.

    Where the operator changes colours alone, the largest box is shown closely.
    """
    (shown,) = _examples(dataset, 1)
    pixels = decode(shown.path)
    cells = []
    for (name, key), steps in _operators(policy).items():
        shots = [Shot(pixels, shown, NO_BOX, f"{name} {key}".strip())]
        for said, alone in steps:
            shot = _tried(pixels, shown, alone, settings, 0)
            shots.append(replace(shot, caption=f"{said}\n{shot.caption}"))
        near = name in policy.colour and len(shown)
        parts = [window(shown.xyxy[areas(shown.xyxy).argmax()], shown.size_wh)] * len(shots) if near else ()
        cells += row(shots, COLUMNS, parts)
    return sheet(cells, dataset.classes, COLUMNS)


def by_policy(dataset: Dataset, policies: Mapping[str, Policy], settings: Settings, rows: int = 3) -> NDArray:
    """For each policy some rows of a picture and four draws."""
    cells = []
    for name, policy in policies.items():
        for shown in _examples(dataset, rows):
            pixels = decode(shown.path)
            first = Shot(pixels, shown, NO_BOX, f"{name}\n{shown.id.split('/')[-1]}")
            cells += row([first, *(_tried(pixels, shown, policy, settings, k) for k in range(1, COLUMNS))], COLUMNS)
    return sheet(cells, dataset.classes, COLUMNS)


def by_recipe(balance: Balance, settings: Settings) -> NDArray:
    """For each recipe some pairs of a picture and its copy, as the plan makes them."""
    looked_at = spread(copies_of(balance), LOOKED_AT)
    augmenter = Augmenter(settings.policy, settings.min_visibility, settings.box_fit)
    named: dict[str, list] = {}
    for task, number in looked_at:
        name = recipe_name(Copier(task, augmenter, settings.seed).make(number).recipe)
        named.setdefault(name, []).append((task, number))
    rows: dict[str, list[Shot]] = {}
    for name, copies in sorted(named.items()):
        some = spread(copies, PAIRS)
        before = [Shot(decode(task.annotation.path), task.annotation, NO_BOX) for task, _ in some]
        rows[name] = [shot for pair in zip(before, copy_shots(some, settings), strict=True) for shot in pair]
    counts = {name: f"{len(copies)} of {len(looked_at)} copies" for name, copies in named.items()}
    return _pairs(rows, counts, balance.plan.classes)


def by_recipe_made(dataset: Dataset, known: Provenance) -> NDArray:
    """The same of a set that holds made pictures already."""
    photographs = {a.id: a for a in dataset.annotations if not known.is_made(a.id)}
    named: dict[str, list[Annotation]] = {}
    for a in dataset.annotations:
        if known.is_made(a.id):
            named.setdefault(recipe_name(_line(known, a.id)), []).append(a)
    rows: dict[str, list[Shot]] = {}
    for name, made in sorted(named.items()):
        rows[name] = []
        for a in spread(made, PAIRS):
            before = next((photographs[s] for s in known.origins[a.id].sources if s in photographs), None)
            first = Shot(decode(before.path), before, NO_BOX) if before else NO_PHOTOGRAPH
            rows[name] += [first, Shot(decode(a.path), a, NO_BOX, caption(a.id, _line(known, a.id)))]
    return _pairs(rows, {name: f"{len(made)} pictures" for name, made in named.items()}, dataset.classes)


def _line(known: Provenance, name: str) -> dict:
    origin = known.origins[name]
    return {"recipe": origin.recipe, **origin.more}


def _pairs(rows: Mapping[str, Sequence[Shot]], counts: Mapping[str, str], classes: Sequence[str]) -> NDArray:
    cells: list[NDArray] = []
    for name, shots in rows.items():
        said = [shot if k % 2 else replace(shot, caption=f"{name}\n{counts[name]}") for k, shot in enumerate(shots)]
        for k in range(0, len(said), WIDE_COLUMNS):
            cells += row(said[k : k + WIDE_COLUMNS], WIDE_COLUMNS)
    return sheet(cells, classes, WIDE_COLUMNS)


def _operators(policy: Policy) -> dict[tuple[str, str], list[tuple[str, Policy]]]:
    """(operator, key) -> what is said of it, and the policy that does this alone, for all that the policy may do."""
    found: dict[tuple[str, str], list[tuple[str, Policy]]] = {}
    for group in ("geometry", "colour"):
        for name, values in getattr(policy, group).items():
            rest = {key: value for key, value in values.items() if key in SINGLE} | {"p": 1.0}
            keys = [key for key in values if key not in SINGLE] if values.get("p", 1.0) else []
            if values.get("p", 1.0) and not keys:
                found[name, ""] = [("flipped", _alone(policy, group, name, rest))]
            for key in keys:
                low, high = values[key]
                steps = [low + (high - low) * k / (len(STEPS) - 1) for k in range(len(STEPS))]
                alone = [_alone(policy, group, name, rest | {key: (v, v)}) for v in steps]
                said = [f"{step}: {value:.3g}" for step, value in zip(STEPS, steps, strict=True)]
                found[name, key] = list(zip(said, alone, strict=True))
    return found


def _alone(policy: Policy, group: str, name: str, values: dict) -> Policy:
    """A policy of one operator, with the border of another policy."""
    said = {name: values}
    return Policy(said, {}, policy.border) if group == "geometry" else Policy({}, said, policy.border)


def _tried(pixels: NDArray, shown: Annotation, policy: Policy, settings: Settings, number: int) -> Shot:
    """One draw of the policy, accepted whatever it does to the boxes."""
    rng = picture_stream(settings.seed, shown.id, number)
    geometry = draw_geometry(policy.geometry, shown.size_wh, rng)
    moved = moved_boxes(geometry.matrix, shown.xyxy, settings.box_fit)
    inside = clip_boxes(moved, geometry.size_wh)
    drawn = Drawn(geometry, inside, settings.box_fit, 0)
    made, colours = Augmenter(policy, 0.0, settings.box_fit).pixels(pixels, drawn, rng)
    left = areas(inside) > 0
    cut = int((areas(inside)[left] < settings.min_visibility * areas(moved)[left]).sum())
    notes = [f"{n} {what}" for n, what in ((int((~left).sum()), "gone"), (cut, "cut too far")) if n]
    regions = drawn.move(shown.ignored)
    seen = replace(shown.take(left), size_wh=geometry.size_wh, xyxy=inside[left], ignored=regions)
    return Shot(compressed(made, colours.jpeg), seen, NO_BOX, ", ".join(notes))


def _examples(dataset: Dataset, n: int) -> list[Annotation]:
    """Training pictures on which boxes are seen best: of several classes, neither tiny nor filling the picture."""

    def rank(a: Annotation) -> tuple:
        room = [*a.size_wh] * 2
        margin = np.abs(a.xyxy / room - [0, 0, 1, 1]).min() if len(a) else 0.0
        away = np.abs((a.xyxy[:, 3] - a.xyxy[:, 1]) / a.size_wh[1] - SIDE).mean() if len(a) else 1.0
        return min(len(a), 2) * -1, margin < MARGIN, -len(set(a.labels.tolist())), away, a.id

    chosen = dataset.of_split("train") or dataset.annotations
    if not chosen:
        raise LayoutError("SOURCE", "no picture to show", "a set of pictures", "see `datatools check`")
    return sorted(chosen, key=rank)[:n]
