"""Weighted boxes fusion: what several views of a picture found, as one list.

Boxes of a class, best first, join the fused box that they overlap most, above a threshold, or begin one of their own;
a fused box is the mean of its boxes weighted by score, and its score their mean score times the share of the views
that saw it. So a box that all views agree on gains over one that a single view saw.
Source: Solovyev, Wang & Gabruseva, "Weighted boxes fusion", 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.judging.found import Found, overlaps

LEAST = 0.55  # IoU above which a box joins


def fused(views: Sequence[Found], least: float = LEAST) -> Found:
    """One picture's detections from each view to one list, best first."""
    every = Found(*(np.concatenate([getattr(one, name) for one in views]) for name in ("xyxy", "classes", "scores")))
    parts = [_fuse(every, number, len(views), least) for number in np.unique(every.classes).tolist()]
    if not parts:
        return every
    boxes, numbers, scores = (np.concatenate(many) for many in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    return Found(boxes[order], numbers[order], scores[order])


def _fuse(every: Found, number: int, views: int, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    own = np.flatnonzero(every.classes == number)
    own = own[np.argsort(-every.scores[own], kind="stable")]
    boxes, sums = np.zeros((len(own), 4)), np.zeros((len(own), 4))  # fused; sums of box x score
    weights, counts, size = np.zeros(len(own)), np.zeros(len(own), dtype=int), 0
    for index in own:
        box, score = every.xyxy[index], float(every.scores[index])
        overlap = overlaps(box[None], boxes[:size])[0]
        at = int(overlap.argmax()) if size else 0
        if not size or overlap[at] <= least:
            at, size = size, size + 1
        sums[at] += box * score
        weights[at] += score
        counts[at] += 1
        boxes[at] = sums[at] / weights[at] if weights[at] else box
    scores = weights[:size] / counts[:size] * np.minimum(counts[:size], views) / views
    return boxes[:size], np.full(size, number), scores
