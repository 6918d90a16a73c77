"""Pictures as text for a terminal with colours: `▀` is two pixels, the letter's colour above, the ground's below.

Colours are 24-bit where the terminal says so (COLORTERM), else the 6×6×6 cube of 256-colour terminals.  NO_COLOR
(https://no-color.org), TERM=dumb, a pipe, or letters that are not UTF-8 mean no picture at all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from datatools.display import columns_of
from datatools.sheets import rgb

PICTURE_WH = (64, 48)  # pixels that a picture may take: columns, and twice the lines
GAP = 2
_RESET = "\x1b[0m"


@dataclass(frozen=True)
class Screen:
    """columns: of the terminal.  true_colour: 24 bits a colour, or 256 colours."""

    columns: int
    true_colour: bool = True

    @property
    def room_wh(self) -> tuple[int, int]:
        return min(PICTURE_WH[0], self.columns), PICTURE_WH[1]


def screen_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Screen | None:
    """The terminal that a stream is, where it can show pictures."""
    plain = environment.get("TERM", "dumb") == "dumb" or environment.get("NO_COLOR")
    if plain or not stream.isatty() or "utf" not in (stream.encoding or "").lower():
        return None
    true_colour = environment.get("COLORTERM", "") in ("truecolor", "24bit")
    return Screen(max(shutil.get_terminal_size().columns, 20), true_colour)


def blocks(pixels: NDArray, screen: Screen) -> list[str]:
    """Lines of text for (H, W, 3) uint8; an odd last row is doubled."""
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    pairs = zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True)
    return [_line(list(zip(above, below, strict=True)), screen) for above, below in pairs]


def _line(pairs: Sequence[tuple[list[int], list[int]]], screen: Screen) -> str:
    """A colour is said only where it changes."""
    said, last = [], ("", "")
    for above, below in pairs:
        now = _colour(above, 38, screen), _colour(below, 48, screen)
        said += [code for code, before in zip(now, last, strict=True) if code != before]
        said.append("▀")
        last = now
    return "".join(said) + _RESET


def _colour(value: Sequence[int], ground: int, screen: Screen) -> str:
    """ground: 38 for the letter, 48 for what is behind it."""
    r, g, b = value
    if screen.true_colour:
        return f"\x1b[{ground};2;{r};{g};{b}m"
    return f"\x1b[{ground};5;{16 + 36 * _level(r) + 6 * _level(g) + _level(b)}m"


def _level(value: int) -> int:
    """Of the cube's levels 0, 95, 135, 175, 215 and 255, the nearest."""
    return 0 if value < 48 else 1 if value < 115 else (value - 35) // 40


def legend(classes: Sequence[str], screen: Screen) -> str:
    return "  ".join(f"{_colour(rgb(k), 38, screen)}■{_RESET} {name}" for k, name in enumerate(classes))


def side_by_side(shown: Sequence[tuple[NDArray | None, str]], screen: Screen) -> str:
    """Pictures with their captions, of the same number of lines, in rows.  One that is None is a caption alone."""
    width = screen.room_wh[0]
    n = max(1, (screen.columns + GAP) // (width + GAP))
    return "\n\n".join(_row(shown[k : k + n], width, screen) for k in range(0, len(shown), n))


def _row(shown: Sequence[tuple[NDArray | None, str]], width: int, screen: Screen) -> str:
    columns = []
    for pixels, caption in shown:
        lines = [] if pixels is None else blocks(pixels, screen)
        taken = 0 if pixels is None else pixels.shape[1]
        said = [_cut(line, width) for line in caption.splitlines()]
        columns.append([(line, taken) for line in lines] + [(line, columns_of(line)) for line in said])
    height = max(len(column) for column in columns)
    filled = [[*[("", 0)] * (height - len(column)), *column] for column in columns]
    rows = zip(*filled, strict=True)
    return "\n".join((" " * GAP).join(text + " " * (width - taken) for text, taken in row).rstrip() for row in rows)


def _cut(text: str, width: int) -> str:
    """The text's beginning, as far as it fits; control characters are shown, not obeyed."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    while columns_of(plain) > width:
        plain = plain[:-2] + "…"
    return plain
