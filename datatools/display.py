"""Plain text for a terminal: aligned columns, and bars."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def columns_of(text: str) -> int:
    """Columns that a text takes: two for a wide character (Korean, emoji), none for a combining one."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Rows under a head, in columns.  align: `<` or `>` for each column."""
    widths = [max(columns_of(row[k]) for row in (head, *rows)) for k in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell + " " * (w - columns_of(cell)) if side == "<" else " " * (w - columns_of(cell)) + cell
            for cell, w, side in zip(cells, widths, align, strict=True)
        )
        return "  " + "  ".join(padded).rstrip()

    return "\n".join([line(head), line(["─" * w for w in widths]), *map(line, rows)])


def bar(share: float, width: int) -> str:
    """A bar of `width` columns at share 1, in steps of an eighth; anything above 0 is seen."""
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
