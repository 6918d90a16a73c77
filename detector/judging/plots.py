"""Curves, confusion matrix and calibration of a detector as PNG, in colours that the colour-blind can tell apart."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from detector.detecting.draw import colour
from detector.judging.calibration import Calibration
from detector.judging.curves import Curve
from detector.judging.found import Least, least_said

STYLES = ("-", "--", "-.", ":")
MOST_NAMED = 12  # curves that a legend can hold; more are drawn in grey, unnamed
MOST_NUMBERS = 26  # rows of a matrix in which numbers are written


def curves_png(curves: dict[str, Curve]) -> bytes:
    """Precision against recall, and F1 against confidence, a line a class; the best F1 of each is marked."""
    from matplotlib.patheffects import withStroke

    figure = figure_of((11, 4.4))
    left, right = figure.subplots(1, 2)
    shown = {name: one for name, one in curves.items() if one.truths}
    for number, (name, one) in enumerate(curves.items()):
        if name not in shown:
            continue
        style: dict[str, Any] = {"color": "0.7", "linewidth": 0.8}
        if len(shown) <= MOST_NAMED:
            style = {"color": [part / 255 for part in colour(number)], "linestyle": STYLES[number // 7 % len(STYLES)]}
            style["path_effects"] = [withStroke(linewidth=2.6, foreground="0.35")]
        _precision_recall(left, one, f"{name} ({one.truths})", style)
        _f1(right, one, name, style)
    left.set(title="precision and recall, IoU 0.5", xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    right.set(title="F1 by confidence", xlabel="confidence", ylabel="F1", xlim=(0, 1), ylim=(0, 1.02))
    for axis in (left, right):
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0] and len(shown) <= MOST_NAMED:
            axis.legend(fontsize=8)
    return png_of(figure)


def _precision_recall(axis: Any, one: Curve, label: str, style: dict[str, Any]) -> None:
    recall = np.concatenate((one.recall[:1] * 0, one.recall))
    precision = np.concatenate((one.precision[:1], one.precision))
    axis.plot(recall, precision, label=label, **style)


def _f1(axis: Any, one: Curve, name: str, style: dict[str, Any]) -> None:
    if not len(one.f1):
        return
    best = int(one.f1.argmax())
    axis.plot(one.confidence, one.f1, label=f"{name}: {one.f1[best]:.2f} at {one.confidence[best]:.2f}", **style)
    axis.plot(one.confidence[best], one.f1[best], marker="o", markeredgecolor="black", **style)


def confusion_png(matrix: np.ndarray, classes: tuple[str, ...], least: Least) -> bytes:
    """Counts, and the share of each row as colour: rows are what is there, columns what was found."""
    names = [*classes, "background"]
    side = max(4.6, min(18.0, 0.95 * len(names) + 1.8))
    figure = figure_of((side + 0.8, side))
    axis = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    drawn = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    columns = [*classes, "missed"]
    axis.set_xticks(range(len(names)), columns, rotation=40, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(names)), names)
    axis.set(title=f"confidence {least_said(least, classes)}, IoU 0.5", xlabel="found", ylabel="there")
    for row, column in np.ndindex(matrix.shape) if len(names) <= MOST_NUMBERS else ():
        if row == column == len(classes):
            axis.text(column, row, "–", ha="center", va="center", color="0.5")
            continue
        text = f"{matrix[row, column]}"
        if matrix[row].sum() and row < len(classes):
            text += f"\n{shares[row, column]:.0%}"
        axis.text(column, row, text, ha="center", va="center", color="white" if shares[row, column] > 0.6 else "black")
    axis.axhline(len(classes) - 0.5, color="0.4", linewidth=1)
    axis.axvline(len(classes) - 0.5, color="0.4", linewidth=1)
    figure.colorbar(drawn, ax=axis, shrink=0.75, label="share of the row")
    return png_of(figure)


def calibration_png(classes: dict[str, Calibration]) -> bytes:
    figure = figure_of((5.6, 5.0))
    axis = figure.subplots()
    draw_calibration(axis, classes)
    handles, names = axis.get_legend_handles_labels()
    labels = [f"{name}: error {classes[name].error:.3f}" if name in classes else name for name in names]
    axis.legend(handles, labels, fontsize=8, loc="upper left", markerscale=0.6)
    axis.set(title="what a confidence is worth, IoU 0.5", xlabel="confidence", ylabel="share that is right")
    return png_of(figure)


def draw_calibration(axis: Any, classes: dict[str, Calibration]) -> None:
    """The share that is right against confidence, a line a class; a larger dot stands for more boxes."""
    from matplotlib.patheffects import withStroke

    axis.plot((0, 1), (0, 1), color="0.6", linewidth=1, label="as it should be")
    few = len(classes) <= MOST_NAMED
    for number, (name, one) in enumerate(classes.items()):
        if one.error is None:
            continue
        there = one.counts > 0
        paint = [part / 255 for part in colour(number)] if few else "0.7"
        sizes = 14 + 90 * np.sqrt(one.counts[there] / one.counts.max())
        style = {"color": paint, "linestyle": STYLES[number // 7 % len(STYLES)]}
        edge = [withStroke(linewidth=2.6, foreground="0.35")] if few else []
        axis.plot(one.confidence[there], one.share[there], path_effects=edge, **style)
        label = name if few else None
        dots = (one.confidence[there], one.share[there], sizes)
        axis.scatter(*dots, color=[paint], edgecolor="0.25", linewidth=0.8, label=label, zorder=3)
    axis.set(xlim=(0, 1.02), ylim=(-0.02, 1.04))
    axis.grid(alpha=0.3)


def figure_of(size: tuple[float, float]) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()
