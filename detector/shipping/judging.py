"""What a model is worth, as a card tells it: looked at once a subset, judged at the confidences that val advises."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from detector.data.loader import Pictures
from detector.data.split import Labelled, Split
from detector.detecting.inference import Thresholds
from detector.detecting.runtime import Runtime
from detector.judging.evaluate import at_every_score, run_model
from detector.judging.found import Found, truths_of
from detector.judging.judgement import Judging, judge_found

BATCH, DRAWS = 8, 1000
COUNTS = ("ap50", "ap50_95", "precision", "recall", "f1", "tp", "fp", "fn")


@dataclass(frozen=True)
class Looked:
    """A subset's pictures, and what the model found in them at every score."""

    pictures: Pictures
    classes: tuple[str, ...]
    found: list[Found]

    def values(self, how: Thresholds, draws: int = 0) -> dict[str, Any]:
        known = how.known_by(self.classes)
        wanted = Judging(bootstrap=draws)
        return judge_found(self.pictures, self.found, truths_of(self.pictures), self.classes, known, wanted).values


def look(run: Runtime, split: Split, subset: str, side: int, quiet: bool) -> Looked:
    pictures = Pictures(split.read(subset), side)
    detect = partial(at_every_score, Thresholds())
    return Looked(pictures, split.classes, run_model(run, pictures, detect, BATCH, 0, quiet))


def advised_by(looked: Looked) -> dict[str, float]:
    """The confidence of each class's best F1, rounded down; a class that is never right keeps the usual one."""
    usual = Thresholds()
    advice = {name: aims["best F1"] for name, aims in looked.values(usual)["thresholds"].items()}
    return {
        name: float(np.floor(one["confidence"] * 1000) / 1000) if one else usual.confidence
        for name, one in advice.items()
    }


def subset_values(looked: Looked, confidence: dict[str, float]) -> dict[str, Any]:
    """What a card holds of a subset; `digest` is of its pictures and labels."""
    values = looked.values(Thresholds(by_name=tuple(confidence.items())), DRAWS)
    coco, sizes = values["coco"], values["coco"]["all"]["sizes"]
    return {
        "pictures": values["images"],
        "digest": digest_of(looked.pictures.labelled),
        "draws": DRAWS,
        "map50": values["map50"],
        "map50_95": values["map50_95"],
        "map50_interval": [values["bootstrap"]["map50"][end] for end in ("low", "high")],
        "classes": {
            name: {"truths": one["tp"] + one["fn"], **{key: one[key] for key in COUNTS}}
            for name, one in values["classes"].items()
        },
        "ap50_by_side": {
            side: {name: coco["classes"][name]["sizes"][side]["ap50"] for name in looked.classes}
            | {"truths": {name: coco["classes"][name]["sizes"][side]["truths"] for name in looked.classes}}
            for side in sizes
        },
        "confusion": values["confusion"]["there_by_found"],
    }


def digest_of(labelled: Sequence[Labelled]) -> str:
    """The same for the same pictures with the same boxes, whatever they are called and in whichever order."""
    parts = [
        hashlib.sha256(
            one.path.read_bytes() + one.classes.astype("<i8").tobytes() + one.boxes.round(5).astype("<f8").tobytes()
        ).hexdigest()
        for one in labelled
    ]
    return hashlib.sha256("".join(sorted(parts)).encode()).hexdigest()
