"""A run's folder: settings, weights, figures and pictures, each written whole or not at all.

args.yaml: every option as it was settled.  first_batches.png, labels.png: before anything is spent.  An epoch writes
results.csv, curves.png and predictions.png anew; a new best one what
`judging_sheets` draws.

results.csv: a row an epoch, row 0 before any training: epoch, lr, the loss terms (means over the epoch's slots),
map50, map50_95, ap50 of each class, val_loss (only where there is no mAP). It is written anew from the history,
so a kill cannot tear it, and holds no clock time, so a resumed run's equals an uninterrupted one's.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from detector.atomic import write_atomically
from detector.data.first_batches import first_batches
from detector.data.loader import Pictures
from detector.detecting.inference import Thresholds
from detector.judging.found import Found, truths_of
from detector.judging.sheets import judging_sheets
from detector.network.model import Darknet
from detector.training.feed import Feed
from detector.training.label_plot import labels_png
from detector.training.plots import curves_png, predictions_png
from detector.training.progress import Progress
from detector.training.validate import Verdict


def row(at: Progress, verdict: Verdict, classes: tuple[str, ...]) -> dict[str, Any]:
    """A line of results.csv; None where there is nothing to say."""
    box, objectness, per_class = at.means or (None, None, None)
    values = {"epoch": at.epoch, "lr": at.rate, "box": box, "objectness": objectness, "class": per_class}
    scores = verdict.scores
    values |= {"map50": scores.map50 if scores else None, "map50_95": scores.map50_95 if scores else None}
    values |= {f"ap50_{name}": scores.classes[name].ap50 if scores else None for name in classes}
    return values | {"val_loss": verdict.loss}


@dataclass(frozen=True)
class Record:
    """Writes what a run leaves behind, apart from its weights. written: whether this process writes at all."""

    folder: Path
    options: dict[str, Any]
    classes: tuple[str, ...]
    written: bool = True

    def __post_init__(self) -> None:
        if not self.written:
            return
        text = yaml.safe_dump(self.options, sort_keys=False, allow_unicode=True)
        write_atomically(self.folder / "args.yaml", text.encode())

    def show_first(self, feed: Feed, model: Darknet) -> None:
        """first_batches.png and labels.png."""
        if not self.written:
            return
        anchors = [anchors.cpu().numpy() for anchors in model.anchors_wh]
        pictures = {
            "first_batches.png": first_batches(feed.train, feed.order, self.classes),
            "labels.png": labels_png(feed.train, feed.val, self.classes, anchors, min(model.strides)),
        }
        self._keep(pictures)

    def show_best(self, val: Pictures, found: list[Found]) -> None:
        """What `detector evaluate` draws, of the best epoch so far."""
        self._keep(judging_sheets(val, found, truths_of(val), self.classes, Thresholds().confidence))

    def _keep(self, pictures: dict[str, bytes]) -> None:
        for name, content in pictures.items():
            write_atomically(self.folder / name, content)

    def write(self, history: list[dict[str, Any]], val: Pictures | None, found: list[Found]) -> None:
        """results.csv, curves.png and, where there are pictures to validate on, predictions.png."""
        stream = io.StringIO()
        table = csv.DictWriter(stream, fieldnames=list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({key: _cell(value) for key, value in line.items()} for line in history)
        write_atomically(self.folder / "results.csv", stream.getvalue().encode())
        write_atomically(self.folder / "curves.png", curves_png(history, self.classes))
        if val is not None:
            write_atomically(self.folder / "predictions.png", predictions_png(val, found, self.classes))

    def numbered(self, epoch: int, every: int) -> list[str]:
        """The file that keeps `epoch`, where every `every`-th is kept; in a list of one or none."""
        if not every or epoch % every or not epoch:
            return []
        (self.folder / "epochs").mkdir(exist_ok=True)
        return [f"epochs/{epoch:03}.pt"]

    def line(self, values: dict[str, Any], epochs: int, seconds: float | None = None) -> str:
        """An epoch, for people; `seconds` is what it took, from which the rest of the run is guessed."""
        parts = [f"epoch {values['epoch']:>3}/{epochs}"]
        if values["box"] is not None:
            parts.append(f"loss {values['box'] + values['objectness'] + values['class']:.2f}")
        if values["map50"] is not None:
            parts.append(f"mAP@.5 {values['map50']:.3f}  mAP@.5:.95 {values['map50_95']:.3f}")
            each = [(name, values[f"ap50_{name}"]) for name in self.classes]
            parts.append(" ".join(f"{name} {'-' if ap is None else f'{ap:.3f}'}" for name, ap in each))
        if seconds is not None:
            left = timedelta(seconds=round(seconds * (epochs - values["epoch"])))
            parts.append(f"{seconds:.0f} s" + (f", {left} left" if left else ""))
        return "  ".join(parts)


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
