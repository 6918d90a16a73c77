"""A report from end to end: read once, count, decode what is shown, write one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datatools import formats
from datatools.check import tally
from datatools.display import grid
from datatools.outputs import write_file
from datatools.pages import refuse_page
from datatools.problems import CODES, ERROR
from datatools.provenance import read_provenance
from datatools.report.album import Album, make_album
from datatools.report.figures import Figures, as_object, figures
from datatools.report.page import COMMAND, page
from datatools.walk import folder_of


def make_report(source: Path, out: Path, *, overwrite: bool = False, **how: Any) -> tuple[str, dict]:
    """Write the page; returns what the command says: a text for people, an object for programs.

    how: keywords of `formats.read`.  Raises OutputError, before anything is read, where `out` may not be replaced.
    """
    refuse_page(out, COMMAND, "--out", overwrite=overwrite)
    reading = formats.read(source, **how)
    known = read_provenance(folder_of(source))
    found = figures(source, reading, known)
    album = make_album(reading.dataset, known, workers=how.get("workers", 0), quiet=how.get("quiet", False))
    write_file(out, page(found, album))
    return _summary(found, album, out), as_object(found, (*found.problems, *album.problems)) | {"out": str(out)}


def _summary(f: Figures, album: Album, out: Path) -> str:
    problems = (*f.problems, *album.problems)
    parts = (*f.counted.splits, f.counted.total) if len(f.counted.splits) > 1 else (f.counted.total,)
    rows = [("images", *(str(p.images) for p in parts))]
    rows += [(name, *(str(p.boxes[k]) for p in parts)) for k, name in enumerate(f.dataset.classes)]
    table = grid(("", *(p.name for p in parts)), rows, "<" + ">" * len(parts))
    lines = [f"{f.source} ({f.format})", "", table, ""]
    for split, found in f.repeated.items():
        most = max(found, key=lambda r: r.most)
        lines.append(f"{split}: a photograph is shown up to {most.most} times ({most.photograph})")
    worst = {code: n for code, n in tally(problems).items() if CODES[code].severity == ERROR}
    lines += [f"{n} {code}: {CODES[code].meaning}" for code, n in worst.items()]
    return "\n".join([*lines, f"report: {out}"])
