"""Modes are handed to slots: each takes the next of a queue that fits it, and what is left over is exchanged.

Pure, and greedy: a mode that does not fit stays in the queue for later slots.  At the end there may be slots that none
of the modes left over fits; they change with a slot that was served before, or take another mode of the same role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from generators.drawing.dress import ROLES

Slot = tuple[str, int, int]  # picture, copy, box
Asked = dict[tuple[str, str], Iterator[Slot]]


class Fits(Protocol):
    """Whether a slot can take a mode.  modes: all that there are, the most wanted first."""

    modes: tuple[str, ...]

    def fits(self, slot: Slot, mode: str) -> bool: ...


def assigned(slots: Sequence[Slot], queue: Sequence[str], fitting: Fits) -> tuple[dict[Slot, str], int]:
    """(slot -> mode, how many got another mode than the queue had for them).

    queue: as many modes as there are slots, or more.  Slots that nothing fits are left out.
    """
    given: dict[Slot, str] = {}
    rest = [*queue]
    waiting = [slot for slot in slots if not _served(slot, rest, given, fitting)]
    del rest[len(waiting) :]  # more modes than slots
    asked: Asked = {}
    waiting = [slot for slot in waiting if not _changed(slot, rest, given, asked, fitting)]
    exchanged = 0
    for slot in waiting:
        exchanged += _replaced(slot, rest, given, fitting)
    return given, exchanged


def _served(slot: Slot, rest: list[str], given: dict[Slot, str], fitting: Fits) -> bool:
    """Give the slot the first mode of the rest that fits."""
    refused: set[str] = set()
    for k, mode in enumerate(rest):
        if mode in refused:
            continue
        if fitting.fits(slot, mode):
            given[slot] = rest.pop(k)
            return True
        refused.add(mode)
        if len(refused) == len(fitting.modes):
            break
    return False


def _changed(slot: Slot, rest: list[str], given: dict[Slot, str], asked: Asked, fitting: Fits) -> bool:
    """Give a mode of the rest to a slot that was served before, and what that one had to this slot.

    asked: for each pair of modes the slots that may still change from one to the other; no slot is asked twice.
    """
    for had in [mode for mode in fitting.modes if fitting.fits(slot, mode)]:
        for mode in dict.fromkeys(rest):
            for other in asked.setdefault((had, mode), iter(tuple(given))):
                if given[other] == had and fitting.fits(other, mode):
                    given[other], given[slot] = mode, had
                    rest.remove(mode)
                    return True
    return False


def _replaced(slot: Slot, rest: list[str], given: dict[Slot, str], fitting: Fits) -> bool:
    """Give the slot any mode that fits, in place of one of the rest that has the same role."""
    for mode in fitting.modes:
        alike = [m for m in rest if ROLES[m] == ROLES[mode]]
        if alike and fitting.fits(slot, mode):
            given[slot] = mode
            rest.remove(alike[0])
            return True
    return False
