"""mAP of every checkpoint that a run kept, as a table, `epochs.csv` and `epochs.png` in the run's folder.

Kept are `epochs/<n>.pt` (`detector train --save-every`), `best.pt` and `last.pt`. The CSV is written after each. What
has the bytes, pictures and settings of a row that is there is not judged again, so that a run that was stopped or has
grown is taken up where it was.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from detector.atomic import write_atomically
from detector.data.loader import Pictures, default_workers
from detector.data.split import Labelled, Split, read_split
from detector.detecting.draw import colour
from detector.detecting.inference import Thresholds
from detector.errors import DataError, RunError
from detector.judging.evaluate import evaluate
from detector.judging.plots import figure_of, png_of
from detector.runs import own_split
from detector.runtimes.opening import Opened, open_runtime

Row = dict[str, Any]


@dataclass(frozen=True)
class Epochs:
    """rows: a checkpoint each, those with a number first.  judged: how many were judged now."""

    folder: Path
    classes: tuple[str, ...]
    rows: list[Row]
    judged: int

    @property
    def numbered(self) -> list[Row]:
        return [row for row in self.rows if row["epoch"] is not None]

    @property
    def best(self) -> Row:
        """The numbered checkpoint of the highest mAP@.5, the first of equals; of all, where none has a number."""
        return max(self.numbered or self.rows, key=lambda row: -1.0 if row["map50"] is None else row["map50"])

    def as_json(self) -> dict[str, Any]:
        return {"run": str(self.folder), "best": self.best["file"], "judged": self.judged, "checkpoints": self.rows}

    def table(self) -> str:
        names = [f"{name:>{max(7, len(name))}}" for name in self.classes]
        lines = [f"  {'checkpoint':14} {'mAP@.5':>7} {'mAP@.5:.95':>11} " + " ".join(names)]
        for row in self.rows:
            each = " ".join(f"{_said(row[f'ap50_{n}']):>{max(7, len(n))}}" for n in self.classes)
            mark = "*" if row is self.best else " "
            lines.append(f"{mark} {row['file']:14} {_said(row['map50']):>7} {_said(row['map50_95']):>11} {each}")
        lines.append(f"* the best. AP@.5 by class. {self.judged} judged now; {self.folder / 'epochs.csv'}, epochs.png")
        if not self.numbered:
            lines.append("No epochs/ here: `detector train --save-every 1` keeps every epoch.")
        return "\n".join(lines)


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


@dataclass(frozen=True)
class Asked:
    """What every checkpoint is judged on, and how."""

    split: Split
    subset: str
    labelled: list[Labelled]
    how: Thresholds
    batch: int
    workers: int | None
    quiet: bool
    ready: dict[int, Pictures] = field(default_factory=dict)  # by side; a run's checkpoints share one

    def settings(self, side: int) -> str:
        """What a figure hangs on beside the weights, in a word: pictures' names and labels, the size, the thinning."""
        digest = hashlib.sha256()
        for one in self.labelled:
            for part in (one.path.name.encode(), one.classes.tobytes(), one.boxes.tobytes(), one.regions.tobytes()):
                digest.update(part)
        thinning = {
            name: value for name, value in asdict(self.how).items() if name not in ("confidence", "by_name", "each")
        }
        digest.update(repr((thinning, side, self.split.classes)).encode())
        return f"{self.subset}-{len(self.labelled)}-{side}-{digest.hexdigest()[:12]}"

    def scores(self, opened: Opened) -> Row:
        if opened.side not in self.ready:
            self.ready[opened.side] = Pictures(self.labelled, opened.side)
        pictures = self.ready[opened.side]
        hands = default_workers(opened.run.device) if self.workers is None else self.workers
        scores, _ = evaluate(opened.run, pictures, self.split.classes, self.how, self.batch, hands, self.quiet)
        aps = {f"ap50_{name}": score.ap50 for name, score in scores.classes.items()}
        return {"map50": scores.map50, "map50_95": scores.map50_95, **aps}


def judge_epochs(
    folder: Path,
    *,
    data: Path | None,
    subset: str,
    how: Thresholds,
    batch: int,
    img_size: int | None,
    device: str | None,
    workers: int | None,
    quiet: bool,
    split: Callable[[], Path],
) -> Epochs:
    """Judge what is not yet in the folder's epochs.csv, and write it."""
    paths = _checkpoints(folder)
    found = read_split(data or own_split(folder / "last.pt") or split())
    asked = Asked(found, subset, found.read(subset), how.known_by(found.classes), batch, workers, quiet)
    before = _read(folder / "epochs.csv", found.classes)
    known = {(row["file"], row["sha256"], row["settings"]): row for row in before}
    rows: list[Row] = []
    judged = 0
    for path in paths:
        opened = _opened(path, found, img_size, device)
        key = str(path.relative_to(folder)), _sha256(path), asked.settings(opened.side)
        row = known.get(key)
        if row is None:
            number = int(path.stem) if path.stem.isdecimal() else None
            row = {"file": key[0], "epoch": number, "sha256": key[1], "settings": key[2], **asked.scores(opened)}
            judged += 1
            # What follows may still be good: a kill now must not lose it.
            left = [one for one in before if one["file"] not in {key[0], *(done["file"] for done in rows)}]
            write_atomically(folder / "epochs.csv", _csv([*rows, row, *left]))
        rows.append(row)
    write_atomically(folder / "epochs.csv", _csv(rows))
    epochs = Epochs(folder, found.classes, rows, judged)
    write_atomically(folder / "epochs.png", epochs_png(epochs))
    return epochs


def _opened(path: Path, split: Split, side: int | None, device: str | None) -> Opened:
    opened = open_runtime(path, classes=split.classes, side=side, device=device, runtime="torch")
    if opened.classes != split.classes:
        theirs = ", ".join(split.classes)
        raise DataError(split.path, f"classes {theirs}", f"the model's: {', '.join(opened.classes)}", "see --data")
    return opened


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checkpoints(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise RunError(folder, "no such folder", "a run that `detector train` wrote")
    numbered = [path for path in (folder / "epochs").glob("*.pt") if path.stem.isdecimal()]
    named = [folder / name for name in ("best.pt", "last.pt") if (folder / name).is_file()]
    paths = sorted(numbered, key=lambda path: int(path.stem)) + named
    if not paths:
        raise RunError(folder, "no checkpoints", "epochs/<n>.pt, best.pt or last.pt", "see `detector train`")
    return paths


def _csv(rows: list[Row]) -> bytes:
    stream = io.StringIO()
    table = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return stream.getvalue().encode()


def _read(path: Path, classes: tuple[str, ...]) -> list[Row]:
    """The rows of an epochs.csv; none where it is absent or is of other columns."""
    if not path.is_file():
        return []
    numbers = ["map50", "map50_95", *(f"ap50_{name}" for name in classes)]
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != ["file", "epoch", "sha256", "settings", *numbers]:
            return []
        rows: list[Row] = list(table)
    try:
        for row in rows:
            row["epoch"] = int(row["epoch"]) if row["epoch"] else None
            row |= {name: float(row[name]) if row[name] else None for name in numbers}
    except (ValueError, TypeError) as error:
        raise RunError(path, f"holds {str(error)[:60]}", "numbers, as they were written", "remove it") from error
    return rows


def epochs_png(epochs: Epochs) -> bytes:
    """mAP and each class's AP by epoch, the best marked; best.pt and last.pt as lines across."""
    from matplotlib.patheffects import withStroke

    edge = [withStroke(linewidth=2.6, foreground="0.35")]
    figure = figure_of((11, 4.2))
    left, right = figure.subplots(1, 2)
    for key, label in (("map50", "mAP@0.5"), ("map50_95", "mAP@0.5:0.95")):
        _line(left, epochs.numbered, key, label, {})
    best = epochs.best
    if best["epoch"] is not None and best["map50"] is not None:
        label = f"best: {best['map50']:.3f}, epoch {best['epoch']}"
        left.plot(best["epoch"], best["map50"], "k*", markersize=13, label=label)
    for row, style in zip([row for row in epochs.rows if row["epoch"] is None], ("--", ":"), strict=False):
        if row["map50"] is not None:
            left.axhline(row["map50"], color="0.4", linestyle=style, label=f"{row['file']}: {row['map50']:.3f}")
    for number, name in enumerate(epochs.classes):
        _line(
            right,
            epochs.numbered,
            f"ap50_{name}",
            name,
            {"color": [part / 255 for part in colour(number)], "path_effects": edge},
        )
    left.set(title="mAP by epoch", xlabel="epoch", ylim=(0, 1.02))
    right.set(title="AP@0.5 by class", xlabel="epoch", ylim=(0, 1.02))
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8)
    return png_of(figure)


def _line(axis: Any, rows: list[Row], key: str, label: str, style: dict[str, Any]) -> None:
    points = [(row["epoch"], row[key]) for row in rows if row[key] is not None]
    if points:
        axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label, **style)
