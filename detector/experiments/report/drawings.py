"""Curves of learning and of calibration: a panel a configuration, seeds as a band, the baseline in grey behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import numpy as np

from detector.experiments.records import Record
from detector.experiments.report.drawing import Drawing
from detector.experiments.report.html import table
from detector.experiments.report.results import Line, Results
from detector.experiments.report.texts import mean_sd
from detector.judging.calibration import LEAST, pooled
from detector.judging.plots import draw_calibration, figure_of, png_of

COLUMNS, PANEL, TITLE = 3, (3.7, 2.9), 40  # panels in a row; inches; letters in a line
TERMS = ("box", "objectness", "class")
Draw = Callable[[Any, Line], None]


def curves(results: Results) -> list[Drawing]:
    """Learning, and calibration. A figure that no run's history holds is not drawn."""
    found = [_learning(results, "map50", "mAP@0.5"), _learning(results, "loss", "Training loss")]
    learned = [one for one in found if one is not None]
    return [*learned, _calibration(results)]


def _learning(results: Results, key: str, name: str) -> Drawing | None:
    drawn = [line for line in results.done if _band(line, key) is not None]
    if not drawn:
        return None
    base = _band(results.baseline, key)
    top = max(float(band[2].max()) for line in drawn if (band := _band(line, key)) is not None)

    def draw(axis: Any, line: Line) -> None:
        if base is not None and line is not results.baseline:
            axis.plot(base[0], base[1].mean(axis=0), color="0.6", linestyle="--", label=results.baseline.name)
        band = _band(line, key)
        if band is not None:
            epochs, each, _ = band
            axis.fill_between(epochs, each.min(axis=0), each.max(axis=0), color="C0", alpha=0.25, linewidth=0)
            axis.plot(epochs, each.mean(axis=0), color="C0", marker=".", label=f"{line.name}")
        axis.set(xlabel="epoch", ylim=(0, 1.08 * top or 1))
        axis.xaxis.get_major_locator().set_params(integer=True)

    note = f"{name} by epoch: the line is the mean, the band goes from the lowest to the highest seed"
    note += f"; dashed: {results.baseline.name}." if len(drawn) > 1 else "."
    last = ", ".join(f"{line.name} {_last(line, key):.3f}" for line in drawn)
    title = "Learning" if key == "map50" else ""
    alt = f"Curves of {name} by epoch; mean of the last epoch: {last}"
    return Drawing(f"learning-{key}.png", title, alt, note, _panels(drawn, draw))


def _last(line: Line, key: str) -> float:
    band = _band(line, key)
    return float("nan") if band is None else float(band[1][:, -1].mean())


def _band(line: Line, key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Epochs that every seed has, (S, E) their values, and the highest of each epoch; None without any."""
    each = [_history(run.record, key) for run in line.judged]
    shared = sorted(set.intersection(*map(set, each))) if each else []
    if not shared:
        return None
    values = np.array([[one[epoch] for epoch in shared] for one in each])
    return np.array(shared), values, values.max(axis=0)


def _history(record: Record, key: str) -> dict[int, float]:
    """The figure by epoch; where it is `loss`, the sum of its terms."""
    names = TERMS if key == "loss" else (key,)
    found = {}
    for row in record.history:
        values = [row.get(name) for name in names]
        if all(value is not None for value in values):
            found[int(row["epoch"])] = float(sum(map(float, values)))  # type: ignore[arg-type]
    return found


def _calibration(results: Results) -> Drawing:
    lines = {line.name: _pooled(line, results.classes) for line in results.done}

    def draw(axis: Any, line: Line) -> None:
        draw_calibration(axis, lines[line.name])
        axis.set(xlabel="confidence", ylabel="share that is right")

    note = (
        f"Of the boxes of about a confidence, the share that is right (IoU 0.5): on the grey line a confidence is "
        f"worth what it says. Boxes from {LEAST:g} on, of all seeds together; a larger dot stands for more boxes. "
        f"Below the line the network is too sure."
    )
    alt = "Reliability diagrams, a panel a configuration; the errors stand in the table that follows"
    png = _panels(list(results.done), draw, tall=1.2, key=True)
    return Drawing("calibration.png", "Calibration", alt, note, png, below=_errors(results))


def _errors(results: Results) -> str:
    head = ["configuration", *(f"{what} {name}" for name in results.classes for what in ("error", "too sure by"))]
    keys = [f"{key}_{name}" for name in results.classes for key in ("ece", "surplus")]
    rows = [[line.name, *(mean_sd(line.spread(key)) for key in keys)] for line in results.done]
    caption = "Calibration error of each class, and mean confidence less the share that is right; mean ± sd over seeds."
    return table(caption, head, rows)


def _pooled(line: Line, classes: Sequence[str]) -> dict[str, Any]:
    return {name: pooled(run.calibrations[name] for run in line.judged) for name in classes}


def _panels(lines: Sequence[Line], draw: Draw, tall: float = 1.0, *, key: bool = False) -> bytes:
    """key: say once, below all, what the first panel's lines are."""
    columns = min(COLUMNS, len(lines))
    rows = -(-len(lines) // columns)
    figure = figure_of((PANEL[0] * columns, PANEL[1] * tall * rows))
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis, line in zip(axes, lines, strict=False):
        draw(axis, line)
        axis.set_title(fill(line.name, TITLE), fontsize=10)
        axis.grid(alpha=0.3)
    for axis in axes[len(lines) :]:
        axis.set_axis_off()
    if key:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    return png_of(figure)
