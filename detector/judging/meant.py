"""Which truth each detection means, as Pascal VOC and Darknet have it: the one of its class that it overlaps most.

Unlike COCO's matching this looks at no other detection: a second box on an object means the same object, and is a
false alarm even where another object would have been free. Of equal overlaps the first counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.judging.found import Found, Truth, paired_overlaps
from detector.judging.matching import REGION_SHARE


def meant(found: Found, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """(N,) index of the truth, -1 where there is none of the class; and (N,) IoU with it (of a crowd: the share)."""
    if not len(truth.classes) or not len(found.scores):
        return np.full(len(found.scores), -1), np.zeros(len(found.scores))
    of_crowd = None if truth.crowd is None else np.broadcast_to(truth.crowd, (len(found.scores), len(truth.crowd)))
    overlap = paired_overlaps(found.xyxy[:, None], truth.xyxy[None], of_crowd)
    overlap = np.where(found.classes[:, None] == truth.classes, overlap, -1.0)
    best = overlap.argmax(axis=1)
    value = overlap[np.arange(len(best)), best]
    return np.where(value > 0, best, -1), value.clip(0)


def in_regions(found: Found, truth: Truth) -> np.ndarray:
    """(N,) bool: detections of which half or more lies in a region that judges nothing."""
    if truth.regions is None or not len(truth.regions) or not len(found.scores):
        return np.zeros(len(found.scores), dtype=bool)
    share = paired_overlaps(found.xyxy[:, None], truth.regions[None], np.ones((1, 1), dtype=bool))
    return share.max(axis=1) >= REGION_SHARE


def firsts(truths: np.ndarray) -> np.ndarray:
    """(N,) bool: where each number that is not negative stands for the first time."""
    first = np.zeros(len(truths), dtype=bool)
    first[np.unique(truths, return_index=True)[1]] = True
    return first & (truths >= 0)


def offsets(truths: Sequence[Truth]) -> np.ndarray:
    """How many truths the pictures before each one hold."""
    counts = np.array([len(one.classes) for one in truths], dtype=np.int64)
    return counts.cumsum() - counts
