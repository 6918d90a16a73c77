"""One self-contained HTML page: text escaped, pictures inside, no scripts, nothing fetched from anywhere.

A page opens with a mark that says which command made it: only a page with its own mark is ever replaced.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from numpy.typing import NDArray

from datatools.errors import OutputError
from datatools.images import encode

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the browser itself fetches and runs nothing
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:1450px;margin:2em auto;padding:0 1em;color:#222;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.15em .9em;border-bottom:1px solid #ccc;text-align:right;overflow-wrap:normal}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}"
    "@media(max-width:700px){body{margin:1em auto}table{display:block;overflow-x:auto}"
    ".scroll{overflow-x:auto}.scroll img{max-width:none;width:900px}}"
)


class Markup(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def mark_of(command: str) -> str:
    """The mark of the pages that a command makes."""
    return f'<meta name="generator" content="{escape(command)}">'


def refuse_page(page: Path, command: str, option: str, *, overwrite: bool) -> None:
    """Raises OutputError where `page` is not this command's, or is there and may not be replaced."""
    if not page.exists():
        return
    with page.open("rb") as file:
        head = file.read(400).decode("utf-8", "replace")
    if mark_of(command) not in head:
        raise OutputError(page, "was not made by this program", remedy=f"choose another {option}")
    if not overwrite:
        raise OutputError(page, "is already there", remedy=f"pass --overwrite, or choose another {option}")


def page_of(title: str, command: str, parts: Iterable[str], style: str = "") -> str:
    """The file's text.  parts: HTML, below the title."""
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{mark_of(command)}'
    head += '<meta name="viewport" content="width=device-width,initial-scale=1">'
    head += f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head += f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head><body>\n<h1>{escape(title)}</h1>\n"
    return f"{head}{''.join(parts)}</body></html>\n"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """Nothing where there are no rows.  A cell that is Markup stays as it is."""
    if not rows:
        return Markup()
    lines = ["".join(f"<th>{escape(text)}</th>" for text in head)]
    lines += ["".join(f"<td>{text_of(value)}</td>" for value in row) for row in rows]
    return Markup("<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>\n")


def text_of(value: object) -> str:
    """A value as HTML."""
    return value if isinstance(value, Markup) else escape(str(value))


def folded(summary: str, inside: str) -> Markup:
    """HTML that is shown when its summary is clicked."""
    return Markup(f"<details><summary>{escape(summary)}</summary>\n{inside}</details>\n")


def photograph(pixels: NDArray, alt: str = "") -> Markup:
    """Pixels, (H, W, 3) uint8, inside the page as JPEG."""
    return _image(encode(pixels, ".jpg", 88), "jpeg", alt)


def drawing(png: bytes, alt: str = "") -> Markup:
    """A PNG file inside the page."""
    return _image(png, "png", alt)


def scrolled(image: Markup) -> Markup:
    """An image that is not shrunk to the width of a phone, where one can push it to the side instead."""
    return Markup(f'<div class="scroll">{image}</div>')


def _image(data: bytes, kind: str, alt: str) -> Markup:
    return Markup(f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">')
