"""Sheets of the worst mistakes, of the baseline and of the best configuration: each of its median seed."""

from __future__ import annotations

from collections.abc import Mapping

from detector.errors import DataError
from detector.experiments.records import Found
from detector.experiments.report.drawing import Drawing
from detector.experiments.report.judged import CONFIDENCE
from detector.experiments.report.results import Line, Results
from detector.judging.mistakes import Mistake, mistakes
from detector.judging.mistakes_sheet import mistakes_png

COUNT = 12


def sheets(results: Results, found: Mapping[str, Found]) -> list[Drawing]:
    """found: by the key of the run."""
    shown = [("baseline", results.baseline)]
    if results.best is not results.baseline:
        shown.append(("best", results.best))
    return [one for word, line in shown for one in _of_line(word, line, found[line.middle.record.key])]


def _of_line(word: str, line: Line, found: Found) -> list[Drawing]:
    truths = [one.truth for one in found.pictures]
    wrong = mistakes([one.found for one in found.pictures], truths, found.classes, CONFIDENCE)
    seed = line.middle.record.seed
    title = f"Worst mistakes of {line.name}" + (", the best" if word == "best" else "")
    note = (
        f"Seed {seed}, the median by mAP, at confidence {CONFIDENCE:g}. In each pair the truth is left, what was found "
        f"right; brackets mark the object in question."
    )
    misses = _sheet(f"{word}-misses.png", f"Largest objects missed by {line.name}", found, wrong.misses)
    alarms = _sheet(f"{word}-false-alarms.png", f"Surest false alarms of {line.name}", found, wrong.alarms)
    head = Drawing("", title, "", note)
    return [head, misses, alarms]


def _sheet(file: str, title: str, found: Found, wrong: list[Mistake]) -> Drawing:
    if not wrong:
        return Drawing(file, "", "", f"{title}: none.")
    paths = [one.path for one in found.pictures]
    boxes, truths = [one.found for one in found.pictures], [one.truth for one in found.pictures]
    listed = "; ".join(f"{paths[one.picture].name}, {found.classes[one.number]}: {one.why}" for one in wrong[:COUNT])
    try:
        png = mistakes_png(paths, boxes, truths, found.classes, wrong, CONFIDENCE, title, COUNT)
    except DataError as error:  # the data may have been moved since: the figures stand without it
        return Drawing(file, "", "", f"{title}: cannot be shown. {error}. They are: {listed}.")
    return Drawing(file, "", f"{title}, {min(COUNT, len(wrong))} of {len(wrong)}: {listed}", "", png, photograph=True)
