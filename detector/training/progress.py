"""Where a run is, what it has seen of the present epoch, and what it has reached: all plain values, kept in last.pt."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from detector.data.loader import Batch
from detector.errors import TrainingError
from detector.loss.terms import Terms
from detector.training.options import Options
from detector.training.ranks import Ranks


@dataclass
class Progress:
    """Batch `step` of `epoch` comes next, both from 0. sums: each loss term times its slots, in this epoch.

    best: the highest value of an epoch so far, reached at `best_epoch`.
    """

    epoch: int = 0
    step: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0] * 3)
    slots: float = 0.0
    rate: float | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    best: float = -math.inf
    best_epoch: int = 0

    def count(self, terms: Terms, batch: Batch) -> None:
        """Note a batch's terms. Raises TrainingError unless they are finite."""
        values = terms.values().tolist()
        if not math.isfinite(sum(values)):
            where = f"epoch {self.epoch + 1}, batch {self.step + 1}"
            remedy = f"try a lower --lr; pictures: {', '.join(batch.names)}"
            raise TrainingError(where, f"the loss is {sum(values)}", "a finite one", remedy)
        self.sums = [total + value * terms.count for total, value in zip(self.sums, values, strict=True)]
        self.slots += terms.count
        self.step += 1

    @property
    def means(self) -> list[float] | None:
        """Each term over this epoch's slots; None before the first batch."""
        return [total / self.slots for total in self.sums] if self.slots else None

    def close_epoch(self, line: dict[str, Any], value: float | None) -> bool:
        """Note an epoch's line of the history, and how good it is; whether it is the best so far.

        value: None where the epoch was not judged: then it is the best if no earlier one was judged either.
        """
        self.history.append(line)
        self.step, self.slots, self.sums = 0, 0.0, [0.0] * 3
        better = self.best == -math.inf if value is None else value > self.best
        if better:
            self.best, self.best_epoch = self.best if value is None else value, self.epoch
        return better

    def over(self, options: Options) -> str:
        """Why there is nothing more to do; empty while there is."""
        if self.epoch >= options.epochs:
            return f"all {options.epochs} epochs"
        if options.patience and options.judges(self.epoch) and self.epoch - self.best_epoch >= options.patience:
            return f"none of the {options.patience} epochs after {self.best_epoch} was better"
        return ""

    def gather(self, ranks: Ranks) -> None:
        """Put together what the processes have counted; it stays with rank 0, which alone reads it."""
        *sums, slots = ranks.total(*self.sums, self.slots)
        self.sums, self.slots = (sums, slots) if ranks.first else ([0.0] * 3, 0.0)

    def follow(self, ranks: Ranks) -> None:
        """Everywhere what rank 0 has."""
        if ranks.size > 1:
            vars(self).update(ranks.shared(self.state()))

    def state(self) -> dict[str, Any]:
        return asdict(self)
