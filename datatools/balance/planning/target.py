"""What `--target` means: how many boxes each class is to have.  imbalanced-learn's words, and some more.

equal, not-majority   every class is brought to the largest
median                every class below the median of the counts is brought to it (rounded up)
max-ratio=2.0         the largest class has at most so many times the boxes of any other
3000                  every class is brought to that number
cat=3000,dog=2000     these classes are brought to these numbers; also {cat: 3000, dog: 2000}

Nothing is thrown away: a class that has more boxes than it is wanted to have keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from datatools.errors import TargetError

WORDS = ("equal", "not-majority", "median")
EXPECTED = "equal, not-majority, median, max-ratio=2.0, a number, or class=number,..."
MOST_BOXES = 10**9


@dataclass(frozen=True)
class Target:
    """text: as the user wrote it.  ratio: of max-ratio.  number: of every class.  wanted: (class, number) pairs."""

    text: str = "equal"
    ratio: Fraction = Fraction(1)
    number: int = 0
    wanted: tuple[tuple[str, int], ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every class is to have as many boxes as the largest."""
        return self.balances and self.ratio == 1

    @property
    def balances(self) -> bool:
        """Whether only the classes' ratio is asked for, so that larger counts will do as well."""
        return self.text != "median" and not self.number and not self.wanted


EQUAL = Target()


def parse_target(text: str) -> Target:
    """The target that a text says.  Raises ValueError, with what was expected."""
    said = text.strip()
    if said in WORDS:
        return Target(said)
    if said.isascii() and said.isdigit():
        return Target(said, number=_count(said, said))
    name, sign, value = said.partition("=")
    if sign and name.strip() == "max-ratio":
        return Target(said, ratio=_ratio(value.strip()))
    return Target(said, wanted=_mapping(said))


def _ratio(value: str) -> Fraction:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII) or Fraction(value) < 1:
        raise ValueError(f"max-ratio is {value!r}, expected a number from 1, such as 2.0")
    return Fraction(value)


def _mapping(text: str) -> tuple[tuple[str, int], ...]:
    """`a=1,b=2` or `{a: 1, b: 2}` -> (("a", 1), ("b", 2))."""
    braced = text.startswith("{") and text.endswith("}")
    inside, sign = (text[1:-1], ":") if braced else (text, "=")
    pairs = []
    for part in inside.split(","):
        name, found, number = (piece.strip() for piece in part.rpartition(sign))
        if not found or not name:
            raise ValueError(f"{text!r}, expected {EXPECTED}")
        pairs.append((name.strip("'\""), _count(number, part.strip())))
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{text!r} names {', '.join(twice)} twice, expected one number a class")
    return tuple(pairs)


def _count(number: str, where: str) -> int:
    if not re.fullmatch(r"\d{1,10}", number, re.ASCII) or not 1 <= int(number) <= MOST_BOXES:
        raise ValueError(f"{where!r}, expected a number of boxes from 1 to {MOST_BOXES}")
    return int(number)


def wanted_counts(target: Target, counts: NDArray, classes: Sequence[str]) -> NDArray:
    """Boxes that each class is to have, (C,) int, never below `counts`.

    counts: (C,) boxes that it has.  Raises TargetError where the target names a class that is not there.
    """
    return np.maximum(counts, asked_counts(target, counts, classes))


def asked_counts(target: Target, counts: NDArray, classes: Sequence[str]) -> NDArray:
    """As `wanted_counts`, but just what is asked for: below `counts` where a class has more, 0 where nothing is."""
    if target.wanted:
        asked = dict(target.wanted)
        if unknown := [name for name in asked if name not in classes]:
            found = f"no class {', '.join(unknown)}"
            raise TargetError("--target", found, f"some of {', '.join(classes)}", "correct the names")
        return np.array([asked.get(name, 0) for name in classes], dtype=np.int64)
    most = int(counts.max(initial=0))
    if target.number:
        each = target.number
    elif target.text == "median":
        each = int(np.ceil(np.median(counts))) if len(counts) else 0
    else:
        each = -(-most * target.ratio.denominator // target.ratio.numerator)
    return np.full(len(counts), each, dtype=np.int64)


def surplus(target: Target, counts: NDArray, classes: Sequence[str]) -> list[str]:
    """Sentences on the classes that have more boxes than a number asks for."""
    if not (target.number or target.wanted):
        return []
    asked = asked_counts(target, counts, classes)
    rows = zip(classes, counts.tolist(), asked.tolist(), strict=True)
    return [f"{name} has {n} boxes already, more than {wanted}: all stay" for name, n, wanted in rows if 0 < wanted < n]
