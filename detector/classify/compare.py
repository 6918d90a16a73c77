"""The grid of models and modes on one folder of crops, as the table that the second study reports.

    <out>/<model>-<mode>/   a run, and scores.json and confusion.png on the subset that was asked for
    <out>/table.md, table.json

A finished cell is not run again, a stopped one goes on from its last epoch. A cell's folder that holds a run with
other options is refused. Everything is checked before the first cell begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.atomic import write_atomically
from detector.classify.checkpoint import load
from detector.classify.evaluate import evaluate, write_scores
from detector.classify.faces import read_faces
from detector.classify.options import TRANSFERS, Options
from detector.classify.scores import Scores
from detector.classify.settle import settled
from detector.classify.train import Progress, Say, begin, go_on, read_options
from detector.errors import RunError, UserError


@dataclass(frozen=True)
class Cell:
    model: str
    transfer: str
    scores: Scores


@dataclass(frozen=True)
class Grid:
    """subset: that was judged.  cells: in the order in which they were asked for."""

    folder: Path
    subset: str
    cells: tuple[Cell, ...]

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"model": one.model, "transfer": one.transfer, "subset": self.subset, **one.scores.as_json()}
            for one in self.cells
        ]

    def table(self) -> str:
        """Markdown: precision / recall by class, then what sums up."""
        classes = self.cells[0].scores.classes
        sizes = [name for name, _, count in self.cells[0].scores.sizes if count]
        head = ["model", "transfer", *classes, "F1, mean", "balanced", "accuracy (95 %)", *(f"{s} px" for s in sizes)]
        rows = [head, ["---"] * len(head), *(_row(one) for one in self.cells)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(one: Cell) -> list[str]:
    scores = one.scores
    each = [f"{_short(p)} / {_short(r)}" for p, r in zip(scores.precision, scores.recall, strict=True)]
    low, high = _short(scores.interval.low), _short(scores.interval.high)
    sizes = [f"{_short(right / count)} of {count}" for _, right, count in scores.sizes if count]
    accuracy = f"{_short(scores.accuracy)} ({low}–{high})"
    return [one.model, one.transfer, *each, _short(scores.mean_f1), _short(scores.balanced), accuracy, *sizes]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


@dataclass(frozen=True)
class Planned:
    """A cell before it is run. done: epochs that its folder holds; None where nothing has begun."""

    options: Options
    folder: Path
    done: int | None

    @property
    def left(self) -> int:
        return self.options.epochs - (self.done or 0)


def plan(
    common: Options, cells: Sequence[tuple[str, str]], weights: dict[str, str], epochs: dict[str, int], out: Path
) -> tuple[Planned, ...]:
    """common: what all cells share.  weights: a file for a model.  epochs: of a mode, where it has its own."""
    found = []
    for model, transfer in cells:
        folder, options = out / f"{model}-{transfer}", _options(common, model, transfer, weights, epochs)
        _refuse_other(folder, options)
        found.append(Planned(options, folder, _done(folder)))
    return tuple(found)


def compare(planned: Sequence[Planned], out: Path, subset: str | None, say: Say, progress: Progress) -> Grid:
    """subset: None for test where there is one, else val."""
    faces = read_faces(Path(planned[0].options.data))
    judged = subset or ("test" if faces.subsets.get("test") else "val")
    faces.read(judged)
    done = []
    for number, one in enumerate(planned, start=1):
        say(f"{one.folder} ({number} of {len(planned)}): {_what(one)}")
        done.append(Cell(one.options.model, one.options.transfer, _cell(one, judged, say, progress)))
    grid = Grid(out, judged, tuple(done))
    write_atomically(out / "table.md", (grid.table() + "\n").encode())
    content = json.dumps(grid.as_json(), ensure_ascii=False, indent=1)
    write_atomically(out / "table.json", content.encode())
    return grid


def _options(common: Options, model: str, transfer: str, weights: dict[str, str], epochs: dict[str, int]) -> Options:
    pretrained = None if transfer == "scratch" else weights.get(model)
    if transfer != "scratch" and pretrained is None:
        remedy = f"give --weights {model}=FILE, or leave it out by --model, --transfer or --cell"
        raise UserError("--weights", f"{model} {transfer} begins from pretrained weights", "a file of them", remedy)
    one = replace(common, model=model, transfer=transfer, weights=pretrained)
    return settled(replace(one, epochs=epochs.get(transfer, common.epochs)))


def _refuse_other(folder: Path, options: Options) -> None:
    if (folder / "args.yaml").is_file() and read_options(folder) != options:
        raise RunError(folder, "holds a run with other options", "an empty folder", "see --out, or remove it")


def _done(folder: Path) -> int | None:
    """How many epochs of the cell are there; None where nothing has begun."""
    if not (folder / "args.yaml").is_file():
        return None
    return int(load(folder / "last.pt").state["reached"]["epoch"]) if (folder / "last.pt").is_file() else 0


def _what(one: Planned) -> str:
    if one.done is None:
        return f"{one.options.epochs} epochs"
    return f"going on, {one.left} of {one.options.epochs} epochs left" if one.left else "trained already"


def _cell(one: Planned, subset: str, say: Say, progress: Progress) -> Scores:
    options, folder = one.options, one.folder
    if one.done is None:
        begin(options, lambda: _made(folder), say, progress)
    elif one.left:
        go_on(folder, say, progress)
    scores = evaluate(folder / "best.pt", Path(options.data), subset, batch=options.batch, device=options.device)
    write_scores(scores, folder, f"{options.model}, {options.transfer}: {subset}")
    return scores


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pairs(given: Iterable[str], where: str, keys: Sequence[str], form: str) -> dict[str, str]:
    """`KEY=VALUE` words as a mapping. Raises UserError where a key is none of `keys`."""
    found = {}
    for word in given:
        key, _, value = word.partition("=")
        if key not in keys or not value:
            raise UserError(where, repr(word), form, f"where there is: {', '.join(keys)}")
        found[key] = value
    return found


def epochs_of(given: Sequence[str], default: int) -> tuple[int, dict[str, int]]:
    """`N` and `MODE=N` words: of all modes, and of those that have their own. Raises UserError."""
    own = pairs([word for word in given if "=" in word], "--epochs", TRANSFERS, "MODE=N")
    common = [word for word in given if "=" not in word] or [str(default)]
    for word in (*common, *own.values()):
        if not word.isdecimal() or int(word) < 1:
            raise UserError("--epochs", repr(word), "a whole number from 1")
    return int(common[-1]), {mode: int(word) for mode, word in own.items()}
