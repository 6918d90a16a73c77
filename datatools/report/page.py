"""The figures and sheets as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from datatools.check import tally
from datatools.pages import Markup, drawing, folded, page_of, photograph, scrolled, table
from datatools.problems import CODES, ERROR, Problem
from datatools.report.album import Album
from datatools.report.figures import Alone, Figures, examples
from datatools.report.heat import drawings
from datatools.stats import SplitStatistics
from datatools.stats_plot import COLOURS, plot

COMMAND = "datatools report"
BAR_PX = 320
PLOTTED = 20  # classes that one drawing of the statistics can show; more are in the tables alone
STYLE = ".bar{display:inline-block;height:.8em}.wide td:last-child{text-align:left}"


def page(f: Figures, album: Album) -> str:
    """The file's text."""
    return page_of(f"{f.source}", COMMAND, _parts(f, album), STYLE)


def _parts(f: Figures, album: Album) -> Iterator[str]:
    problems = (*f.problems, *album.problems)
    total = f.counted.total
    errors = sum(p.severity == ERROR for p in problems)
    yield _paragraph(f"read as {f.format}: {total.images} images ({total.negatives} without boxes)")
    yield _paragraph(f"{int(total.boxes.sum())} boxes, imbalance {total.imbalance_text()}")
    yield _paragraph(f"{errors} errors, {len(problems) - errors} warnings and notes, listed at the end")
    yield from _histograms(f)
    yield from _repetition(f)
    yield from _sizes(f)
    for name, pixels in album.classes.items():
        yield f"<h2>{escape(name)}, from the smallest to the largest</h2>\n{scrolled(photograph(pixels, name))}\n"
    for name, pixels in album.recipes.items():
        titled = f"pictures by {name}" if name else "pictures"
        yield f"<h2>{escape(titled)}</h2>\n{scrolled(photograph(pixels, titled))}\n"
    yield from _problems(problems)


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


def _histograms(f: Figures) -> Iterator[str]:
    yield "<h2>Boxes of each class</h2>\n"
    if f.recipes:
        yield _paragraph("pictures: " + ", ".join(f"{n} by {name}" for name, n in f.recipes.items()))
    if f.alone:
        yield _paragraph("dark: in photographs; pale: in pictures that were made")
    for p in f.counted.splits:
        yield f"<h3>{escape(p.name)}: {p.images} images, imbalance {escape(p.imbalance_text())}</h3>\n"
        yield _histogram(f.dataset.classes, p, f.alone.get(p.name))


def _histogram(classes: Sequence[str], p: SplitStatistics, alone: Alone | None) -> str:
    """A row a class with its bar, full for the most frequent; photographs alone before, where pictures were made."""
    whole, most = max(int(p.boxes.sum()), 1), max(int(p.boxes.max(initial=0)), 1)
    rows: list[tuple[object, ...]] = []
    for k, (name, n) in enumerate(zip(classes, p.boxes.tolist(), strict=True)):
        before = int(alone.boxes[k]) if alone else n
        bars = Markup(_bar(k, before / most, 1) + _bar(k, (n - before) / most, 0.4))
        rows.append((name, *([before] if alone else []), n, f"{n / whole:.1%}", bars))
    if alone:
        rows.append(("images", alone.images, p.images, "", ""))
    head = ("class", "photographs alone", "all", "share", "") if alone else ("class", "boxes", "share", "")
    return f'<div class="wide">{table(head, rows)}</div>\n'


def _bar(k: int, share: float, opacity: float) -> str:
    colour = COLOURS[k % len(COLOURS)]
    width = share * BAR_PX
    return f'<span class="bar" style="width:{width:.1f}px;background:{colour};opacity:{opacity:g}"></span>'


def _repetition(f: Figures) -> Iterator[str]:
    if f.repeated:
        yield "<h2>Repetition</h2>\n"
        yield _paragraph(
            "A photograph and what was made from it are one family. Most repeated: pictures of one family that hold "
            "the class. Effective sample: (Σr)²/Σr² over the distinct boxes, as if those of a family were repeated "
            "evenly; a few boxes shown often are worth less than many shown once."
        )
    head = ("class", "boxes", "distinct", "photographs", "most repeated", "effective sample", "which")
    for split, found in f.repeated.items():
        rows = [
            (name, r.boxes, r.distinct, r.photographs, f"{r.most}×", f"{r.effective:.0f}", r.photograph)
            for name, r in zip(f.dataset.classes, found, strict=True)
        ]
        yield f"<h3>{escape(split)}</h3>\n{table(head, rows)}"


def _sizes(f: Figures) -> Iterator[str]:
    yield "<h2>Sizes, and classes that come together</h2>\n"
    classes, together = f.dataset.classes, f.counted.total.together.tolist()
    if len(classes) <= PLOTTED:
        yield f"{scrolled(drawing(plot(f.counted, '.png'), 'statistics'))}\n"
    rows = [(name, *row) for name, row in zip(classes, together, strict=True)]
    if len(rows) > 1:
        yield folded("images that hold both, as a table", table(("", *classes), rows))
    yield "<h2>Where boxes lie, and how large they are</h2>\n"
    for some, png in drawings(classes, f.position, f.size):
        yield f"{scrolled(drawing(png, 'heat maps: ' + ', '.join(some)))}\n"


def _problems(problems: tuple[Problem, ...]) -> Iterator[str]:
    counted, first = tally(problems), examples(problems)
    yield "<h2>Problems</h2>\n"
    if not problems:
        yield _paragraph("none")
    rows = [(code, CODES[code].severity, n, CODES[code].meaning) for code, n in counted.items()]
    yield f'<div class="wide">{table(("code", "", "count", "meaning"), rows)}</div>\n'
    for code, some in first.items():
        lines = "".join(f"<li>{escape(str(p))}</li>\n" for p in some)
        yield folded(f"{code}: the first {len(some)} of {counted[code]}", f"<ul>{lines}</ul>")
    yield _paragraph("Pictures are not all opened here: `datatools check` also finds broken ones and near-duplicates.")
