"""A quick look at some pictures of a set with their boxes: chosen first, then drawn (PNG, terminal) or listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datatools import formats
from datatools.core import Annotation, Dataset
from datatools.display import grid
from datatools.errors import OutputError, PictureError, UserError
from datatools.halfblocks import Screen, legend, side_by_side
from datatools.images import decode, encode
from datatools.outputs import write_file
from datatools.parallel import ordered_map
from datatools.sheets import WIDE_COLUMNS, WIDE_WH, Shot, fitted, note, sheet, whole

IN_FILE, IN_TERMINAL = 16, 6  # pictures, unless the user says how many
LIKE = 8  # names that a message lists


@dataclass(frozen=True)
class Choice:
    """Which pictures.  names: of files, or ids; otherwise `count` of those of a split and with a class, by chance."""

    names: tuple[str, ...] = ()
    split: str = ""
    label: str = ""
    count: int = 0
    seed: int = 0


@dataclass(frozen=True)
class View:
    """The chosen pictures, in the set's order, and their splits."""

    dataset: Dataset
    annotations: tuple[Annotation, ...]
    splits: tuple[str, ...]


def choose(dataset: Dataset, choice: Choice, otherwise: int) -> View:
    """The pictures that are meant.  otherwise: how many, where the user did not say.

    Raises UserError where no picture is meant, or a name means none.
    """
    rows = list(range(len(dataset)))
    if choice.split:
        rows = [k for k in rows if dataset.splits[k] == choice.split]
        _refuse_none(rows, "--split", f"no picture in {choice.split}", dataset.split_names())
    if choice.label:
        named = dataset.classes.index(choice.label) if choice.label in dataset.classes else -1
        rows = [k for k in rows if (dataset.annotations[k].labels == named).any()]
        _refuse_none(rows, "--class", f"no picture with {choice.label}", dataset.classes)
    if choice.names:
        rows = _named(dataset, rows, choice.names)
    elif len(rows) > (n := choice.count or otherwise):
        rng = np.random.default_rng(choice.seed)
        rows = np.sort(rng.choice(np.array(rows), n, replace=False)).tolist()
    return View(dataset, tuple(dataset.annotations[k] for k in rows), tuple(dataset.splits[k] for k in rows))


def _refuse_none(rows: Sequence[int], where: str, found: str, there: Sequence[str]) -> None:
    if not rows:
        raise UserError(where, found, f"some of {', '.join(there[:LIKE])}", "correct it, or leave it out")


def _named(dataset: Dataset, rows: Sequence[int], names: Sequence[str]) -> list[int]:
    """A picture goes by its id, its file's name, or that without suffix."""
    called: dict[str, list[int]] = {}
    for k in rows:
        a = dataset.annotations[k]
        for name in {a.id, a.id.rpartition("/")[2], Path(a.path).name, a.path}:
            called.setdefault(name, []).append(k)
    for name in names:
        if name not in called:
            near = [a.id for a in dataset.annotations if name.lower() in a.id.lower()][:LIKE]
            like = f"such as {', '.join(near)}" if near else f"such as {dataset.annotations[rows[0]].id}"
            raise UserError(name, "no such picture in the set", f"an id or a file name, {like}")
    return sorted({k for name in names for k in called[name]})


def look(
    source: Path, choice: Choice, out: Path | None, screen: Screen | None, *, overwrite: bool = False, **how: Any
) -> tuple[str, dict]:
    """What the command says: text and object.  out: a PNG to write.  screen: the terminal, where it shows colours.

    how: keywords of `formats.read`.
    """
    if out and out.exists() and not overwrite:
        raise OutputError(out, "is already there", remedy="pass --overwrite, or choose another --out")
    view = choose(formats.read(source, **how).dataset, choice, IN_FILE if out else IN_TERMINAL)
    said = {"source": str(source), "pictures": [_object(view, k) for k in range(len(view.annotations))]}
    if out:
        write_file(out, encode(drawn(view, how.get("workers", 0), how.get("quiet", False)), ".png"))
        return f"{out}: {len(view.annotations)} pictures of {source}", said | {"out": str(out)}
    return (on_screen(view, screen) if screen else as_table(view)), said


def drawn(view: View, workers: int = 0, quiet: bool = False) -> NDArray:
    """A contact sheet, (H, W, 3) uint8."""
    cells = [*ordered_map(_cell, view.annotations, workers=workers, item_ms=12, what="drawing", quiet=quiet)]
    return sheet(cells, view.dataset.classes, min(WIDE_COLUMNS, max(len(cells), 1)))


def _cell(a: Annotation) -> NDArray:
    try:
        return whole(Shot(decode(a.path), a, -1, f"{a.id}\n{_boxes(len(a))}"))
    except PictureError as error:
        return note(f"{error.code}\n{a.id}", WIDE_WH)


def on_screen(view: View, screen: Screen) -> str:
    """The pictures as coloured half-blocks, as many side by side as fit."""
    shown = [(_pixels(a, screen), f"{a.id}\n{_said(a, view.dataset.classes)}") for a in view.annotations]
    return f"{legend(view.dataset.classes, screen)}\n\n{side_by_side(shown, screen)}"


def _pixels(a: Annotation, screen: Screen) -> NDArray | None:
    """The picture as large as it may be shown, boxes drawn; None where it cannot be decoded."""
    try:
        pixels = decode(a.path)
    except PictureError:
        return None
    h, w = pixels.shape[:2]
    return fitted(Shot(pixels, a, -1), (0, 0, w, h), screen.room_wh)


def as_table(view: View) -> str:
    """A line a picture: for terminals without colours, files and pipes."""
    pairs = zip(view.annotations, view.splits, strict=True)
    rows = [(a.id, split, "{}×{}".format(*a.size_wh), _said(a, view.dataset.classes)) for a, split in pairs]
    return grid(("picture", "split", "size", "boxes"), rows, "<<><")


def _said(a: Annotation, classes: Sequence[str]) -> str:
    counted = Counter(a.labels.tolist())
    return ", ".join(f"{counted[k]} {classes[k]}" for k in sorted(counted)) or "no boxes"


def _boxes(n: int) -> str:
    return "1 box" if n == 1 else f"{n} boxes"


def _object(view: View, k: int) -> dict:
    a = view.annotations[k]
    boxes = [
        {"class": view.dataset.classes[label], "xyxy": [round(v, 2) for v in box]}
        for label, box in zip(a.labels.tolist(), a.xyxy.tolist(), strict=True)
    ]
    return {"picture": a.id, "path": a.path, "split": view.splits[k], "size": list(a.size_wh), "boxes": boxes}
