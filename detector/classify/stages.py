"""The two stages together: a detector's boxes, named anew by a classifier, beside the names that the detector gives.

Both name the same boxes: the detector's from one confidence on, thinned without regard to their class, so that a face
is one box. A box keeps the detector's score. A box is right where a truth of the same name overlaps it by half (COCO's
matching), so a face that the detector misses is lost to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from detector.boxes import Letterbox
from detector.classify.crops import square_of
from detector.classify.evaluate import Opened
from detector.classify.feeding import squared
from detector.data.loader import Pictures
from detector.data.pictures import read_picture
from detector.data.split import read_split
from detector.detecting.inference import Thresholds, detect_batch
from detector.detecting.runtime import Runtime
from detector.errors import DataError
from detector.judging.average_precision import ClassScore, score_classes
from detector.judging.evaluate import run_model
from detector.judging.found import Found, Truth, truths_of
from detector.judging.matching import match
from detector.runtimes.opening import open_runtime

MOST = 256  # side of a crop, as `detector classify crops` shrinks them
Progress = Callable[[Sequence[int]], Iterable[int]]


@dataclass(frozen=True)
class Stages:
    """own, anew: a score a class, of the detector's names and of the classifier's.  whole: of boxes without names."""

    classes: tuple[str, ...]
    own: list[ClassScore]
    anew: list[ClassScore]
    whole: ClassScore
    boxes: int
    pictures: int

    def as_json(self) -> dict[str, Any]:
        said = {"detector": self.own, "classifier": self.anew}
        return {
            "pictures": self.pictures,
            "boxes": self.boxes,
            "any_class": _values(self.whole),
            **{who: dict(zip(self.classes, map(_values, each), strict=True)) for who, each in said.items()},
        }

    def table(self) -> str:
        width = max(9, *(len(name) for name in self.classes))
        lines = [f"{'':{width}} {'':>6} {'named by the detector':^25} {'by the classifier':^25}"]
        lines.append(f"{'class':{width}} {'truths':>6}" + f" {'precision':>9} {'recall':>7} {'F1':>7}" * 2)
        for name, own, anew in zip(self.classes, self.own, self.anew, strict=True):
            lines.append(f"{name:{width}} {own.tp + own.fn:>6} {_said(own)} {_said(anew)}")
        lines.append(f"{'any class':{width}} {self.whole.tp + self.whole.fn:>6} {_said(self.whole)}")
        return "\n".join([*lines, f"{self.boxes} boxes in {self.pictures} pictures"])


def two_stages(
    detector: Path, classifier: Path, data: Path, subset: str, how: Thresholds, *, margin: float, batch: int,
    device: str = "auto", quiet: bool = False, progress: Progress = iter,
) -> Stages:  # fmt: skip
    """Raises DataError where the two, or the split, know other classes."""
    split, second = read_split(data), Opened(classifier, device)
    labelled = split.read(subset)
    first = open_runtime(detector, classes=split.classes, device=None if device == "auto" else device)
    for path, classes in ((detector, first.classes), (classifier, second.classes)):
        if classes != split.classes:
            raise DataError(path, f"classes {', '.join(classes)}", f"those of {split.path}: {', '.join(split.classes)}")
    pictures = Pictures(labelled, first.side)
    detect = partial(_detected, replace(how, agnostic=True))
    found = run_model(first.run, pictures, detect, batch, 0, quiet)
    anew = [named(found[i], read_picture(labelled[i].path), second, margin, batch) for i in progress(range(len(found)))]
    return compared(found, anew, truths_of(pictures), split.classes, how.confidence)


def named(found: Found, picture: np.ndarray, classifier: Opened, margin: float, batch: int) -> Found:
    """The same boxes under the classifier's names. picture: (H, W, 3) uint8."""
    if not len(found.xyxy):
        return found
    squares = [squared(square_of(picture, xyxy, margin, MOST), classifier.side) for xyxy in found.xyxy]
    return replace(found, classes=classifier.shares_of(squares, batch).argmax(dim=1).numpy())


def compared(
    own: Sequence[Found], anew: Sequence[Found], truths: Sequence[Truth], classes: tuple[str, ...], confidence: float
) -> Stages:
    first, second = (score_classes(match(found, truths), len(classes), confidence) for found in (own, anew))
    nameless = [replace(one, classes=np.zeros_like(one.classes)) for one in own]
    there = [replace(one, classes=np.zeros_like(one.classes)) for one in truths]
    (whole,) = score_classes(match(nameless, there), 1, confidence)
    return Stages(classes, first, second, whole, sum(len(one.xyxy) for one in own), len(own))


def _detected(how: Thresholds, run: Runtime, squares: Tensor, boxes: list[Letterbox]) -> list[Found]:
    return detect_batch(run, squares, boxes, how)


def _values(one: ClassScore) -> dict[str, Any]:
    return {key: getattr(one, key) for key in ("precision", "recall", "f1", "tp", "fp", "fn")}


def _said(one: ClassScore) -> str:
    values = zip((one.precision, one.recall, one.f1), (9, 7, 7), strict=True)
    return " ".join(f"{'-' if value is None else f'{value:.3f}':>{size}}" for value, size in values)
