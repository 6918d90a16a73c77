"""A row a picture, as CSV: what was right, wrong and missed, and how sure the surest false alarm was."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detector.judging.found import Least, sure_of
from detector.judging.matching import Matching

COLUMNS = ("picture", "truths", "tp", "fp", "fn", "worst_false_alarm", "least_sure_hit")


def per_image_csv(matching: Matching, paths: Sequence[Path], least: Least) -> bytes:
    """At IoU .5 and `least`, over all classes; a cell without a value is empty. In the order of `paths`."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for path, row in zip(paths, per_image(matching, len(paths), least), strict=True):
        table.writerow([path, *row])
    return stream.getvalue().encode()


def per_image_rows(matching: Matching, paths: Sequence[Path], least: Least) -> list[dict[str, Any]]:
    """The same as plain values; None for a cell without a value."""
    rows = per_image(matching, len(paths), least)
    return [
        dict(zip(COLUMNS, (str(path), *row[:4], *(float(v) if v else None for v in row[4:])), strict=True))
        for path, row in zip(paths, rows, strict=True)
    ]


def per_image(matching: Matching, pictures: int, least: Least) -> list[tuple[int | str, ...]]:
    """truths, tp, fp, fn, the highest score of a false alarm, the lowest of a right one."""
    sure, hit = sure_of(matching.scores, matching.classes, least), matching.hits[0, 0]
    right, wrong = sure & hit, sure & ~hit & ~matching.passed[0, 0]
    total = np.bincount(matching.truths[matching.counted[0], 1], minlength=pictures)
    tp, fp = (np.bincount(matching.pictures[which], minlength=pictures) for which in (right, wrong))
    worst, least = np.full(pictures, -np.inf), np.full(pictures, np.inf)
    np.maximum.at(worst, matching.pictures[wrong], matching.scores[wrong])
    np.minimum.at(least, matching.pictures[right], matching.scores[right])
    return [
        (int(total[i]), int(tp[i]), int(fp[i]), int(total[i] - tp[i]), _score(worst[i]), _score(least[i]))
        for i in range(pictures)
    ]


def _score(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else ""
