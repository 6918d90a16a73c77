"""Fewer new pictures: a copy goes whose boxes all find a place in other copies.

How often each box appears stays as planned; only where changes.  Copies with few boxes go first.  A box is pasted

- where another copy has lost a box, in its middle and as large, so that it stands where such a thing stood;
- at 0.4 to 1.3 of its own size, in a place of about its shape;
- over no other box, at most MOST_PASTED to a copy, never into its own picture, and once into each other one.

Only boxes that stand clear of the others and of the picture's border can be cut out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from datatools.balance.pixels.paste import with_margin
from datatools.balance.planning.plan import Paste, Plan, Run
from datatools.balance.planning.windows import inside
from datatools.core import Annotation

MOST_PASTED = 3
LEAST_PX = 16  # longer side, of a box that is pasted and of its place
SCALES = 0.4, 1.3
SHAPES = 1.4  # how many times wider or narrower, for its height, a place may be than the box
LOOKED_AT = 30_000  # places among which one is sought
TRIED = 50  # of those of the right size
CLEAR = 0.05  # room round a pasted box, in parts of its size


@dataclass
class _Copy:
    """One copy while pastes are planned.  first, last: its places, in the list of all."""

    row: int
    run: Run
    pasted: list[Paste] = field(default_factory=list)
    gone: bool = False
    first: int = 0
    last: int = 0


def pasted(plan: Plan, annotations: Sequence[Annotation], rng: np.random.Generator) -> dict[int, tuple[Run, ...]]:
    """row -> runs of the pictures whose copies changed, and of those that were listed before."""
    copies = [
        _Copy(row, replace(run, times=1))
        for row in np.flatnonzero(plan.repeats > 1).tolist()
        for run in plan.runs(row)
        for _ in range(run.times)
    ]
    order = sorted(rng.permutation(len(copies)).tolist(), key=lambda k: int(copies[k].run.kept.sum()))
    cuttable = _Cuttable(annotations, plan.counts > plan.before)
    places = _Places([copies[k] for k in reversed(order)], annotations)
    for copy in (copies[k] for k in order):
        if not copy.pasted and cuttable.all_of(copy):
            _dissolve(copy, places)
    rows: dict[int, list[Run]] = {copy.row: [] for copy in copies if copy.gone or copy.pasted}
    for copy in copies:
        if copy.row in rows and not copy.gone:
            rows[copy.row].append(replace(copy.run, pasted=tuple(copy.pasted)))
    return {**plan.listed, **{row: _joined(runs) for row, runs in rows.items()}}


def _dissolve(copy: _Copy, places: _Places) -> None:
    """Find a place for each of the copy's boxes, or leave it as it is."""
    copy.gone = True  # it is no host for its own boxes
    places.close(copy)
    found: list[tuple[_Copy, int]] = []
    for box in np.flatnonzero(copy.run.kept).tolist():
        taken = places.take(copy.row, box)
        if taken is None:
            for host, place in reversed(found):
                places.undo(host, place)
            copy.gone = False
            places.open[copy.first : copy.last] = True
            return
        found.append(taken)


def _joined(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Neighbours that are alike, as one."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last and not (last.pasted or run.pasted or last.window != run.window or (last.kept != run.kept).any()):
            joined[-1] = replace(last, times=last.times + run.times)
        else:
            joined.append(run)
    return tuple(joined)


@dataclass
class _Cuttable:
    """Which boxes can be cut out of their pictures; looked at once a picture.  lacking: (C,) classes that get more."""

    annotations: Sequence[Annotation]
    lacking: NDArray
    known: dict[int, NDArray] = field(default_factory=dict)

    def all_of(self, copy: _Copy) -> bool:
        """Whether all boxes of a copy can."""
        if copy.row not in self.known:
            self.known[copy.row] = self._of(self.annotations[copy.row])
        return bool(self.known[copy.row][copy.run.kept].all())

    def _of(self, a: Annotation) -> NDArray:
        sides = a.xyxy[:, 2:] - a.xyxy[:, :2]
        within = np.hstack([a.xyxy[:, :2] >= 1, a.xyxy[:, 2:] <= np.array(a.size_wh) - 1]).all(axis=1)
        clear = _meet(with_margin(a.xyxy), a.xyxy).sum(axis=1) == 1  # itself
        return within & clear & (sides.max(axis=1, initial=0) >= LEAST_PX) & self.lacking[a.labels]


class _Places:
    """Where copies have lost boxes, in the order in which they are offered.

    xyxy: (N, 4).  of: (N,) index of the copy.  open: (N,) bool, may something be pasted there?
    """

    def __init__(self, copies: Sequence[_Copy], annotations: Sequence[Annotation]) -> None:
        self.copies, self.annotations = copies, annotations
        found, numbers = [np.zeros((0, 4))], list[int]()
        for k, copy in enumerate(copies):
            rows = _lost(annotations[copy.row], copy.run)
            copy.first, copy.last = len(numbers), len(numbers) + len(rows)
            found.append(rows)
            numbers += [k] * len(rows)
        self.xyxy, self.of = np.concatenate(found), np.array(numbers, dtype=np.int64)
        self.sizes = self.xyxy[:, 2:] - self.xyxy[:, :2]
        self.rows = np.array([copies[k].row for k in numbers], dtype=np.int64)
        self.open = np.ones(len(numbers), dtype=bool)
        self.start = 0
        self.met: dict[tuple[int, int], list[int]] = {}  # picture and box -> itself, and the pictures that have it now

    def close(self, copy: _Copy) -> None:
        self.open[copy.first : copy.last] = False

    def undo(self, host: _Copy, place: int) -> None:
        """Take the last paste back: the place is free again, and so are the host's others that are not in use."""
        one = host.pasted.pop()
        self.met[one.row, one.box].remove(host.row)
        self.open[place] = True
        if len(host.pasted) == MOST_PASTED - 1:
            used = covered(self.xyxy[host.first : host.last], host.pasted)
            self.open[host.first : host.last] = ~used

    def take(self, row: int, box: int) -> tuple[_Copy, int] | None:
        """(the copy into which the box was pasted, the place)."""
        xyxy = self.annotations[row].xyxy[box]
        while self.start < len(self.open) and not self.open[self.start] and self.copies[self.of[self.start]].pasted:
            self.start += 1
        part = slice(self.start, self.start + LOOKED_AT)
        met = self.met.setdefault((row, box), [row])
        fits = self.open[part] & ~np.isin(self.rows[part], met) & _alike(xyxy[2:] - xyxy[:2], self.sizes[part])
        for place in (np.flatnonzero(fits)[:TRIED] + self.start).tolist():
            host = self.copies[self.of[place]]
            found = _scaled(xyxy, self.xyxy[place])
            if _free(found, self.xyxy[place], host, self.annotations[host.row]):
                x1, y1, x2, y2 = found.astype(int).tolist()
                host.pasted.append(Paste(row, box, (x1, y1, x2, y2)))
                self.open[place] = False
                met.append(host.row)
                if len(host.pasted) == MOST_PASTED:
                    self.close(host)
                return host, place
        return None


def _lost(a: Annotation, run: Run) -> NDArray:
    """(K, 4) boxes that the copy shows without their label."""
    seen = np.ones(len(a), dtype=bool) if run.window is None else inside(a.xyxy, run.window)
    large = (a.xyxy[:, 2:] - a.xyxy[:, :2]).max(axis=1, initial=0) >= LEAST_PX
    return a.xyxy[seen & large & ~run.kept]


def _alike(size: NDArray, rooms: NDArray) -> NDArray:
    """Which places have about the box's shape, at a scale that is allowed, (N,) bool.  rooms: (N, 2)."""
    shape = (size[0] / size[1]) / (rooms[:, 0] / rooms[:, 1])
    scale = np.sqrt(rooms.prod(axis=1) / size.prod())
    return (shape >= 1 / SHAPES) & (shape <= SHAPES) & (scale >= SCALES[0]) & (scale <= SCALES[1])


def _scaled(xyxy: NDArray, place: NDArray) -> NDArray:
    """The box in the middle of the place, as large as it, whole pixels."""
    size, room = xyxy[2:] - xyxy[:2], place[2:] - place[:2]
    new = np.maximum(np.rint(size * np.sqrt(room.prod() / size.prod())), 2)
    low = np.rint((place[:2] + place[2:] - new) / 2)
    return np.concatenate([low, low + new])


def _free(found: NDArray, place: NDArray, host: _Copy, a: Annotation) -> bool:
    """Whether the box lies in what the copy shows and over none of its boxes, but for the one that it stands for."""
    x1, y1, x2, y2 = host.run.window or (0, 0, *a.size_wh)
    if (found < (x1, y1, x1, y1)).any() or (found > (x2, y2, x2, y2)).any():
        return False
    room = CLEAR * (found[2:] - found[:2])
    roomy = np.concatenate([found[:2] - room, found[2:] + room])[None]
    others = a.xyxy[~(a.xyxy == place).all(axis=1)]
    there = np.array([one.place for one in host.pasted], dtype=np.float64).reshape(-1, 4)
    return not _meet(roomy, np.vstack([others, there])).any()


def _meet(boxes: NDArray, others: NDArray) -> NDArray:
    """(N, M) bool: which overlap."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.all(high > low, axis=2)


def covered(xyxy: NDArray, pasted: Sequence[Paste]) -> NDArray:
    """Which boxes a pasted one stands for, (N,) bool: their middle lies in its place."""
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    found = np.zeros(len(xyxy), dtype=bool)
    for x1, y1, x2, y2 in (one.place for one in pasted):
        found |= np.hstack([middle >= (x1, y1), middle <= (x2, y2)]).all(axis=1)
    return found


def times_pasted(listed: Mapping[int, Sequence[Run]], appearances: Sequence[NDArray]) -> list[NDArray]:
    """How often each box is pasted elsewhere, like `appearances`."""
    found = [np.zeros_like(r) for r in appearances]
    for runs in listed.values():
        for run in runs:
            for one in run.pasted:
                found[one.row][one.box] += run.times
    return found
