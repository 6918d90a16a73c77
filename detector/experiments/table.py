"""The plain table of a suite: mAP@0.5 and each class's AP by configuration, mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

from detector.experiments.judge import HOW
from detector.experiments.records import Found, Record
from detector.experiments.suite import Suite
from detector.judging.evaluate import Scores, scores_of
from detector.judging.matching import match


def scores(found: Found) -> Scores:
    """COCO's AP and the counts at confidence 0.25, of what a run found."""
    from dataclasses import replace

    matching = match([one.found for one in found.pictures], [one.truth for one in found.pictures])
    return scores_of(matching, found.classes, len(found.pictures), replace(HOW, confidence=0.25))


def table(suite: Suite, finished: Sequence[tuple[Record, Scores]]) -> str:
    """A line a configuration that has finished runs."""
    classes = list(finished[0][1].classes)
    width = max(len(run.name) for run in suite.runs)
    lines = [f"{'configuration':{width}} seeds  " + "  ".join(f"{name:>13}" for name in ["mAP@.5", *classes])]
    for run in suite.runs:
        own = [one for record, one in finished if record.name == run.name]
        if own:
            values = [[one.map50 for one in own], *([one.classes[name].ap50 for one in own] for name in classes)]
            cells = "  ".join(f"{_cell([v for v in column if v is not None]):>13}" for column in values)
            stale = any(record.stale for record, _ in finished if record.name == run.name)
            lines.append(f"{run.name:{width}} {len(own):>5}  {cells}" + ("  stale" if stale else ""))
    lines.append("AP@0.5 of the last averaged weights on val: mean ± standard deviation over seeds.")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
