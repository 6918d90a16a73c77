"""A classifier's pictures: its curves by epoch, and which class it takes for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from detector.detecting.draw import colour
from detector.judging.plots import MOST_NUMBERS, figure_of, png_of


def curves_png(history: list[dict[str, Any]], classes: tuple[str, ...]) -> bytes:
    """Loss, and what validation says, by epoch; the best epoch marked."""
    from matplotlib.patheffects import withStroke

    figure = figure_of((11, 4))
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for name in ("loss", "val_loss"):
        left.plot(epochs, [row[name] for row in history], marker=".", label=name)
    left.set(title="loss", xlabel="epoch", ylim=(0, None))
    right.plot(epochs, [row["balanced_accuracy"] for row in history], "k:", label="balanced accuracy")
    right.plot(epochs, [row["mean_f1"] for row in history], "k.-", label="mean F1")
    edge = [withStroke(linewidth=2.6, foreground="0.35")]
    for number, name in enumerate(classes):
        points = [(row["epoch"], row[f"recall_{name}"]) for row in history if row[f"recall_{name}"] is not None]
        if points:
            paint = [part / 255 for part in colour(number)]
            right.plot(*zip(*points, strict=True), marker=".", label=f"recall of {name}", color=paint,
                       path_effects=edge)  # fmt: skip
    best = max(history, key=lambda row: row["mean_f1"])
    right.plot(best["epoch"], best["mean_f1"], "k*", markersize=13,
               label=f"best: {best['mean_f1']:.3f}, epoch {best['epoch']}")  # fmt: skip
    right.set(title="validation", xlabel="epoch", ylim=(0, 1.04))
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        axis.xaxis.get_major_locator().set_params(integer=True)
    return png_of(figure)


def confusion_png(matrix: np.ndarray, classes: tuple[str, ...], title: str) -> bytes:
    """Counts, and the share of each row as colour: rows are what is there, columns what was said."""
    side = max(4.6, min(18.0, 0.95 * len(classes) + 2))
    figure = figure_of((side + 0.9, side))
    axis = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    drawn = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(classes)), classes, rotation=40, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(classes)), classes)
    axis.set(title=title, xlabel="said", ylabel="there")
    for row, column in np.ndindex(matrix.shape) if len(classes) <= MOST_NUMBERS else ():
        text = f"{matrix[row, column]}" + (f"\n{shares[row, column]:.0%}" if matrix[row].sum() else "")
        axis.text(column, row, text, ha="center", va="center", color="white" if shares[row, column] > 0.6 else "black")
    figure.colorbar(drawn, ax=axis, shrink=0.75, label="share of the row")
    return png_of(figure)
