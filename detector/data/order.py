"""Which pictures make up each batch of an epoch, for one process or for one of several: a function of (seed, epoch).

Several processes share the batches of one: each global batch is cut into as many parts as there are processes, so
equal global batches make equal steps. A last batch of fewer pictures than processes is filled up from the epoch's
beginning, since each needs one. With several sides (multi-scale), the side of a batch is a function of (seed, step).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from detector.data.samplers import nth, share_of, showings
from detector.errors import UserError

SIDES = 0x51DE5  # sets the stream of sides apart


class Key(NamedTuple):
    """One showing. turn: how often the epoch has shown the picture already.  side: 0 for the data set's own."""

    epoch: int
    picture: int
    turn: int = 0
    side: int = 0


class Order(Sampler[list[Key]]):
    """Batches of keys, shuffled by (seed, epoch), from batch `start` on; the last may be smaller.

    batch: pictures in a batch of all processes together.  factors: (count,) how often each is shown in an epoch (once
    if None), scaled to `epoch_size` showings if given.  rank, world: this process, and how many there are.
    sides: one is drawn for each batch, if there are any.
    """

    def __init__(
        self,
        count: int,
        batch: int,
        seed: int,
        shuffled: bool = True,
        *,
        factors: np.ndarray | None = None,
        epoch_size: int | None = None,
        rank: int = 0,
        world: int = 1,
        sides: Sequence[int] = (),
    ) -> None:
        if batch < world:
            raise UserError("--batch", f"{batch} for {world} processes", f"{world} or more: it is that of all together")
        if epoch_size is not None and epoch_size < 1:
            raise UserError("--epoch-size", str(epoch_size), "1 or more")
        self.count, self.batch, self.seed, self.shuffled = count, batch, seed, shuffled
        self.factors = np.ones(count) if factors is None else np.asarray(factors, dtype=np.float64)
        self.length = epoch_size or max(1, round(float(self.factors.sum()))) if count else 0
        self.rank, self.world, self.sides = rank, world, tuple(sides)
        self.epoch, self.start = 0, 0

    def __len__(self) -> int:
        """Batches in a whole epoch, the same in every process."""
        return -(-self.length // self.batch)

    def __iter__(self) -> Iterator[list[Key]]:
        order = self._epoch()
        turns = nth(order)
        for number in range(self.start, len(self)):
            places = np.arange(number * self.batch, min(len(order), (number + 1) * self.batch))
            if len(places) < self.world:
                places = np.resize(np.r_[places, np.arange(len(order))], self.world)
            side = self._side(number)
            own = places[share_of(len(places), self.rank, self.world)]
            yield [Key(self.epoch, int(order[place]), int(turns[place]), side) for place in own]

    def _epoch(self) -> np.ndarray:
        """(length,) int64: indices in the order in which the epoch shows them."""
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, self.epoch]))
        once = self.length == self.count and bool((self.factors == 1).all())
        order = np.arange(self.count) if once else showings(self.factors, self.length, rng)
        return rng.permutation(order) if self.shuffled else order

    def _side(self, number: int) -> int:
        if not self.sides:
            return 0
        step = self.epoch * len(self) + number
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, step, SIDES]))
        return int(rng.choice(self.sides))


def multi_scale(side: int, stride: int, share: float) -> tuple[int, ...]:
    """The multiples of `stride` within `share` of `side` either way: 416, 32 and .5 give 224, 256, ... 608."""
    if not 0 <= share < 1:
        raise UserError("--multi-scale", f"{share:g}", "0 to below 1")
    low, high = -(-side * (1 - share) // stride), side * (1 + share) // stride
    return tuple(stride * times for times in range(max(1, int(low)), int(high) + 1)) if share else ()
