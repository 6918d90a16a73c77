"""A drawing of the report: where it is kept, under which heading it stands, what it shows in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Drawing:
    """file: in `pictures/`.  title: of the section; a drawing without one goes on in the section before it.

    note: a sentence above it.  png: its bytes; none where it could not be made, as `note` says.
    below: HTML, a table to it.
    """

    file: str
    title: str
    alt: str
    note: str
    png: bytes = b""
    photograph: bool = False
    below: str = ""
