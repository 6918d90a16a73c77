"""Train a classifier on a folder of crops; a killed run goes on from its last epoch, to the same bytes.

    detector classify train --weights mobilenet_v2-b0353104.pth --transfer frozen

Writes args.yaml, results.csv and curves.png (a row an epoch), best.pt (the epoch of the best mean F1 on val: recall
alone would not see false alarms), last.pt (with what `--resume` needs). What an epoch shows, and its dropout, are
functions of (seed, epoch). A last batch of one picture is passed over, since batch norm cannot learn from one.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml

from detector.atomic import write_atomically
from detector.classify.checkpoint import Classifier, load, save
from detector.classify.faces import Face, Faces, labels_of, read_faces
from detector.classify.feeding import Features, Pictures
from detector.classify.learner import Learner, Source
from detector.classify.networks import KINDS, build, load_weights
from detector.classify.options import Options
from detector.classify.plots import curves_png
from detector.classify.scores import score
from detector.classify.settle import settled
from detector.data.order import Order
from detector.data.samplers import repeat_factors
from detector.data.split import Labelled
from detector.errors import DataError, RunError, TrainingError
from detector.loss.class_weights import class_weights
from detector.training.device import choose_device

SEEDS = 1_000_003  # sets the epochs' streams of dropout apart
REDRAWN = 10.0  # seconds between two drawings of the curves, which may take longer than an epoch
Say = Callable[[str], None]
Progress = Callable[[Sequence[int], str], Iterable[int]]


@dataclass
class Reached:
    """Plain values, kept in last.pt. epoch: how many are done.  best: mean F1 on val, reached at `best_epoch`."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def begin(options: Options, place: Callable[[], Path], say: Say, progress: Progress) -> Path:
    """A new run; `place` makes its folder, once nothing more can be wrong with what was given."""
    options = settled(options)
    run = _Run(options, _faces(options), say, progress)
    folder = place()
    write_atomically(folder / "args.yaml", yaml.safe_dump(asdict(options), sort_keys=False).encode())
    run.go(Reached(), folder)
    return folder


def go_on(folder: Path, say: Say, progress: Progress) -> None:
    """A run that was stopped. Raises RunError where there is none, or it is finished."""
    options = read_options(folder)
    faces = _faces(options)
    run = _Run(options, faces, say, progress)
    reached = Reached()
    if (folder / "last.pt").is_file():
        found = load(folder / "last.pt")
        if found.classes != faces.classes:
            raise RunError(folder, f"was trained on {', '.join(found.classes)}", ", ".join(faces.classes))
        reached = Reached(**found.state["reached"])
        run.learner.restore(found.state["learner"])
    if reached.epoch >= options.epochs:
        raise RunError(folder, f"all {options.epochs} epochs are done", "a run that was stopped")
    run.go(reached, folder)


def read_options(folder: Path) -> Options:
    path = folder / "args.yaml"
    if not path.is_file():
        raise RunError(folder, "no args.yaml", "a run of `detector classify train`")
    try:
        return settled(Options(**yaml.safe_load(path.read_text(encoding="utf-8"))))
    except (yaml.YAMLError, TypeError) as error:
        raise RunError(path, "is not the options of a classifier", "a file as it was written") from error


def _faces(options: Options) -> Faces:
    faces = read_faces(Path(options.data))
    counts = np.bincount(labels_of(faces.read("train")), minlength=len(faces.classes))
    faces.read("val")
    if counts.sum() < 2 or (counts > 0).sum() < 2:
        raise DataError(faces.folder / "train", "one picture, or one class", "two pictures of two classes, or more")
    return faces


class _Run:
    def __init__(self, options: Options, faces: Faces, say: Say, progress: Progress) -> None:
        self.options, self.faces, self.say, self.progress = options, faces, say, progress
        self.device, self._drawn = choose_device(options.device), time.monotonic()
        network = build(options.model, len(faces.classes), options.seed)
        if options.weights:
            load_weights(network, options.model, Path(options.weights), head=False)
        train, val = faces.read("train"), faces.read("val")
        self.labels = torch.from_numpy(labels_of(train))
        self.order = Order(len(train), options.batch, options.seed, factors=factors(options.sampler, train))
        counts = np.bincount(self.labels.numpy(), minlength=len(faces.classes))
        weights = torch.from_numpy(class_weights(counts.tolist(), options.class_weights)).float()
        self.learner = Learner(network, options, len(self.order), weights, self.device)
        self.train = self._source(train, options.augment or "none", options.amp)
        self.val = self._source(val, "none", "off")

    def _source(self, faces: tuple[Face, ...], augment: str, amp: str) -> Source:
        options = self.options
        pictures = Pictures(faces, options.img_size or 0, KINDS[options.model].normal, augment, options.seed)
        if options.transfer != "frozen":
            return pictures
        network, batch = self.learner.network, options.batch
        return Features(pictures, network, self.device, batch, options.views, amp,
                        lambda starts: self.progress(starts, "features"))  # fmt: skip

    def go(self, reached: Reached, folder: Path) -> None:
        """All epochs that are left."""
        try:
            while reached.epoch < self.options.epochs:
                self._epoch(reached, folder)
        except KeyboardInterrupt as stop:
            saved = f"{reached.epoch} epochs are saved; go on with `detector classify train --resume {folder}`"
            raise KeyboardInterrupt(saved) from stop

    def _epoch(self, reached: Reached, folder: Path) -> None:
        epoch, steps = reached.epoch, len(self.order)
        torch.manual_seed(self.options.seed * SEEDS + epoch)
        self.order.epoch = epoch
        losses = []
        batches = list(self.order)
        for step in self.progress(range(steps), f"epoch {epoch + 1}/{self.options.epochs}"):
            keys = batches[step]
            if len(keys) < 2 and steps > 1:
                continue
            truths = self.labels[[key.picture for key in keys]]
            shows = [(key.epoch, key.picture, key.turn) for key in keys]
            loss = self.learner.learn(self.train, shows, truths, epoch * steps + step)
            if not np.isfinite(loss):
                raise TrainingError(f"epoch {epoch + 1}, batch {step + 1}", f"the loss is {loss}", "", "lower --lr")
            losses.append(loss)
        self._close(reached, folder, float(np.mean(losses)), self.learner.rate((epoch + 1) * steps - 1))

    def _close(self, reached: Reached, folder: Path, loss: float, rate: float) -> None:
        """Judge the epoch and write it: last.pt at the end, so that a kill before it repeats the epoch."""
        val, classes = self.faces.read("val"), self.faces.classes
        logits, truths = self.learner.logits(self.val, len(val)), labels_of(val)
        values = score(classes, truths, logits.argmax(dim=1).numpy(), [face.source for face in val], [None] * len(val))
        val_loss = float(F.cross_entropy(logits, torch.from_numpy(truths)))
        row: dict[str, Any] = {"epoch": reached.epoch + 1, "lr": rate, "loss": loss, "val_loss": val_loss}
        row |= {"accuracy": values.accuracy, "balanced_accuracy": values.balanced, "mean_f1": values.mean_f1}
        row |= {f"recall_{name}": value for name, value in zip(classes, values.recall, strict=True)}
        after = Reached(reached.epoch + 1, reached.best, reached.best_epoch, [*reached.history, row])
        kept = Classifier(self.options.model, classes, self.options.img_size or 0, self.learner.weights_to_keep())
        if values.mean_f1 > reached.best:
            after.best, after.best_epoch = values.mean_f1, after.epoch
            save(kept, folder / "best.pt")
        write_atomically(folder / "results.csv", _csv(after.history))
        if after.epoch == self.options.epochs or time.monotonic() - self._drawn > REDRAWN:
            write_atomically(folder / "curves.png", curves_png(after.history, classes))
            self._drawn = time.monotonic()
        kept.state.update(reached=asdict(after), learner=self.learner.state())
        save(kept, folder / "last.pt")
        vars(reached).update(vars(after))
        self.say(
            f"epoch {after.epoch:>3}/{self.options.epochs}  loss {loss:.3f}  val {val_loss:.3f}  accuracy "
            f"{values.accuracy:.3f}  balanced {values.balanced:.3f}  F1 {values.mean_f1:.3f}"
        )


def factors(kind: str, faces: Sequence[Face]) -> np.ndarray:
    """(N,): how often an epoch shows each picture. balanced: every class as often as any other, in as many showings."""
    numbers = np.array([face.number for face in faces])
    if kind == "balanced":
        counts = np.bincount(numbers)
        return len(numbers) / ((counts > 0).sum() * counts[numbers])
    if kind == "repeat-factor":
        none = np.zeros((0, 4))
        return repeat_factors([Labelled(face.path, np.array([face.number]), none) for face in faces], 0.5)
    return np.ones(len(numbers))


def _csv(history: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    table = csv.DictWriter(stream, fieldnames=list(history[0]), lineterminator="\n")
    table.writeheader()
    for row in history:
        table.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    return stream.getvalue().encode()
