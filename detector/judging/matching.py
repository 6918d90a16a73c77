"""Which detection finds which truth, by COCO's rules, for all pictures, classes, IoU thresholds and sizes at once.

COCO's rules: in a picture, detections of a class in falling score, at most `limit` of them, take the still free truth
of their class that they overlap most, of equal ones the last, if the IoU reaches the threshold; truths that count go
before those that do not (crowds, difficult ones, those outside the range of sizes). What took one that does not count,
or took none and is itself outside the range, or lies by half in a region that is not judged, is passed over: neither
right nor wrong. Overlap with a crowd or a region is the share of the detection that lies in it.
Limit: crowds and difficult truths can be taken any number of times; COCO's own objects outside a range once.
Source: Lin et al., "Microsoft COCO", 2014; pycocotools is the oracle of the tests.

How: only pairs that overlap by the least threshold are kept, as flat lists; then the first detection of every
(class, picture) is decided, in one step for all of them, then the second, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.judging.found import Found, Truth, as_truth, paired_overlaps

THRESHOLDS = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100
EVERY_SIZE = ((0.0, np.inf),)
REGION_SHARE = 0.5  # of a detection in a region that is not judged, from which it is no false alarm
BLOCK = 2_000_000  # pairs looked at together: bounds memory


@dataclass(frozen=True)
class Matching:
    """D detections in the order (class, picture, falling score); A ranges of sizes, T thresholds.

    classes, pictures, scores, rank (within the class and picture), index (in the picture's own list): (D,).
    hits, passed: (A, T, D) bool.  took: (D,) the truth taken at the first range and threshold, as an index into
    `truths`; -1 for none.  truths: (G, 3) int: class, picture, index in the picture's list.  counted: (A, G) bool.
    """

    classes: np.ndarray
    pictures: np.ndarray
    scores: np.ndarray
    rank: np.ndarray
    index: np.ndarray
    hits: np.ndarray
    passed: np.ndarray
    took: np.ndarray
    truths: np.ndarray
    counted: np.ndarray

    def of_class(self, number: int) -> slice:
        """Where the detections of a class are."""
        low, high = np.searchsorted(self.classes, [number, number + 1])
        return slice(int(low), int(high))

    def total(self, number: int, size: int = 0) -> int:
        """How many truths of a class are to be found in a range of sizes."""
        return int((self.counted[size] & (self.truths[:, 0] == number)).sum())


def match(
    detections: Sequence[Found],
    truths: Sequence[Found | Truth],
    thresholds: np.ndarray = THRESHOLDS,
    areas: Sequence[tuple[float, float]] = EVERY_SIZE,
    limit: int = MAX_DETECTIONS,
) -> Matching:
    """Match lists of the same pictures. areas: ranges of box area in square pixels, both ends included.

    thresholds: rising.
    """
    if len(detections) != len(truths):
        raise ValueError(f"{len(detections)} pictures' detections, but {len(truths)} pictures' truths")
    known = [as_truth(one) for one in truths]
    picture, number, score, index, boxes = _flat_detections(detections, limit)
    there, wanted, crowd, difficult = _flat_truths(known)
    area = _areas(wanted)
    low, high = np.array(areas, dtype=np.float64).T
    counted = (area >= low[:, None]) & (area <= high[:, None]) & ~(crowd | difficult)
    hits, passed, took = _decide(
        _Pairs(number, picture, boxes, there, wanted, crowd, thresholds[0]), counted, crowd | difficult, thresholds
    )
    own = _areas(boxes)
    outside = (own < low[:, None]) | (own > high[:, None])
    unjudged = _in_regions(picture, boxes, known)
    passed |= ~hits & (outside | unjudged)[:, None]
    rank = _turns(number * (len(known) + 1) + picture)
    return Matching(number, picture, score, rank, index, hits, passed, took, there, counted)


def _turns(groups: np.ndarray) -> np.ndarray:
    """(N,) how many of its group stand before each; equal numbers stand together."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.arange(len(groups)) - np.repeat(starts, np.diff(starts, append=len(groups)))


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1)


def _flat_detections(detections: Sequence[Found], limit: int) -> tuple[np.ndarray, ...]:
    counts = [len(one.scores) for one in detections]
    picture = np.repeat(np.arange(len(detections)), counts)
    index = np.concatenate([np.arange(0), *map(np.arange, counts)])
    number = np.concatenate([np.zeros(0, int), *(one.classes for one in detections)]).astype(np.int64)
    score = np.concatenate([np.zeros(0), *(one.scores for one in detections)]).astype(np.float64)
    boxes = np.concatenate([np.zeros((0, 4)), *(one.xyxy for one in detections)]).astype(np.float64)
    order = np.lexsort((-score, picture, number))
    order = order[_turns(number[order] * (len(detections) + 1) + picture[order]) < limit]
    return picture[order], number[order], score[order], index[order], boxes[order]


def _flat_truths(truths: Sequence[Truth]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(G, 3) class, picture, index; their boxes; which are crowds; which are difficult. In the order of the first."""
    rows = [
        np.column_stack((one.classes, np.full(len(one.classes), i), np.arange(len(one.classes))))
        for i, one in enumerate(truths)
    ]
    table = np.concatenate([np.zeros((0, 3)), *rows]).astype(np.int64)
    boxes = np.concatenate([np.zeros((0, 4)), *(one.xyxy for one in truths)]).astype(np.float64)

    def flags(name: str) -> np.ndarray:
        given = [getattr(one, name) for one in truths]
        parts = [
            np.zeros(len(one.classes), bool) if flag is None else flag for one, flag in zip(truths, given, strict=True)
        ]
        return np.concatenate([np.zeros(0, bool), *parts]).astype(bool)

    order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    return table[order], boxes[order], flags("crowd")[order], flags("difficult")[order]


@dataclass(frozen=True)
class _Pairs:
    """What is needed to list the pairs of a detection and a truth that overlap enough."""

    number: np.ndarray
    picture: np.ndarray
    boxes: np.ndarray
    there: np.ndarray
    wanted: np.ndarray
    crowd: np.ndarray
    least: float

    def table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """rows (R,): detections that overlap any; truths (R, K): which, last first; overlaps (R, K). -1 fills up."""
        many = max(int(self.picture.max(initial=0)), int(self.there[:, 1].max(initial=0))) + 1
        keys = self.there[:, 0] * many + self.there[:, 1]
        mine = self.number * many + self.picture
        first, last = np.searchsorted(keys, mine), np.searchsorted(keys, mine, side="right")
        d, g, overlap = _listed(first, last - first, self.boxes, self.wanted, self.crowd, self.least)
        rows, starts, counts = np.unique(d, return_index=True, return_counts=True)
        width = int(counts.max(initial=0))
        column = np.repeat(counts, counts) - 1 - (np.arange(len(d)) - np.repeat(starts, counts))
        row = np.repeat(np.arange(len(rows)), counts)
        truths, values = np.full((len(rows), width), -1), np.full((len(rows), width), -1.0)
        truths[row, column], values[row, column] = g, overlap
        return rows, truths, values


def _listed(
    first: np.ndarray, counts: np.ndarray, boxes: np.ndarray, others: np.ndarray, of_box: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (box d, other g) of overlap `least` or more, where d may meet others first[d] .. first[d] + counts[d]."""
    found: list[tuple[np.ndarray, ...]] = [(np.zeros(0, int), np.zeros(0, int), np.zeros(0))]
    edges = np.searchsorted(counts.cumsum(), np.arange(BLOCK, counts.sum() + BLOCK, BLOCK))
    start = 0
    for stop in np.minimum(edges + 1, len(counts)).tolist():
        block = counts[start:stop]
        d = np.repeat(np.arange(start, stop), block)
        g = np.arange(len(d)) - np.repeat(block.cumsum() - block, block) + np.repeat(first[start:stop], block)
        overlap = paired_overlaps(boxes[d], others[g], of_box[g] if of_box.any() else None)
        near = overlap >= min(least, 1 - 1e-10)
        found.append((d[near], g[near], overlap[near]))
        start = stop
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _decide(
    pairs: _Pairs, counted: np.ndarray, shared: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """hits and passed, (A, T, D), and took (D,). shared (G,): truths that can be taken any number of times."""
    sizes, steps, many = len(counted), len(thresholds), len(pairs.number)
    hits = np.zeros((sizes, steps, many), dtype=bool)
    passed, took = hits.copy(), np.full(many, -1)
    rows, truths, values = pairs.table()
    reach = np.minimum(thresholds, 1 - 1e-10)[None, :, None, None]
    free = np.ones((sizes, steps, len(shared)), dtype=bool)
    a, t = np.arange(sizes)[:, None, None], np.arange(steps)[None, :, None]
    turn = _turns(pairs.number[rows] * (pairs.picture.max(initial=0) + 1) + pairs.picture[rows])
    by_turn = np.argsort(turn, kind="stable")
    for now in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]) if len(rows) else []:
        near, who = truths[now], rows[now]
        column, taken = _chosen(
            free[:, :, near] & (values[now] >= reach) & (near >= 0), counted[:, None, near], values[now]
        )
        truth = near[np.arange(len(now)), column]
        good = taken & counted[a, truth]
        hits[:, :, who], passed[:, :, who] = good, taken & ~good
        took[who] = np.where(good[0, 0], truth[0, 0], -1)
        free[a, t, truth] &= ~taken | shared[truth]
    return hits, passed, took


def _chosen(open_: np.ndarray, counted: np.ndarray, overlap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(A, T, N) which of K truths each takes, and whether it takes any. open_: (A, T, N, K) those that it may take.

    The one it overlaps most, of those that count if there are any, else of the others. counted: (A, 1, N, K).
    """
    right = open_ & counted
    allowed = np.where(right.any(axis=-1, keepdims=True), right, open_)
    column = np.where(allowed, overlap, -1.0).argmax(axis=-1)
    return column, np.asarray(allowed.any(axis=-1))


def _in_regions(picture: np.ndarray, boxes: np.ndarray, truths: Sequence[Truth]) -> np.ndarray:
    """(D,) bool: which detections lie by `REGION_SHARE` or more in one region of their picture."""
    counts = np.array([0 if one.regions is None else len(one.regions) for one in truths], dtype=np.int64)
    inside = np.zeros(len(boxes), dtype=bool)
    if counts.any():
        regions = np.concatenate([one.regions for one in truths if one.regions is not None]).astype(np.float64)
        first = (counts.cumsum() - counts)[picture]
        every = np.ones(len(regions), dtype=bool)
        inside[_listed(first, counts[picture], boxes, regions, every, REGION_SHARE)[0]] = True
    return inside
