"""The plan: how often each box of the training split is to appear, and in which copies.  A value; `planning` makes it.

A plan is one whole number a box, its *appearances* (the original counts as one).  A picture gets as many appearances
as its neediest box; in the s-th (from 0) those boxes are unwanted whose appearances are spent: they lose their label,
and are erased or listed as ignored.  Where all boxes of a picture have the same number, none is ever unwanted.

Alike copies of a picture are one *run*: which boxes it keeps, the window of the picture that it shows, and what is
pasted into it.  A box that is pasted elsewhere appears there.  Without windows and pastes the runs follow from the
appearances; a plan lists those that do not.

Photographs come over whole, but for those that `drop_majority` allows to leave out: none of their boxes appears.
Synthetic pictures of the split come in as far as they are needed: a box of theirs that is not needed is unwanted in the
picture itself, and a picture with none that is, is left out.  A box that was carried along from the photograph,
unchanged, is that box once more (see `kin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datatools.balance.planning.target import EQUAL, Target
from datatools.balance.planning.windows import Window

RECIPES = ("whole", "crop", "erase", "paste", "synthetic")
USUAL = ("whole", "erase", "synthetic")
UNWANTED = ("erase", "ignore")
SOLVERS = ("auto", "waterfill", "milp")
PREFERRED = ("even", "few")


@dataclass(frozen=True)
class Wanted:
    """What is asked of a plan.  max_repeat: no box appears more often; 0 for no limit.

    unwanted: what becomes of a box that loses its label: erase blanks it, ignore lists its region.
    drop_majority: may photographs be left out that hold only boxes of which there are enough?
    solver: of SOLVERS.  prefer: even, the most even appearances and then the fewest pictures; few, the other way round.
    limit_s: what integer programmes may take, all together.
    """

    target: Target = EQUAL
    recipes: tuple[str, ...] = USUAL
    max_repeat: int = 0
    seed: int = 0
    unwanted: str = "erase"
    drop_majority: bool = False
    solver: str = "auto"
    prefer: str = "even"
    limit_s: float = 60.0


BALANCED = Wanted()


@dataclass(frozen=True)
class Paste:
    """A box of another picture that a copy shows.  row, box: which.  place: where, xyxy whole pixels of the picture."""

    row: int
    box: int
    place: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Run:
    """Copies of one picture that are made alike.  times: how many.  kept: (N,) bool, the boxes that keep their label.

    window: the part of the picture that is shown, xyxy whole pixels; None for all of it.  pasted: boxes of others.
    """

    times: int
    kept: NDArray
    window: Window | None = None
    pasted: tuple[Paste, ...] = ()


def levels(appearances: NDArray) -> tuple[Run, ...]:
    """The copies of a picture whose boxes are to appear so often, (N,) int: each shows all that is not spent."""
    steps = np.unique(appearances[appearances > 1])
    return tuple(Run(int(high - low), appearances >= high) for low, high in zip([1, *steps], steps, strict=False))


def by_picture(flat: NDArray, lengths: NDArray) -> list[NDArray]:
    """Values of all boxes, picture by picture: the part of each picture.  lengths: (P,) its boxes."""
    ends = np.cumsum(lengths)
    return [flat[a:b] for a, b in zip((ends - lengths).tolist(), ends.tolist(), strict=True)]


@dataclass(frozen=True)
class Plan:
    """appearances: for each picture, (N,) int of its boxes; 0 only where the picture may be left out.

    invented: (P,) bool, which pictures are synthetic.
    kin: for each picture, (N, 2) row and box that each of its boxes repeats, -1 for none (see `kin_of`).
    before: (C,) boxes of each class on photographs.  after: with the plan.  counts: that each class is to have.
    bound: least possible largest repetition that meets the target with these pictures.
    reach: the same with these recipes, where a picture could also appear in part; 0 where that is unknown.
    proved: no plan with these recipes and this limit misses the target by less, or repeats less.
    listed: row -> runs of the pictures whose copies do not follow from the appearances alone.
    """

    classes: tuple[str, ...]
    wanted: Wanted
    appearances: tuple[NDArray, ...]
    invented: NDArray
    kin: tuple[NDArray, ...]
    before: NDArray
    after: NDArray
    counts: NDArray
    bound: int
    reach: int = 0
    proved: bool = True
    listed: Mapping[int, tuple[Run, ...]] = field(default_factory=dict)

    @cached_property
    def repeats(self) -> NDArray:
        """Appearances of each picture, (P,) int; 0 where it is left out."""
        lengths = np.array([len(r) for r in self.appearances], dtype=np.int64)
        found = np.where(lengths > 0, 0, ~self.invented).astype(np.int64)
        starts = (np.cumsum(lengths) - lengths)[lengths > 0]
        if len(starts):
            found[lengths > 0] = np.maximum.reduceat(np.concatenate(self.appearances), starts)
        for row, runs in self.listed.items():
            found[row] = 1 + sum(run.times for run in runs)
        return found

    def runs(self, picture: int) -> tuple[Run, ...]:
        """The copies of a picture, in order."""
        return self.listed[picture] if picture in self.listed else levels(self.appearances[picture])

    @property
    def difference(self) -> int:
        """Largest minus smallest class count after the plan; 0 is equality."""
        return int(self.after.max() - self.after.min())

    @property
    def missed(self) -> int:
        """Boxes by which the target is missed: by the class that is furthest off, or by the smallest class."""
        if not self.wanted.target.balances:
            return int(np.abs(self.after - self.counts).max())
        ratio = self.wanted.target.ratio
        return max(0, -(-int(self.after.max()) * ratio.denominator // ratio.numerator) - int(self.after.min()))

    @property
    def copies(self) -> int:
        """New pictures."""
        return int(np.maximum(self.repeats - 1, 0).sum())

    def kept(self, picture: int, copy: int) -> NDArray:
        """Which boxes keep their label in the copy-th appearance (0 is the picture itself), (N,) bool."""
        if not copy:
            return self.appearances[picture] > 0
        for run in self.runs(picture):
            copy -= run.times
            if copy <= 0:
                return run.kept
        raise IndexError(f"picture {picture} has {self.repeats[picture] - 1} copies")

    def comes_whole(self, picture: int) -> bool:
        """Whether the picture itself comes over with all of its boxes; every photograph does that is not left out."""
        return bool(self.repeats[picture] and self.kept(picture, 0).all())
