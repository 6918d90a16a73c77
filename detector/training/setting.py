"""What one option takes: its kind, its limits, its heading in the help. No heavy imports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

MODEL, OPTIMISATION, LOSS = "Model and weights", "Optimisation", "Loss"
PICTURES, SAMPLING, MACHINE, OUTPUT = "Data and augmentation", "Sampling", "Machine", "Output"
GROUPS = (PICTURES, MODEL, OPTIMISATION, LOSS, SAMPLING, MACHINE, OUTPUT)


@dataclass(frozen=True)
class Setting:
    """What one option takes. low, high: inclusive, or exclusive where `open_low`.  words: taken beside a number."""

    group: str
    help: str
    kind: type
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    words: tuple[str, ...] = ()
    optional: bool = False

    @property
    def expected(self) -> str:
        """For error messages: what a value must be."""
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return f"one of {', '.join(self.words)}" if self.words else "words"
        said = "a whole number" if self.kind is int else "a number"
        if self.low is not None:
            said += f" {'above' if self.open_low else 'from'} {self.low:g}"
        if self.high is not None:
            said += f"{' and' if self.low is not None and self.open_low else ''} up to {self.high:g}"
        return " or ".join((said, *self.words))

    def read(self, value: Any) -> Any:
        """`value`, a word of the command line or out of a file, as its kind. Raises ValueError if it cannot be."""
        if value is None and self.optional:
            return None
        if self.kind is bool or isinstance(value, bool):
            if self.kind is bool and isinstance(value, bool):
                return value
            raise ValueError(self.expected)
        if value in self.words or (self.kind is str and not self.words and isinstance(value, str) and value):
            return value
        if self.kind is str:
            raise ValueError(self.expected)
        return self._number(value)

    def _number(self, value: Any) -> float | int:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(self.expected) from error
        below = self.low is not None and (number < self.low or (self.open_low and number == self.low))
        above = self.high is not None and number > self.high
        if below or above or not math.isfinite(number) or (self.kind is int and number != int(number)):
            raise ValueError(self.expected)
        return self.kind(number)


def setting(group: str, default: Any, help: str, kind: type | None = None, **limits: Any) -> Any:
    """A field of `Options`; its kind is the default's where none is given."""
    known = Setting(group, help, kind or type(default), optional=default is None, **limits)
    return field(default=default, metadata={"setting": known})


def flag(name: str) -> str:
    """A setting's name as the command line spells it."""
    return "--" + name.replace("_", "-")
