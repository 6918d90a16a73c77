"""The mistakes of a detector at one confidence and IoU .5, worst first, each with what is likely to have happened.

A false alarm is the worse the surer it was, a miss the worse the larger the object. What was passed over (crowds,
difficult objects, regions that judge nothing) is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.judging.found import Found, Least, Truth, as_truth, overlaps, sure_of
from detector.judging.matching import match

HALF = np.array([0.5])
TRACE = 0.01  # score below which nothing is said to have been found
NEAR = 0.1  # IoU from which a box that is too far off is still said to mean the object


@dataclass(frozen=True)
class Mistake:
    """picture: index.  box: (4,) xyxy.  score: of a false alarm, else None.  why: a few words, to be read."""

    picture: int
    box: np.ndarray
    number: int
    score: float | None
    why: str

    def as_json(self, paths: Sequence[Path], classes: tuple[str, ...]) -> dict[str, Any]:
        xyxy = [round(float(value), 2) for value in self.box]
        named = {"picture": str(paths[self.picture]), "xyxy": xyxy, "class": classes[self.number]}
        return named | {"score": self.score, "why": self.why}

    @property
    def side(self) -> float:
        return float(np.sqrt(np.prod(self.box[2:] - self.box[:2])))


@dataclass(frozen=True)
class Mistakes:
    misses: list[Mistake]
    alarms: list[Mistake]


def mistakes(
    detections: Sequence[Found], truths: Sequence[Found | Truth], classes: tuple[str, ...], least: Least
) -> Mistakes:
    """Every mistake, worst first. Lists of the same pictures."""
    known = [as_truth(one) for one in truths]
    matching = match(detections, known, HALF)
    sure = sure_of(matching.scores, matching.classes, least)
    taken = np.zeros(len(matching.truths), dtype=bool)
    taken[matching.took[(matching.took >= 0) & sure]] = True
    wrong = sure & ~matching.hits[0, 0] & ~matching.passed[0, 0]
    alarms = [
        _alarm(detections[p], known[p], int(p), int(i), classes)
        for p, i in zip(matching.pictures[wrong], matching.index[wrong], strict=True)
    ]
    misses = [
        _miss(detections[p], known[p], int(p), int(i), classes, least)
        for _, p, i in matching.truths[matching.counted[0] & ~taken]
    ]
    return Mistakes(sorted(misses, key=lambda one: -one.side), sorted(alarms, key=lambda one: -(one.score or 0.0)))


def _alarm(found: Found, truth: Truth, picture: int, index: int, classes: tuple[str, ...]) -> Mistake:
    box, number = found.xyxy[index], int(found.classes[index])
    overlap = overlaps(box[None], truth.xyxy)[0]
    same = truth.classes == number
    best_same, best_other = (float(overlap[which].max(initial=0)) for which in (same, ~same))
    if best_same >= HALF[0]:
        why = "a second box on an object"
    elif best_other >= HALF[0]:
        why = f"truth: {classes[int(truth.classes[np.where(same, -1, overlap).argmax()])]}"
    elif max(best_same, best_other) >= NEAR:
        why = f"badly placed, IoU {max(best_same, best_other):.2f}"
    else:
        why = "nothing is there"
    return Mistake(picture, box, number, float(found.scores[index]), why)


def _miss(found: Found, truth: Truth, picture: int, index: int, classes: tuple[str, ...], least: Least) -> Mistake:
    box, number = truth.xyxy[index], int(truth.classes[index])
    overlap = overlaps(box[None], found.xyxy)[0]
    ranked = np.where(overlap >= HALF[0], found.scores, -1.0)
    near = np.where((overlap >= NEAR) & (found.classes == number), found.scores, -1.0)
    if len(ranked) and ranked.max() >= TRACE:
        best = int(ranked.argmax())
        said, score = classes[int(found.classes[best])], found.scores[best]
        why = (
            f"found as {said} {score:.2f}"
            if sure_of(found.scores, found.classes, least)[best]
            else f"at most {said} {score:.2f}"
        )
    elif len(near) and near.max() >= TRACE:
        best = int(near.argmax())
        why = f"badly placed: {found.scores[best]:.2f}, IoU {overlap[best]:.2f}"
    else:
        why = "nothing found there"
    return Mistake(picture, box, number, None, why)
