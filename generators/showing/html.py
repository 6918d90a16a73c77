"""The report of a run as one HTML file, pictures inside, no scripts; and its sheets as PNG files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from numpy.typing import NDArray

from datatools.core import Dataset
from datatools.errors import OutputError
from datatools.images import encode
from datatools.outputs import write_file
from datatools.pages import folded, page_of, photograph, refuse_page, table
from generators.drawing.dress import ROLES
from generators.making.build import Overlay, rejections
from generators.showing.report import MEANINGS, acceptance, figures, notes, share
from generators.showing.shots import Album, by_mode

FILE = "report.html"
COMMAND = "generators overlay"


def refuse_report(folder: Path, *, overwrite: bool) -> None:
    """Raises OutputError where the report would replace something: another one, unless the user said so."""
    page = folder / FILE
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file", "a folder", "choose another --report")
    refuse_page(page, COMMAND, "--report", overwrite=overwrite)
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
    write_file(folder / FILE, _page(overlay, out, sheets))
    return folder / FILE


def _page(overlay: Overlay, out: Path, sheets: dict[str, NDArray]) -> str:
    said = figures(overlay, out)
    title = f"{said['faces']} synthetic faces in {said['pictures']} pictures"
    return page_of(title, COMMAND, _parts(overlay, out, said, sheets))


def _parts(overlay: Overlay, out: Path, said: dict, sheets: dict[str, NDArray]) -> Iterator[str]:
    yield f"<p>{escape(said['source'])} → {escape(str(out))}</p>\n"
    yield "".join(f"<p>{escape(note)}</p>\n" for note in notes(said, out))
    rows = [(name, n, said["after"][name]) for name, n in said["before"].items()]
    yield table(("boxes in train", "before", "after"), rows)
    yield table(("mode", "role", "faces"), [(mode, ROLES[mode], n) for mode, n in said["modes"].items()])
    sizes = [(r.size, r.annotated, r.located, r.usable, share(r)) for r in acceptance(overlay)]
    yield table((f"{said['from_class']}, shorter side in px", "annotated", "located", "usable", ""), sizes)
    yield table(("not used", "boxes", "why"), [(r, n, MEANINGS[r]) for r, n in said["rejected"].items()])
    yield _every_rejection(overlay)
    for name, pixels in sheets.items():
        yield f"<h2>{escape(name.replace('-', ': ', 1).replace('_', ' '))}</h2>\n{photograph(pixels)}\n"


def _every_rejection(overlay: Overlay) -> str:
    """A folded list: each face, or picture, that was not used, and why."""
    rows = [
        (line["source"], " ".join(f"{v:g}" for v in line.get("xyxy", ())), line["reason"], line["detail"])
        for line in rejections(overlay)
    ]
    if not rows:
        return ""
    listed = table(("picture", "box, xyxy pixels", "reason", "figure"), rows)
    return folded(f"each of the {len(rows)} that were not used", listed)
