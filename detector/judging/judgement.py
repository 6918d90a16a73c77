"""A judgement of a network on pictures, by the measure that was asked for: as text, as values, as files.

`Judging` says what is wanted, `judge_network` runs the network once and derives everything from what it found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from detector.atomic import write_atomically
from detector.data.loader import Pictures
from detector.detecting.inference import Thresholds
from detector.detecting.runtime import Runtime
from detector.errors import UserError
from detector.judging import thresholds
from detector.judging.bootstrap import bootstrap
from detector.judging.calibration import calibration_line, calibrations
from detector.judging.cheapest import cheapest_each, costed, costs_table
from detector.judging.coco_report import BINS, COCO_SIZES, report_of, size_bins
from detector.judging.confusion import confusion
from detector.judging.costs import expected_costs, read_costs
from detector.judging.curves import curves
from detector.judging.darknet_report import darknet_batch, darknet_report
from detector.judging.evaluate import Scores, at_every_score, run_model, scores_of
from detector.judging.found import Found, Least, Truth, least_as_json, truths_of
from detector.judging.matching import match
from detector.judging.mistakes import mistakes
from detector.judging.original_metric import original_batch, original_report
from detector.judging.per_image import per_image_csv, per_image_rows
from detector.judging.sheets import judging_sheets
from detector.judging.voc_report import voc_report

MOST = 20  # of the worst mistakes of each kind that the values name


@dataclass(frozen=True)
class Judging:
    """What a judgement is to hold. metric: coco, voc, darknet or original.  bins: sides at which sizes are divided.

    corrected: of Darknet's.  bootstrap: draws, 0 for none.  per_image, sheets: where to write.  cost: a file.
    """

    metric: str = "coco"
    corrected: bool = False
    bins: tuple[float, ...] = BINS
    want_recall: float | None = None
    want_precision: float | None = None
    bootstrap: int = 0
    seed: int = 0
    per_image: Path | None = None
    sheets: Path | None = None
    cost: Path | None = None
    overwrite: bool = False

    def check(self, how: Thresholds) -> None:
        """Raises UserError for what does not go together, or where something would be overwritten."""
        own = self.metric in ("darknet", "original")
        if own and (how.method != "greedy" or how.agnostic or how.views != "none"):
            raise UserError(f"--metric {self.metric}", "finds boxes its own way", "no --tta, --nms-method, --agnostic")
        if own and how.by_name:
            raise UserError(f"--metric {self.metric}", "counts at one confidence", "--conf with a number alone")
        if how.agnostic and how.by_name:
            what = "boxes are thinned here before a class's own confidence is looked at, unlike in detect"
            raise UserError("--agnostic", what, "--conf with a number alone")
        if self.metric == "original" and (self.per_image or self.sheets or self.cost):
            raise UserError("--metric original", "makes no files", "no --per-image, --sheets, --cost")
        if self.corrected and self.metric != "darknet":
            raise UserError("--corrected", f"with --metric {self.metric}", "--metric darknet")
        if any(a >= b for a, b in pairwise(self.bins)) or any(b <= 0 for b in self.bins):
            raise UserError("--bins", ",".join(f"{b:g}" for b in self.bins), "rising numbers above 0")
        if self.per_image and self.per_image.is_dir():
            raise UserError(self.per_image, "is a folder", "a file to write, for --per-image")
        if self.sheets and self.sheets.is_file():
            raise UserError(self.sheets, "is a file", "a folder to write into, for --sheets")
        for path in (self.per_image, self.sheets):
            if path and not self.overwrite and path.exists() and (path.is_file() or any(path.iterdir())):
                raise UserError(path, "is there already", "a new place", "or give --overwrite")


@dataclass(frozen=True)
class Judgement:
    """text: for people.  values: plain, for programs."""

    text: str
    values: dict[str, Any]


def judge_network(
    run: Runtime,
    pictures: Pictures,
    classes: tuple[str, ...],
    how: Thresholds,
    wanted: Judging,
    batch: int,
    workers: int,
    quiet: bool,
) -> Judgement:
    """Run once, judge, and write the files that are wanted."""
    detect = {"darknet": darknet_batch, "original": original_batch}.get(wanted.metric, partial(at_every_score, how))
    costs = read_costs(wanted.cost, classes) if wanted.cost else None
    found, truths = run_model(run, pictures, detect, batch, workers, quiet), truths_of(pictures)
    if wanted.metric == "original":
        boxes = [pictures.letterbox(i) for i in range(len(pictures))]
        one = original_report(found, truths, boxes, classes)
        return Judgement(one.table(), one.as_json() | {"metric": "original", "images": len(pictures)})
    judgement = judge_found(pictures, found, truths, classes, how, wanted)
    if costs is not None:
        judgement = _with(judgement, *_costs(found, truths, classes, how, costs))
    return _with(judgement, _write(pictures, found, truths, classes, how.least, wanted), {})


def _costs(
    found: Sequence[Found], truths: Sequence[Truth], classes: tuple[str, ...], how: Thresholds, costs: np.ndarray
) -> tuple[str, dict[str, Any]]:
    """As text and values: at common confidences, at those given, and at the cheapest of each class."""
    expected = expected_costs(found, truths, costs)
    best = expected.confidences[expected.best]
    named = {"as given": costed(found, truths, costs, how.least)}
    if not how.agnostic:  # else the choice would change which boxes are there
        named["of each class"] = cheapest_each(found, truths, costs, best)
    values = {name.replace(" ", "_"): one.as_json(classes) for name, one in named.items()}
    text = f"{expected.table()}\n{costs_table(named, costs, classes)}"
    return text, {"costs": vars(expected) | values}


def _with(one: Judgement, text: str, values: dict[str, Any]) -> Judgement:
    return Judgement(f"{one.text}\n\n{text}" if text else one.text, one.values | values)


def judge_found(
    pictures: Pictures,
    found: Sequence[Found],
    truths: Sequence[Truth],
    classes: tuple[str, ...],
    how: Thresholds,
    wanted: Judging,
) -> Judgement:
    common = {
        "metric": wanted.metric,
        "images": len(pictures),
        "conf": least_as_json(how.least, classes),
        "nms": how.overlap,
    }
    if wanted.metric == "darknet":
        darknet = darknet_report(found, truths, classes, how.confidence, wanted.corrected)
        return Judgement(darknet.lines(), common | darknet.as_json())
    if wanted.metric == "voc":
        voc = voc_report(found, truths, classes)
        return Judgement(voc.table(), common | voc.as_json())
    text, values = _by_coco(pictures, found, truths, classes, how, wanted)
    return Judgement(text, values | common)


def _by_coco(
    pictures: Pictures,
    found: Sequence[Found],
    truths: Sequence[Truth],
    classes: tuple[str, ...],
    how: Thresholds,
    wanted: Judging,
) -> tuple[str, dict[str, Any]]:
    """As text and values: all that one matching tells, and the confusions and mistakes at the confidences given."""
    sizes = COCO_SIZES | (size_bins(wanted.bins) if wanted.bins else {})
    matching = match(found, truths, areas=[(0.0, np.inf), *sizes.values()])
    scores: Scores = scores_of(matching, classes, len(pictures), how)
    coco, sure = report_of(matching, classes, tuple(sizes)), calibrations(matching, classes)
    advice = thresholds.advise(curves(matching, classes), wanted.want_recall, wanted.want_precision)
    matrix = confusion(found, truths, len(classes), how.least)
    values = scores.as_json() | {"metric": wanted.metric, "coco": coco.as_json()}
    values["thresholds"] = thresholds.as_json(advice)
    values["confusion"] = {"names": [*classes, "background"], "there_by_found": matrix.tolist()}
    values["calibration"] = {name: one.as_json() for name, one in sure.items()}
    paths = [one.path for one in pictures.labelled]
    wrong = mistakes(found, truths, classes, how.least)
    values["per_image"] = per_image_rows(matching, paths, how.least)
    values["misses"] = [one.as_json(paths, classes) for one in wrong.misses[:MOST]]
    values["false_alarms"] = [one.as_json(paths, classes) for one in wrong.alarms[:MOST]]
    texts = [scores.table(), coco.table(), thresholds.table(advice), calibration_line(sure)]
    if wanted.bootstrap:
        intervals = bootstrap(matching, classes, len(pictures), wanted.bootstrap, wanted.seed)
        values["bootstrap"] = intervals.as_json()
        texts.append(intervals.table())
    return "\n\n".join(texts), values


def _write(
    pictures: Pictures,
    found: Sequence[Found],
    truths: Sequence[Truth],
    classes: tuple[str, ...],
    least: Least,
    wanted: Judging,
) -> str:
    """Write the files that are wanted; returns a line for each place."""
    lines = []
    if wanted.per_image:
        matching = match(found, truths, np.array([0.5]))
        wanted.per_image.parent.mkdir(parents=True, exist_ok=True)
        table = per_image_csv(matching, [one.path for one in pictures.labelled], least)
        write_atomically(wanted.per_image, table)
        lines.append(f"a row a picture: {wanted.per_image}")
    if wanted.sheets:
        made = judging_sheets(pictures, found, truths, classes, least)
        wanted.sheets.mkdir(parents=True, exist_ok=True)
        for name, data in made.items():
            write_atomically(wanted.sheets / name, data)
        lines.append(f"{', '.join(made)}: {wanted.sheets}")
    return "\n".join(lines)
