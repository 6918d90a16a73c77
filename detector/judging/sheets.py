"""All pictures of a judgement: curves, confusion matrix, calibration, sheets of the worst misses and false alarms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.data.loader import Pictures
from detector.judging.calibration import calibrations
from detector.judging.confusion import confusion
from detector.judging.curves import curves
from detector.judging.found import Found, Least, Truth
from detector.judging.matching import match
from detector.judging.mistakes import mistakes
from detector.judging.mistakes_sheet import mistakes_png
from detector.judging.plots import calibration_png, confusion_png, curves_png


def judging_sheets(
    pictures: Pictures,
    detections: Sequence[Found],
    truths: Sequence[Found | Truth],
    classes: tuple[str, ...],
    least: Least,
    count: int = 12,
) -> dict[str, bytes]:
    """File names and PNGs; lists of the same pictures. count: how many mistakes a sheet shows."""
    matching = match(detections, truths, np.array([0.5]))
    matrix = confusion(detections, truths, len(classes), least)
    wrong = mistakes(detections, truths, classes, least)
    paths = [one.path for one in pictures.labelled]

    def sheet(worst: list, title: str) -> bytes:
        return mistakes_png(paths, detections, truths, classes, worst, least, title, count)

    return {
        "pr-f1.png": curves_png(curves(matching, classes)),
        "confusion.png": confusion_png(matrix, classes, least),
        "calibration.png": calibration_png(calibrations(matching, classes)),
        "misses.png": sheet(wrong.misses, "Largest objects missed"),
        "false-alarms.png": sheet(wrong.alarms, "Surest false alarms"),
    }
