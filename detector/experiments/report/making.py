"""How each run was made: options, data, time, and what became of those that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from detector.experiments.records import Record
from detector.experiments.report.html import Markup, Text, folded, heading, paragraph, table
from detector.experiments.report.results import Line, Results
from detector.experiments.report.texts import number


def making(results: Results) -> Iterator[str]:
    yield heading("Runs")
    rows = [row for line in results.lines for row in _runs(line)]
    caption = "A stale run was made by other code than is here now; run the suite again to replace it."
    yield table(
        caption, ("configuration", "seed", "state", "mAP@0.5", "train, min", "evaluate, s", "finished", "key"), rows
    )
    failed = [record for line in results.lines for record in line.failed]
    for record in failed:
        yield paragraph(f"{record.name}, seed {record.seed}, failed: {record.error}")
    yield heading("Settings")
    yield _common(results)
    yield table("What is particular to each.", ("configuration", "data", "options"), _particular(results))
    yield from _data(results)


def _runs(line: Line) -> Iterator[list[object]]:
    scores = {run.record.key: run.values["map50"] for run in line.judged}
    records = [run.record for run in line.judged] + list(line.failed)
    for one in sorted(records, key=lambda record: record.seed):
        state = "stale" if one.done and one.stale else one.state
        train, judge = one.seconds.get("train"), one.seconds.get("evaluate")
        times = number(None if train is None else train / 60, 1), number(judge, 1)
        yield [one.name, one.seed, state, number(scores.get(one.key)), *times, one.finished[:16], one.key]


def _first(line: Line) -> Record | None:
    records = [*(run.record for run in line.judged), *line.failed]
    return records[0] if records else None


def _shared(results: Results) -> dict[str, Any]:
    """Options that all configurations have alike."""
    given = [record.train for line in results.lines if (record := _first(line))]
    return {key: value for key, value in given[0].items() if all(key in g and g[key] == value for g in given)}


def _common(results: Results) -> Markup:
    rows = [(key, Text(_value(value))) for key, value in _shared(results).items()]
    return table("Common to all: options of `detector train`.", ("option", "value"), rows)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _particular(results: Results) -> list[tuple[object, ...]]:
    shared = _shared(results)
    rows: list[tuple[object, ...]] = []
    for line in results.lines:
        record = _first(line)
        if record is None:
            rows.append((line.name, Text("–"), Text("not run")))
            continue
        own = [f"{key} {_value(value)}" for key, value in record.train.items() if key not in shared]
        rows.append((line.name, Text(record.data["recipe"]), Text(", ".join(own) or "as common")))
    return rows


def _data(results: Results) -> Iterator[str]:
    """Each recipe: what it holds, and the commands that made it, or should have."""
    records = [run.record for line in results.lines for run in line.judged]
    records += [record for line in results.lines for record in line.failed]
    recipes = {record.data["recipe"]: record.data for record in reversed(records)}
    rows: list[list[object]] = []
    for name, data in recipes.items():
        if "boxes" in data:  # absent where the data could not be made
            boxes = data["boxes"]["train"]
            rows.append([name, data["pictures"]["train"], *(boxes.get(c, 0) for c in results.classes)])
    head = ("data", "training pictures", *results.classes)
    yield table("Boxes that were trained on, by recipe.", head, rows)
    for name, data in recipes.items():
        if data["commands"]:
            said = "".join(f"<li><code>{escape(command)}</code></li>\n" for command in data["commands"])
            yield folded(f"{name}: how it was made", f"<ol>{said}</ol>")
