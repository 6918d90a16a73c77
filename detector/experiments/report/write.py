"""Writes a suite's report: report.html, whole in itself, its pictures once more in pictures/, table.md, results.csv."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detector.atomic import write_atomically
from detector.errors import RunError
from detector.experiments.records import Found, Record
from detector.experiments.report.comparisons import compare_all
from detector.experiments.report.judged import judge_run
from detector.experiments.report.page import page
from detector.experiments.report.results import results_of
from detector.experiments.report.tables import results_csv, table_md
from detector.experiments.suite import Suite

Progress = Callable[[str], None]


def write_report(
    suite: Suite, finished: Sequence[tuple[Record, Found | None]], folder: Path, progress: Progress
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
        judged.append(judge_run(record, found))
    results = results_of(suite, [record for record, _ in finished], judged, known[0][1])
    comparisons = compare_all(results)
    written = {
        folder / "results.csv": results_csv(results),
        folder / "table.md": table_md(results, comparisons).encode(),
        folder / "report.html": page(results, comparisons, []).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in written.items():
        write_atomically(path, content)
    return list(written)
