"""results.csv, a row a run with everything numeric, and table.md, a row a configuration, for documents."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from detector.experiments.records import Record
from detector.experiments.report.comparisons import Comparison, chance_line, figures_of
from detector.experiments.report.judged import Judged
from detector.experiments.report.results import Line, Results
from detector.experiments.report.texts import interval, mean_sd, points

WHO = ("configuration", "seed", "state", "stale", "key")


def results_csv(results: Results) -> bytes:
    """In the suite's order; a cell without a value is empty. Failed runs have their name and state alone."""
    rows = [row for line in results.lines for row in _runs(line)]
    columns = list(dict.fromkeys(key for row in rows for key in row)) or list(WHO)
    stream = io.StringIO()
    table = csv.DictWriter(stream, fieldnames=columns, lineterminator="\n")
    table.writeheader()
    table.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return stream.getvalue().encode()


def _runs(line: Line) -> Iterable[dict[str, object]]:
    runs: list[Judged | Record] = sorted([*line.judged, *line.failed], key=_seed)
    for run in runs:
        record = run.record if isinstance(run, Judged) else run
        who = (record.name, record.seed, record.state, int(record.stale), record.key)
        row: dict[str, object] = dict(zip(WHO, who, strict=True))
        row |= {f"seconds_{part}": value for part, value in record.seconds.items()}
        yield row | (run.values if isinstance(run, Judged) else {})


def _seed(run: Judged | Record) -> int:
    return run.record.seed if isinstance(run, Judged) else run.seed


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def table_md(results: Results, comparisons: Sequence[Comparison]) -> str:
    parts = [_configurations(results)]
    if comparisons:
        parts.append(_compared(results, comparisons))
        parts.append(chance_line(list(comparisons), results.classes))
    return "\n".join(parts) + "\n"


def _configurations(results: Results) -> str:
    rare = results.rarest
    head = ["configuration", "seeds", "mAP@0.5", *(f"AP {name}" for name in results.classes)]
    rows = []
    for line in results.lines:
        keys = ["map50", *(f"ap50_{name}" for name in results.classes), f"recall_at_p50_{rare}"]
        rows.append([line.name, seeds(line), *(mean_sd(line.spread(key)) for key in keys)])
    counts = ", ".join(f"{n} {name}" for n, name in zip(results.truths, results.classes, strict=True))
    note = (
        f"Mean ± sd over seeds; {results.pictures} val pictures ({counts}); recall of {rare} at a precision of 0.5.\n"
    )
    return _grid([*head, f"recall {rare}"], rows) + "\n" + note


def seeds(line: Line) -> str:
    """How many are done, and what is amiss."""
    marks = [f"{len(line.failed)} failed"] if line.failed else []
    marks += [f"{line.stale} stale"] if line.stale else []
    return f"{len(line.judged)}" + (f" ({', '.join(marks)})" if marks else "")


def _compared(results: Results, comparisons: Sequence[Comparison]) -> str:
    figures = figures_of(results.classes)
    rows = []
    for one in comparisons:
        cells = [_difference(one, figure) for figure in figures]
        rows.append([f"{one.better} {points(-1)[0]} {one.base}", *cells, verdict(one, results)])
    note = "Points of AP (hundredths), in brackets 95 % of the draws of the pictures, the same for both.\n"
    return _grid(["comparison", *figures, "mAP@0.5 in words"], rows) + "\n" + note


def _difference(one: Comparison, figure: str) -> str:
    if not one.differences or one.differences[figure].value is None:
        return "–"
    found = one.differences[figure]
    return f"{points(found.value)} ({interval(found)})"


def verdict(one: Comparison, results: Results) -> str:
    return one.missing or one.words(figures_of(results.classes)[0], results.pictures)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
