"""How good a network is on a split: detections of every picture against its truths, as a value and as a table.

AP ranks every detection down to `LOW_CONFIDENCE`; precision, recall, F1 and TP/FP/FN are those at one confidence
that the user names (.25 by default). A class without truths has no AP and is left out of the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from detector.boxes import Letterbox
from detector.data.loader import Order, Pictures, loader
from detector.detecting.inference import Thresholds, as_runtime, detect_batch
from detector.detecting.runtime import Runtime
from detector.judging.average_precision import MAX_DETECTIONS, ClassScore, mean, score_classes
from detector.judging.found import Found, Least, least_as_json, least_said, truths_of
from detector.judging.matching import Matching, match
from detector.network.model import Darknet

LOW_CONFIDENCE = 0.001
Detect = Callable[[Runtime, Tensor, list[Letterbox]], list[Found]]  # squares and how pictures sit in them


@dataclass(frozen=True)
class Scores:
    """classes: a score a class, in the data set's order.  confidence, overlap: as asked for."""

    classes: dict[str, ClassScore]
    images: int
    confidence: Least
    overlap: float

    @property
    def map50(self) -> float | None:
        return mean([score.ap50 for score in self.classes.values()])

    @property
    def map50_95(self) -> float | None:
        return mean([score.ap50_95 for score in self.classes.values()])

    def as_json(self) -> dict[str, Any]:
        """Plain values; None stands for "not defined"."""
        names = ("ap50", "ap50_95", "precision", "recall", "f1", "tp", "fp", "fn")
        return {
            "map50": self.map50,
            "map50_95": self.map50_95,
            "images": self.images,
            "conf": least_as_json(self.confidence, list(self.classes)),
            "nms": self.overlap,
            "classes": {name: {key: getattr(s, key) for key in names} for name, s in self.classes.items()},
        }

    def table(self) -> str:
        """For people: a line a class and one for all, and what the columns mean."""
        width = max(5, *(len(name) for name in self.classes))
        head = (
            f"{'class':{width}} {'truths':>7} {'AP@.5':>7} {'AP@.5:.95':>10} {'precision':>10} {'recall':>7} {'F1':>6}"
        )
        lines = [head + f" {'TP':>6} {'FP':>6} {'FN':>6}"]
        lines += [_line(name, score, width) for name, score in self.classes.items()]
        every, said = list(self.classes.values()), least_said(self.confidence, list(self.classes))
        total = ClassScore(
            self.map50, self.map50_95, sum(s.tp for s in every), sum(s.fp for s in every), sum(s.fn for s in every)
        )
        lines.append(_line("all", total, width))
        lines.append(
            f"{self.images} pictures. AP: COCO's, all scores from {LOW_CONFIDENCE}, at most {MAX_DETECTIONS} a picture "
            f"and class; 'all' is its mean over classes.\nThe rest: at confidence {said} and IoU .5, "
            f"NMS {self.overlap:g}; 'all' counts every box alike."
        )
        absent = [name for name, score in self.classes.items() if score.ap50 is None]
        if absent:
            lines.append(f"No truth in this split, so no AP and no part in the mean: {', '.join(absent)}.")
        return "\n".join(lines)


def _line(name: str, score: ClassScore, width: int) -> str:
    def number(value: float | None, size: int) -> str:
        return f"{'-' if value is None else f'{value:.3f}':>{size}}"

    return (
        f"{name:{width}} {score.tp + score.fn:>7} {number(score.ap50, 7)} {number(score.ap50_95, 10)} "
        f"{number(score.precision, 10)} {number(score.recall, 7)} {number(score.f1, 6)} "
        f"{score.tp:>6} {score.fp:>6} {score.fn:>6}"
    )


def evaluate(
    model: Darknet | Runtime,
    pictures: Pictures,
    classes: tuple[str, ...],
    how: Thresholds,
    batch: int,
    workers: int,
    quiet: bool,
) -> tuple[Scores, list[Found]]:
    """Scores of `model` on `pictures`, and the detections of each picture."""
    detections = run_model(model, pictures, partial(at_every_score, how), batch, workers, quiet)
    return scores_of(match(detections, truths_of(pictures)), classes, len(pictures), how), detections


def scores_of(matching: Matching, classes: tuple[str, ...], pictures: int, how: Thresholds) -> Scores:
    each = score_classes(matching, len(classes), how.least)
    return Scores(dict(zip(classes, each, strict=True)), pictures, how.least, how.overlap)


def at_every_score(how: Thresholds, run: Runtime, squares: Tensor, boxes: list[Letterbox]) -> list[Found]:
    """Detections down to `LOW_CONFIDENCE`, since AP ranks them all."""
    return detect_batch(run, squares, boxes, how.everywhere(LOW_CONFIDENCE))


def run_model(
    model: Darknet | Runtime, pictures: Pictures, detect: Detect, batch: int, workers: int, quiet: bool
) -> list[Found]:
    """What `detect` finds in every picture, in the order of `pictures`."""
    run = as_runtime(model)
    batches = loader(pictures, Order(len(pictures), batch, seed=0, shuffled=False), workers)
    found: list[Found] = []
    with torch.inference_mode():
        for one in tqdm(batches, desc="evaluate", unit="batch", disable=quiet or None, leave=False):
            boxes = [pictures.letterbox(index) for index in one.indices]
            found += detect(run, one.floats(run.device, torch.contiguous_format), boxes)
    return found
