"""Which class was taken for which, at one confidence and IoU .5, with a row and a column for the background.

A truth that was found under its own name is on the diagonal. What is left over is paired once more without regard to
classes, which shows what was mistaken for what; a truth without any partner was missed, a detection without one is
seen in the background. Crowds, difficult objects and regions that judge nothing take no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detector.judging.found import Found, Least, Truth, as_truth, sure_of
from detector.judging.matching import Matching, match

HALF = np.array([0.5])


def confusion(detections: Sequence[Found], truths: Sequence[Found | Truth], classes: int, least: Least) -> np.ndarray:
    """(C + 1, C + 1) counts: rows are what is there, columns what was found; the last of each is the background."""
    known = [as_truth(one) for one in truths]
    sure = [_chosen(one, sure_of(one.scores, one.classes, least)) for one in detections]
    table = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    first = match(sure, known, HALF)
    own = first.truths[first.took[first.took >= 0], 0]
    np.add.at(table, (own, own), 1)
    left, there = _left_over(first, sure, known)
    names = [Found(one.xyxy, np.zeros_like(one.classes), one.scores) for one in left]
    second = match(names, [replace(one, classes=np.zeros_like(one.classes)) for one in there], HALF)
    found_class = np.array([left[p].classes[i] for p, i in zip(second.pictures, second.index, strict=True)], dtype=int)
    true_class = np.array([there[p].classes[i] for _, p, i in second.truths], dtype=int)
    paired = second.took >= 0
    np.add.at(table, (true_class[second.took[paired]], found_class[paired]), 1)
    np.add.at(table, (classes, found_class[~paired & ~second.passed[0, 0]]), 1)
    missed = second.counted[0].copy()
    missed[second.took[paired]] = False
    np.add.at(table, (true_class[missed], classes), 1)
    return table


def _chosen(one: Found, which: np.ndarray) -> Found:
    return Found(one.xyxy[which], one.classes[which], one.scores[which])


def _left_over(matching: Matching, sure: list[Found], known: list[Truth]) -> tuple[list[Found], list[Truth]]:
    """The detections that took nothing and were not passed over, and the truths that were not taken."""
    wrong = [np.zeros(len(one.scores), dtype=bool) for one in sure]
    for row in np.flatnonzero(~matching.hits[0, 0] & ~matching.passed[0, 0]):
        wrong[matching.pictures[row]][matching.index[row]] = True
    open_ = [np.ones(len(one.classes), dtype=bool) for one in known]
    for _, picture, index in matching.truths[matching.took[matching.took >= 0]]:
        open_[picture][index] = False
    there = []
    for one, which in zip(known, open_, strict=True):
        crowd = None if one.crowd is None else one.crowd[which]
        difficult = None if one.difficult is None else one.difficult[which]
        there.append(Truth(one.xyxy[which], one.classes[which], crowd, difficult, one.regions))
    return [_chosen(one, which) for one, which in zip(sure, wrong, strict=True)], there
