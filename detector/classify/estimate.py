"""What the grid's cells would take, before they are run: two steps of each are timed, and nothing is written.

Limits: seconds by the clock, for a machine that stays as busy as it is now. Judging, once an epoch, is reckoned at a
third of a training step a picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from detector.classify.compare import Planned
from detector.classify.faces import Faces, labels_of, read_faces
from detector.classify.feeding import Features, Pictures
from detector.classify.learner import Learner, Source
from detector.classify.networks import KINDS, build
from detector.classify.options import Options
from detector.training.device import choose_device

STEPS = 2  # timed, after one that is not
FORWARD = 1 / 3  # of a training step


@dataclass(frozen=True)
class Row:
    """A cell: what is left of it, and what that would take, seconds."""

    planned: Planned
    seconds: float


@dataclass(frozen=True)
class Forecast:
    rows: tuple[Row, ...]

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"model": row.planned.options.model, "transfer": row.planned.options.transfer,
             "epochs": row.planned.options.epochs, "left": row.planned.left, "seconds": round(row.seconds, 1)}
            for row in self.rows
        ]  # fmt: skip

    def table(self) -> str:
        width = max(len(row.planned.folder.name) for row in self.rows)
        lines = [f"{'cell':{width}} {'epochs':>6} {'left':>5} {'about':>8}"]
        for row in self.rows:
            one = row.planned
            lines.append(f"{one.folder.name:{width}} {one.options.epochs:>6} {one.left:>5} {_clock(row.seconds):>8}")
        return "\n".join([*lines, f"{'all':{width}} {'':>12} {_clock(sum(row.seconds for row in self.rows)):>8}"])


def forecast(planned: Sequence[Planned], progress: Iterable[Planned] | None = None) -> Forecast:
    """Time what is left. progress: `planned`, as it is to be gone through."""
    faces = read_faces(Path(planned[0].options.data))
    return Forecast(tuple(Row(one, measure(one.options, faces).of(one.left) if one.left else 0.0)
                          for one in progress or planned))  # fmt: skip


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


@dataclass(frozen=True)
class Cost:
    """Seconds. once: before the first epoch.  epoch: each."""

    once: float
    epoch: float

    def of(self, epochs: int) -> float:
        return self.once + self.epoch * epochs


def measure(options: Options, faces: Faces) -> Cost:
    """The options must be settled. No weights are read: with any it takes as long."""
    train, val, classes = faces.read("train"), faces.read("val"), len(faces.classes)
    device = choose_device(options.device)
    learner = Learner(build(options.model, classes, options.seed), options, 1, torch.ones(classes), device)
    numbers = np.random.default_rng(options.seed).permutation(len(train))[: options.batch]
    few = tuple(train[number] for number in numbers)
    truths = torch.from_numpy(labels_of(few))
    pictures = Pictures(few, options.img_size or 0, KINDS[options.model].normal, options.augment or "none", 0)
    once, source = 0.0, cast(Source, pictures)
    if options.transfer == "frozen":
        began = time.perf_counter()
        source = stood = Features(pictures, learner.network, device, len(few), options.views, options.amp)
        once = (time.perf_counter() - began) / len(few) * (len(train) + len(val) / stood.count)
    for step in range(1 + STEPS):
        if step == 1:
            began = time.perf_counter()
        learner.learn(source, [(0, number, 0) for number in range(len(few))], truths, step)
    each = (time.perf_counter() - began) / STEPS / len(few)
    return Cost(once, each * (len(train) + FORWARD * len(val)))
