"""Writes a suite's report: report.html, whole in itself, its pictures once more in pictures/, table.md, results.csv."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detector.atomic import write_atomically
from detector.errors import RunError
from detector.experiments.records import Found, Record
from detector.experiments.report.comparisons import compare_all
from detector.experiments.report.drawings import curves
from detector.experiments.report.judged import DRAWS, judge_run
from detector.experiments.report.page import page
from detector.experiments.report.results import results_of
from detector.experiments.report.tables import results_csv, table_md
from detector.experiments.report.worst import sheets
from detector.experiments.suite import Suite

PICTURES = "pictures"
Progress = Callable[[str], None]


def write_report(
    suite: Suite, finished: Sequence[tuple[Record, Found | None]], folder: Path, progress: Progress, draws: int = DRAWS
) -> list[Path]:
    """finished: failed runs too, with None. All are judged on the same pictures. Returns what was written.

    Raises RunError where no run is done. The same runs give the same bytes.
    """
    known = [(record, found) for record, found in finished if record.done and found is not None]
    if not known:
        raise RunError(folder, "no run of the suite is done", "one at least", "see why they failed: record.json")
    judged = []
    for number, (record, found) in enumerate(known, start=1):
        progress(f"judging {number}/{len(known)}: {record.name}, seed {record.seed}")
        judged.append(judge_run(record, found, draws))
    results = results_of(suite, [record for record, _ in finished], judged, known[0][1])
    comparisons = compare_all(results)
    progress("drawing")
    drawn = [*curves(results), *sheets(results, {record.key: found for record, found in known})]
    written = {
        "results.csv": results_csv(results),
        "table.md": table_md(results, comparisons).encode(),
        **{f"{PICTURES}/{one.file}": one.png for one in drawn if one.png},
        "report.html": page(results, comparisons, drawn).encode(),
    }
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        write_atomically(folder / name, content)
    return [folder / name for name in written]
