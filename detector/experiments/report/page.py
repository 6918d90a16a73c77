"""The report as one page: what was asked, what was found, and then everything that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from detector.experiments.report import svg
from detector.experiments.report.comparisons import Comparison, chance_line, figures_of
from detector.experiments.report.details import details
from detector.experiments.report.drawing import Drawing
from detector.experiments.report.html import Markup, Text, folded, heading, page_of, paragraph, picture, table
from detector.experiments.report.making import making
from detector.experiments.report.results import Line, Results
from detector.experiments.report.tables import seeds, verdict
from detector.experiments.report.texts import interval, mean_sd, number, points, span

NOTE = (
    "Points are hundredths of AP@0.5, the mean over a configuration's seeds. The interval holds 95 % of {draws} draws "
    "of the {pictures} pictures, the same draws for both: it says what other pictures of this kind could have shown, "
    "not what training again could, for which the seeds stand. p is of the draws, after Holm's correction for the "
    "comparisons of the same figure. {chance}"
)


def page(results: Results, comparisons: Sequence[Comparison], drawn: Sequence[Drawing]) -> str:
    """drawn: what stands below the tables, in order."""
    return page_of(results.suite.title, _parts(results, comparisons, drawn))


def _parts(results: Results, comparisons: Sequence[Comparison], drawn: Sequence[Drawing]) -> Iterator[str]:
    yield paragraph(results.suite.question)
    yield paragraph(_facts(results))
    yield heading("In short")
    yield _short(results, comparisons)
    yield heading("Configurations")
    yield _configurations(results)
    yield from _compared(results, comparisons)
    yield from details(results)
    for one in drawn:
        yield heading(one.title) if one.title else ""
        yield paragraph(one.note) if one.note else ""
        yield picture(one.png, one.alt, photograph=one.photograph) if one.png else ""
        yield one.below
    yield from making(results)


def _facts(results: Results) -> str:
    each = ", ".join(f"{n} {name}" for n, name in zip(results.truths, results.classes, strict=True))
    done = sum(len(line.judged) for line in results.lines)
    failed = sum(len(line.failed) for line in results.lines)
    machines = sorted({run.record.machine for line in results.lines for run in line.judged})
    said = f"{len(results.lines)} configurations, {done} runs done" + (f", {failed} failed" if failed else "")
    judged = f"judged on {results.pictures} val pictures with {sum(results.truths)} boxes ({each})"
    return f"{said}; {judged}. Trained on: {'; '.join(machines)}."


def _short(results: Results, comparisons: Sequence[Comparison]) -> Markup:
    """The best configuration, and a line a comparison."""
    best = results.best
    lines = [f"Highest mean mAP@0.5: {best.name}, {mean_sd(best.spread('map50'))}, seeds: {seeds(best)}."]
    lines += [f"{one.better} against {one.base}: {_sentence(one, results)}." for one in comparisons]
    return Markup(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>\n")


def _sentence(one: Comparison, results: Results) -> str:
    """Of the mean, and of the classes of which anything can be said."""
    if not one.differences:
        return one.missing
    every, *classes = figures_of(results.classes)
    said = [_figure(one, every, results)]
    said += [_figure(one, name, results) for name in classes if one.differences[name].shown]
    return "; ".join(said)


def _figure(one: Comparison, figure: str, results: Results) -> str:
    found = one.differences[figure]
    return f"{points(found.value)} points of {figure} ({interval(found)}), {one.words(figure, results.pictures)}"


def _configurations(results: Results) -> Markup:
    every = [v for line in results.done for run in line.judged if (v := run.values["map50"]) is not None]
    ends = svg.scale_of(every)
    head = ("configuration", "seeds", "mAP@0.5", "each seed", *(f"AP {name}" for name in results.classes))
    rows = [_row(line, results, ends) for line in results.lines]
    caption = (
        f"AP@0.5 by COCO's rules, all confidences: mean ± standard deviation over seeds. A dot is a seed; the axis "
        f"goes from {number(ends[0])} to {number(ends[1])}."
    )
    return Markup(
        table(caption, (*head, "mAP@0.5:0.95"), rows) + folded("the lowest and the highest seed", _spans(results))
    )


def _spans(results: Results) -> Markup:
    keys = ("map50", *(f"ap50_{name}" for name in results.classes), "map50_95")
    rows = [[line.name, *(span(line.spread(key)) for key in keys)] for line in results.done]
    head = ("configuration", "mAP@0.5", *(f"AP {name}" for name in results.classes), "mAP@0.5:0.95")
    return table("The lowest and the highest seed of each figure.", head, rows)


def _row(line: Line, results: Results, ends: tuple[float, float]) -> list[object]:
    found = line.spread("map50")
    known = [v for run in line.judged if (v := run.values["map50"]) is not None]
    drawn: object = "–" if found is None else svg.dots(known, found.mean, ends)
    each = [mean_sd(line.spread(f"ap50_{name}")) for name in results.classes]
    return [line.name, seeds(line), mean_sd(found), drawn, *each, mean_sd(line.spread("map50_95"))]


def _compared(results: Results, comparisons: Sequence[Comparison]) -> Iterator[str]:
    if not comparisons:
        return
    yield heading("Comparisons")
    chance = chance_line(list(comparisons), results.classes)
    yield paragraph(NOTE.format(draws=results.draws, pictures=results.pictures, chance=chance))
    ends = svg.scale_of(
        [v for one in comparisons for d in one.differences.values() for v in (d.low, d.high) if v is not None], 0.0
    )
    head = ("comparison", "points", "95 %", "", "p, Holm", "seed by seed", "in words")
    for figure in figures_of(results.classes):
        rows = [_difference(one, figure, results, ends) for one in comparisons]
        drawn = f"the axis goes from {points(ends[0])} to {points(ends[1])} points, the thin line is 0"
        yield table(f"{figure}: {drawn}.", head, rows)


def _difference(one: Comparison, figure: str, results: Results, ends: tuple[float, float]) -> list[object]:
    name = f"{one.better} against {one.base}"
    if not one.differences:
        return [name, "–", "–", "", "–", "–", Text(verdict(one, results))]
    found, p = one.differences[figure], one.adjusted[figure]
    drawn: object = ""
    if found.low is not None and found.high is not None and found.value is not None:
        drawn = svg.whisker(found.low, found.value, found.high, ends, shown=found.shown)
    each = ", ".join(map(points, found.by_seed)) or "–"
    return [
        name,
        points(found.value),
        interval(found),
        drawn,
        number(p),
        each,
        Text(one.words(figure, results.pictures)),
    ]
