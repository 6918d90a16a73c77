"""Who is who from frame to frame, and what each one is by a vote, so that labels do not flicker.

Boxes are matched to tracks by IoU, all at once (Kuhn, "The Hungarian method", 1955), after each track has moved on by
its own smoothed speed. The class does not matter for the match: what a track is called is decided by votes, each a
score, older ones worth `MEMORY` times less at every look; so a real change shows after about seven looks, and a
mistake of one frame never. Boxes of two classes on one object (IoU `SAME` and more) vote for one track.
Limits: people who cross, or who were gone for longer than `PATIENCE` looks, come back as somebody new.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from detector.judging.found import Found, overlaps

LEAST = 0.3  # IoU of a box with its track
SAME = 0.45  # IoU of two boxes of unlike classes that are one object
MEMORY = 0.9
SPEED = 0.5  # the share of the newest step in a track's speed
PATIENCE = 5  # looks for which a track that is not seen is remembered
HELD = 2  # looks for which it is still drawn
KNOWN = 3  # looks after which a track counts as somebody


@dataclass
class Track:
    """box: (4,) xyxy, the last.  speed: (4,) pixels a look.  votes: (C,).  missed: looks since it was seen."""

    number: int
    box: np.ndarray
    votes: np.ndarray
    score: float
    speed: np.ndarray = field(default_factory=lambda: np.zeros(4))
    looks: int = 1
    missed: int = 0

    @property
    def expected(self) -> np.ndarray:
        return self.box + self.speed * (self.missed + 1)

    @property
    def name(self) -> int:
        return int(self.votes.argmax())

    @property
    def known(self) -> bool:
        return self.looks >= KNOWN

    def see(self, box: np.ndarray, votes: np.ndarray, score: float) -> None:
        step = (box - self.box) / (self.missed + 1)
        self.speed = step if self.looks == 1 else (1 - SPEED) * self.speed + SPEED * step
        self.votes = MEMORY * self.votes + votes
        self.box, self.score, self.looks, self.missed = box, score, self.looks + 1, 0


@dataclass(frozen=True)
class Shown:
    """One frame's boxes to draw and note. found: the classes are voted.  seen: (N,) the frame's own class, -1: held.

    tracks: (N,) numbers from 1, or 0 without tracking.  known: (N,) bool, seen often enough to count.
    """

    found: Found
    seen: np.ndarray
    tracks: np.ndarray
    known: np.ndarray


def untracked(found: Found) -> Shown:
    count = len(found.classes)
    return Shown(found, found.classes, np.zeros(count, dtype=int), np.ones(count, dtype=bool))


class Tracker:
    """Follows what is found in the frames of one source, given in order. classes: how many there are."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._tracks: list[Track] = []
        self._next = 1

    def update(self, found: Found) -> Shown:
        """The boxes of a frame, best first, to who they are; best first."""
        objects = _objects(found, self._classes)
        seen = {}
        for track, index in self._match(np.array([box for box, *_ in objects]).reshape(-1, 4)):
            if track is None:
                track = Track(self._next, objects[index][0], objects[index][1], objects[index][2])
                self._tracks.append(track)
                self._next += 1
            else:
                track.see(*objects[index][:3])
            seen[track.number] = objects[index][3]
        for track in self._tracks:
            track.missed += track.number not in seen
        self._tracks = [track for track in self._tracks if track.missed <= PATIENCE]
        return self._shown(seen)

    def _match(self, boxes: np.ndarray) -> list[tuple[Track | None, int]]:
        """Each box with its track, or None for a new one."""
        expected = np.array([track.expected for track in self._tracks]).reshape(-1, 4)
        overlap = overlaps(expected, boxes)
        rows, columns = linear_sum_assignment(np.where(overlap >= LEAST, overlap, 0), maximize=True)
        pairs = {int(c): self._tracks[r] for r, c in zip(rows, columns, strict=True) if overlap[r, c] >= LEAST}
        return [(pairs.get(index), index) for index in range(len(boxes))]

    def _shown(self, seen: dict[int, int]) -> Shown:
        drawn = [t for t in self._tracks if not t.missed or (t.known and t.missed <= HELD)]
        drawn.sort(key=lambda t: -t.score)
        boxes = np.array([t.box + t.speed * t.missed for t in drawn]).reshape(-1, 4)
        found = Found(boxes, np.array([t.name for t in drawn], dtype=int), np.array([t.score for t in drawn]))
        own = np.array([seen.get(t.number, -1) for t in drawn], dtype=int)
        known = np.array([t.known for t in drawn], dtype=bool)
        return Shown(found, own, np.array([t.number for t in drawn], dtype=int), known)


def _objects(found: Found, classes: int) -> list[tuple[np.ndarray, np.ndarray, float, int]]:
    """Box, votes (C,), score and class of each object: boxes of unlike classes on one object are put together."""
    objects: list[tuple[np.ndarray, np.ndarray, float, int]] = []
    overlap = overlaps(found.xyxy, found.xyxy)
    owner: dict[int, int] = {}
    for index in np.argsort(-found.scores, kind="stable").tolist():
        number, score = int(found.classes[index]), float(found.scores[index])
        one = next((o for i, o in owner.items() if overlap[i, index] >= SAME and not objects[o][1][number]), None)
        if one is None:
            owner[index] = len(objects)
            objects.append((found.xyxy[index], np.zeros(classes), score, number))
            one = owner[index]
        objects[one][1][number] = score
    return objects
