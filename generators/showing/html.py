"""The report of a run as one HTML file, pictures inside, no scripts; and its sheets as PNG files beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from numpy.typing import NDArray

from datatools.core import Dataset
from datatools.errors import OutputError
from datatools.images import encode
from datatools.outputs import write_file
from generators.drawing.dress import ROLES
from generators.making.build import Overlay, rejections
from generators.showing.report import MEANINGS, acceptance, figures, notes, share
from generators.showing.shots import Album, by_mode

FILE = "report.html"
MARK = '<meta name="generator" content="generators overlay">'
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:1450px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.15em .9em;border-bottom:1px solid #ccc;text-align:right}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}"
)


def refuse_report(folder: Path, *, overwrite: bool) -> None:
    """Raises OutputError where the report would replace something: another one, unless the user said so."""
    page = folder / FILE
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file", "a folder", "choose another --report")
    if page.exists() and MARK not in page.read_text(encoding="utf-8", errors="replace")[:400]:
        raise OutputError(page, "was not made by this program", remedy="choose another --report")
    if page.exists() and not overwrite:
        raise OutputError(page, "is already there", remedy="pass --overwrite, or choose another --report")
    sheets = [] if page.exists() or not folder.exists() else sorted(folder.glob("*.png"))
    if sheets:
        raise OutputError(sheets[0], "might be replaced", "a folder without pictures", "choose another --report")


def write_report(overlay: Overlay, written: Dataset, out: Path, folder: Path) -> Path:
    """Write the report; returns its path."""
    album = Album(overlay, written)
    sheets = {f"mode-{mode}": album.sheet_of(uses) for mode, uses in by_mode(overlay).items()}
    sheets["before-after"] = album.pairs_of(overlay.plan.uses)
    sheets |= {f"rejected-{reason}": made for reason, made in album.rejected().items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in sheets.items():
        write_file(folder / f"{name}.png", encode(pixels, ".png"))
    write_file(folder / FILE, "".join(_page(overlay, out, sheets)))
    return folder / FILE


def _page(overlay: Overlay, out: Path, sheets: dict[str, NDArray]) -> Iterator[str]:
    said = figures(overlay, out)
    title = f"{said['faces']} synthetic faces in {said['pictures']} pictures"
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{MARK}'
    yield f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
    yield f"<p>{escape(said['source'])} → {escape(str(out))}</p>\n"
    yield "".join(f"<p>{escape(note)}</p>\n" for note in notes(said, out))
    rows = [(name, n, said["after"][name]) for name, n in said["before"].items()]
    yield _table(("boxes in train", "before", "after"), rows)
    yield _table(("mode", "role", "faces"), [(mode, ROLES[mode], n) for mode, n in said["modes"].items()])
    sizes = [(r.size, r.annotated, r.located, r.usable, share(r)) for r in acceptance(overlay)]
    yield _table((f"{said['from_class']}, shorter side in px", "annotated", "located", "usable", ""), sizes)
    yield _table(("not used", "boxes", "why"), [(r, n, MEANINGS[r]) for r, n in said["rejected"].items()])
    yield _every_rejection(overlay)
    for name, pixels in sheets.items():
        yield f"<h2>{escape(name.replace('-', ': ', 1).replace('_', ' '))}</h2>\n{_image(pixels)}\n"
    yield "</body></html>\n"


def _every_rejection(overlay: Overlay) -> str:
    """A folded list: each face, or picture, that was not used, and why."""
    rows = [
        (line["source"], " ".join(f"{v:g}" for v in line.get("xyxy", ())), line["reason"], line["detail"])
        for line in rejections(overlay)
    ]
    if not rows:
        return ""
    table = _table(("picture", "box, xyxy pixels", "reason", "figure"), rows)
    return f"<details><summary>each of the {len(rows)} that were not used</summary>\n{table}</details>\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    lines = ["".join(f"<th>{escape(text)}</th>" for text in head)]
    lines += ["".join(f"<td>{escape(str(value))}</td>" for value in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>\n"


def _image(pixels: NDArray) -> str:
    data = base64.b64encode(encode(pixels, ".jpg", 88)).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
