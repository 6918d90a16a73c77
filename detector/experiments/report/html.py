"""Parts of a page: text escaped, pictures inside, no scripts, nothing fetched; light or dark as the reader's screen is.

A table has a caption and says which cells head what; where it is wider than the page it can be pushed to the side.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

from PIL import Image

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the browser itself fetches and runs nothing
STYLE = (
    ":root{color-scheme:light dark;--ink:#222;--page:#fff;--line:#ccc;--soft:#666;--good:#007a5a;--bad:#b34700}"
    "@media(prefers-color-scheme:dark){:root{--ink:#ddd;--page:#16181b;--line:#444;--soft:#999;--good:#3fc79a;--bad:#f08a4b}}"
    "body{font:15px/1.5 sans-serif;max-width:1200px;margin:2em auto;padding:0 1em;overflow-wrap:anywhere}"
    "body{color:var(--ink);background:var(--page)}h2{margin-top:2em}.wide{overflow-x:auto}"
    "table{border-collapse:collapse;margin:1em 0}caption{text-align:left;color:var(--soft);padding:.3em 0}"
    "caption span{position:sticky;left:0;display:inline-block;max-width:calc(100vw - 2.2em)}"
    "td,th{padding:.2em .6em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}"
    "th{font-weight:normal}"
    "thead th{font-weight:bold;vertical-align:bottom;white-space:normal;overflow-wrap:normal}"
    "tbody th{position:sticky;left:0;background:var(--page);white-space:normal;max-width:19em;overflow-wrap:anywhere}"
    "th[scope=row],td.text,th.text{text-align:left}td.text{white-space:normal;min-width:14em;overflow-wrap:normal}"
    "img{max-width:100%;background:#fff}svg{vertical-align:middle}"
    "code{font-size:.95em}"
    "@media(max-width:700px){body{margin:1em auto}.wide img{max-width:none;width:900px}"
    "tbody th{min-width:6em;max-width:38vw}}"
)


class Markup(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


class Text(str):
    """A cell of words, which may break into lines and stands left."""

    __slots__ = ()


def page_of(title: str, parts: Iterable[str]) -> str:
    """The file's text.  parts: HTML, below the title."""
    head = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    head += '<meta name="generator" content="detector experiments">'
    head += '<meta name="viewport" content="width=device-width,initial-scale=1">'
    head += f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head += f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n<h1>{escape(title)}</h1>\n"
    return f"{head}{''.join(parts)}</main></body></html>\n"


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """The first cell of a row heads it. Nothing where there are no rows. A cell that is Markup stays as it is."""
    if not rows:
        return Markup()
    left = [any(isinstance(row[k], Text) for row in rows) for k in range(len(head))]
    heads = [_open("th", 'scope="col"', k == 0 or left[k]) + f"{text_of(text)}</th>" for k, text in enumerate(head)]
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>\n" for row in rows)
    said = f"<caption><span>{escape(caption)}</span></caption>"
    inside = f"{said}<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>{body}</tbody>"
    return pushed(f"<table>{inside}</table>", caption)


def _cells(row: Sequence[object]) -> Iterable[str]:
    yield f'<th scope="row">{text_of(row[0])}</th>'
    for value in row[1:]:
        yield _open("td", "", isinstance(value, Text)) + f"{text_of(value)}</td>"


def _open(tag: str, attributes: str, text: bool) -> str:
    inside = " ".join(part for part in (tag, attributes, 'class="text"' if text else "") if part)
    return f"<{inside}>"


def pushed(inside: str, label: str) -> Markup:
    """What may be wider than the page, and is then pushed to the side, also by keys."""
    return Markup(f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label)}">{inside}</div>\n')


def text_of(value: object) -> str:
    """A value as HTML."""
    return value if isinstance(value, Markup) else escape(str(value))


def paragraph(text: str) -> Markup:
    return Markup(f"<p>{text_of(text)}</p>\n")


def heading(text: str, level: int = 2) -> Markup:
    return Markup(f"<h{level}>{escape(text)}</h{level}>\n")


def folded(summary: str, inside: str) -> Markup:
    """HTML that is shown when its summary is clicked."""
    return Markup(f"<details><summary>{escape(summary)}</summary>\n{inside}</details>\n")


def picture(png: bytes, alt: str, *, photograph: bool = False) -> Markup:
    """A PNG inside the page; as JPEG, a fifth of the bytes, where it is made of photographs."""
    data, kind = (_jpeg(png), "jpeg") if photograph else (png, "png")
    coded = base64.b64encode(data).decode()
    return pushed(f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{coded}">', alt)


def _jpeg(png: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(stream, format="jpeg", quality=85)
    return stream.getvalue()
