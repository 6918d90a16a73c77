"""Roles and class names: what the wearer of a mode is (correct, incorrect, none), and what a data set calls it.

Nothing else in the toolkit knows what a class means; here three of them have a meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datatools.errors import TargetError

DEFAULT = {"correct": "with_mask", "incorrect": "mask_weared_incorrect", "none": "without_mask"}
MIX = {"nose_out": 0.78, "nose_mouth_out": 0.18, "chin_out": 0.03, "ear_hang": 0.01}  # of incorrect: as photographed


@dataclass(frozen=True)
class Roles:
    """names: role -> class.  stated: roles whose class the user named, which may be a new one.

    source: the class whose faces are changed, where the user named one.
    """

    names: Mapping[str, str]
    stated: frozenset[str] = frozenset()
    source: str = ""

    @property
    def from_class(self) -> str:
        """The class whose faces are given something to wear."""
        return self.source or self.names["none"]

    def of(self, name: str) -> str:
        """The role of a class, for `--fill`.  Raises TargetError where it has none."""
        for role, other in self.names.items():
            if other == name:
                return role
        found = f"no role is known for the class {name!r}"
        raise TargetError("--fill", found, f"one of {', '.join(self.names.values())}", "name its role with --classes")

    def classes(self, present: Sequence[str], wanted: Iterable[str]) -> tuple[str, ...]:
        """The classes of the new split: those that are there, and the new ones of the wanted roles.

        Raises TargetError where a class is lacking that nobody asked to add.
        """
        there = f"one of {', '.join(present)}"
        if self.from_class not in present:
            where = "--from-class" if self.source else "--classes none"
            raise TargetError(where, f"there is no class {self.from_class!r}", there, f"name another with {where}")
        added: list[str] = []
        for role in wanted:
            name = self.names[role]
            if name not in present and role not in self.stated:
                found = f"there is no class {name!r}"
                raise TargetError(f"--classes {role}", found, there, f"name one, or a new one: --classes {role}={name}")
            added += [name] if name not in (*present, *added) else []
        return (*present, *added)


def roles_of(stated: Mapping[str, str], source: str = "") -> Roles:
    """stated: role -> class, where it is not the default.  source: the class to change, "" for that of role none."""
    return Roles(DEFAULT | dict(stated), frozenset(stated), source)
