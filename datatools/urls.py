"""A place that is no folder of this machine, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Url:
    """text: as the user typed it, without `/` at its end."""

    text: str

    def __str__(self) -> str:
        return self.text

    def holds(self, other: Url) -> bool:
        return f"{other.text}/".startswith(f"{self.text}/")
