"""Who wears what: faces, modes and copies, decided before a pixel is drawn.

A use is one face in one copy of its picture; copy k of a picture changes those of its faces that are used at least k
times.  Uses are dealt in rounds, one for each face that can still be used, so that every usable face is used ⌊N/M⌋ or
⌈N/M⌉ times; a round that is not complete takes first the pictures with the fewest other boxes for each usable face,
since those are repeated along.  What is worn hangs on the seed, the picture, the copy and the box alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datatools.streams import picture_stream
from generators.drawing import dress
from generators.drawing.masks import NO_OWN, Texture
from generators.faces.face import Face
from generators.making.assign import Slot, assigned
from generators.making.classes import MIX

LEAST_SHARE = 0.5  # of what is wanted, that a face must be able to wear


@dataclass(frozen=True, eq=False, slots=True)
class Subject:
    """A picture and its usable faces.  xyxy: (N, 4) of all its boxes.

    faces, settings: index of a box -> its face, and what the photograph says of it.
    """

    id: str
    size_wh: tuple[int, int]
    xyxy: NDArray
    faces: Mapping[int, Face]
    settings: Mapping[int, dress.Setting] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Use:
    """One face, and what it wears in one copy of its picture.  copy: from 1.  box: index of its box."""

    id: str
    copy: int
    box: int
    face: Face
    dress: dress.Dress


@dataclass(frozen=True)
class Plan:
    """uses: by picture, copy and box.  unfit: (picture, box) -> why that face is not used.

    usable: faces that were dealt.  exchanged: uses that had to be given another mode of their role.  short: how many
    fewer than wanted, where nothing fits.
    """

    uses: tuple[Use, ...]
    unfit: Mapping[tuple[str, int], dress.Unfit]
    usable: tuple[tuple[str, int], ...]
    exchanged: int = 0
    short: int = 0

    @property
    def modes(self) -> dict[str, int]:
        """Uses of each mode, in the order of dress.ROLES."""
        count = Counter(use.dress.mode for use in self.uses)
        return {mode: count[mode] for mode in dress.ROLES if count[mode]}

    @property
    def copies(self) -> dict[tuple[str, int], list[Use]]:
        """(picture, copy) -> its uses: the new pictures."""
        found: dict[tuple[str, int], list[Use]] = {}
        for use in self.uses:
            found.setdefault((use.id, use.copy), []).append(use)
        return found

    @property
    def repeats(self) -> tuple[int, int]:
        """Least and greatest uses of a usable face."""
        count = Counter((use.id, use.box) for use in self.uses)
        times = [count[face] for face in self.usable]
        return min(times, default=0), max(times, default=0)


def modes_of(role: str) -> tuple[str, ...]:
    """The modes whose wearer is correct, incorrect or none."""
    return tuple(mode for mode, other in dress.ROLES.items() if other == role)


def mix_of(role: str) -> dict[str, float]:
    """Share of each mode of a role; the modes of one that was never counted share alike."""
    if role == "incorrect":
        return MIX
    modes = modes_of(role)
    return {mode: 1 / len(modes) for mode in modes}


def quotas(n: int, shares: Mapping[str, float]) -> dict[str, int]:
    """n things in these shares, whole numbers: the largest remainders are rounded up, the first of equal ones.

    shares: add up to 1.
    """
    exact = {name: n * share for name, share in shares.items()}
    floors = {name: int(value + 1e-9) for name, value in exact.items()}
    ranked = sorted(exact, key=lambda name: floors[name] - exact[name])
    up = set(ranked[: n - sum(floors.values())])
    return {name: floors[name] + (name in up) for name in shares}


class Fitting:
    """What faces can wear, tried on once.  wanted: how much of each mode.  modes: the most wanted first."""

    def __init__(
        self, subjects: Iterable[Subject], wanted: Mapping[str, float], seed: int, wardrobe: Mapping[str, Texture]
    ) -> None:
        self.subjects = {s.id: s for s in subjects}
        self.modes = tuple(sorted(wanted, key=lambda mode: -wanted[mode]))
        self.shares = {mode: n / sum(wanted.values()) for mode, n in wanted.items()}
        self.seed, self.wardrobe = seed, wardrobe
        self._tried: dict[tuple[Slot, str], dress.Dress | dress.Unfit] = {}

    def draw(self, slot: Slot, mode: str) -> dress.Dress | dress.Unfit:
        """The dress of a slot in a mode, or why there is none."""
        if (slot, mode) not in self._tried:
            name, copy, box = slot
            s = self.subjects[name]
            others = np.delete(s.xyxy, box, axis=0)
            rng = picture_stream(self.seed, name, copy, box)
            self._tried[slot, mode] = dress.draw(
                s.faces[box], mode, rng, s.size_wh, others, s.settings.get(box), self.wardrobe
            )
        return self._tried[slot, mode]

    def fits(self, slot: Slot, mode: str) -> bool:
        return isinstance(self.draw(slot, mode), dress.Dress)

    def fits_any(self, slot: Slot) -> bool:
        return any(self.fits(slot, mode) for mode in self.modes)

    def unfit(self) -> dict[tuple[str, int], dress.Unfit]:
        """Faces that can wear less than half of what is wanted, with what the first mode that fails says.

        One that fits rare modes only would wear them again and again, and hardly any other face would.
        """
        refused = {}
        for name, s in self.subjects.items():
            for box in s.faces:
                failed, reached = None, 0.0
                for mode in self.modes:
                    drawn = self.draw((name, 1, box), mode)
                    if isinstance(drawn, dress.Unfit):
                        failed = failed or drawn
                    else:
                        reached += self.shares[mode]
                    if reached >= LEAST_SHARE:
                        break
                if failed and reached < LEAST_SHARE:
                    refused[name, box] = failed
        return refused


def plan_faces(
    subjects: Sequence[Subject], wanted: Mapping[str, int], seed: int, wardrobe: Mapping[str, Texture] = NO_OWN
) -> Plan:
    """So many uses of each mode.  wanted: mode -> faces.  wardrobe: masks of the user's own, see `dress.draw`."""
    wanted = {mode: n for mode, n in wanted.items() if n}
    fitting = Fitting(subjects, wanted, seed, wardrobe)
    unfit = fitting.unfit()
    rng = np.random.default_rng(seed)
    groups = _ranked(subjects, unfit, rng)
    total = sum(wanted.values())
    slots = list(_dealt([[face] for faces in groups for face in faces], total, fitting))
    return _planned(slots, wanted, fitting, unfit, rng)


def plan_pictures(
    subjects: Sequence[Subject],
    shares: Mapping[str, float],
    pictures: int,
    seed: int,
    wardrobe: Mapping[str, Texture] = NO_OWN,
) -> Plan:
    """So many new pictures, each with all the faces of its source that are usable.

    shares: of the modes, adding up to 1.  pictures: 0 for one of each.  wardrobe: as in `plan_faces`.
    """
    fitting = Fitting(subjects, shares, seed, wardrobe)
    unfit = fitting.unfit()
    rng = np.random.default_rng(seed)
    groups = _ranked(subjects, unfit, rng)
    slots = list(_dealt(groups, pictures or len(groups), fitting))
    return _planned(slots, quotas(len(slots), shares), fitting, unfit, rng)


def _ranked(
    subjects: Sequence[Subject], unfit: Mapping[tuple[str, int], object], rng: np.random.Generator
) -> list[list[tuple[str, int]]]:
    """The usable faces of each picture; first where the fewest other boxes come along."""
    groups = [(s, [(s.id, box) for box in s.faces if (s.id, box) not in unfit]) for s in subjects]
    ties = rng.permutation(len(groups))
    pairs = zip(groups, ties.tolist(), strict=True)
    keyed = [((len(s.xyxy) - len(faces)) / len(faces), tie, faces) for (s, faces), tie in pairs if faces]
    return [faces for _, _, faces in sorted(keyed, key=lambda row: row[:2])]


def _dealt(groups: list[list[tuple[str, int]]], n: int, fitting: Fitting) -> Iterator[Slot]:
    """Slots for n uses of groups of faces, in rounds; a group that nothing fits is left out of the later ones."""
    copy, left = 0, n
    while groups and left > 0:
        copy += 1
        still = []
        for faces in groups:
            if left == 0:
                return
            slots = [slot for name, box in faces if fitting.fits_any(slot := (name, copy, box))]
            if slots:
                yield from slots
                still.append(faces)
                left -= 1
        groups = still


def _planned(
    slots: list[Slot],
    wanted: Mapping[str, int],
    fitting: Fitting,
    unfit: Mapping[tuple[str, int], dress.Unfit],
    rng: np.random.Generator,
) -> Plan:
    queue = [mode for mode, n in wanted.items() for _ in range(n)]
    given, exchanged = assigned(slots, [queue[k] for k in rng.permutation(len(queue))], fitting)
    place = {name: k for k, name in enumerate(fitting.subjects)}
    uses = []
    for name, copy, box in sorted(given, key=lambda slot: (place[slot[0]], *slot[1:])):
        drawn = fitting.draw((name, copy, box), given[name, copy, box])
        if not isinstance(drawn, dress.Dress):
            raise AssertionError(f"{name}, copy {copy}, box {box}: {drawn}")
        uses.append(Use(name, copy, box, fitting.subjects[name].faces[box], drawn))
    usable = tuple((s.id, box) for s in fitting.subjects.values() for box in s.faces if (s.id, box) not in unfit)
    return Plan(tuple(uses), unfit, usable, exchanged, len(queue) - len(uses))
