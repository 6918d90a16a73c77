"""What the labels of a run are: boxes by class, their sides as the network sees them, and where they lie.

Sides are roots of areas in pixels of the network's input, on a logarithmic axis; anchors stand in it as lines, so that
objects that no anchor is near, or that are smaller than a cell, show at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detector.data.loader import Pictures
from detector.detecting.draw import colour
from detector.judging.plots import figure_of, png_of

CELLS = 24  # of the map of centres


def labels_png(
    train: Pictures, val: Pictures | None, classes: tuple[str, ...], anchors_wh: Sequence[np.ndarray], finest: int
) -> bytes:
    """anchors_wh: (A, 2) a head.  finest: the smallest stride."""
    figure = figure_of((12, 3.8))
    left, middle, right = figure.subplots(1, 3)
    _counts(left, train, val, classes)
    _sides(middle, train, classes, np.concatenate(anchors_wh), finest)
    _centres(right, train)
    return png_of(figure)


def sides_px(pictures: Pictures) -> np.ndarray:
    """(N,) float64: the root of each box's area, in pixels of the network's input."""
    parts = [
        np.sqrt((one.boxes[:, 2] * wh[0]) * (one.boxes[:, 3] * wh[1])) * pictures.side / max(wh)
        for one, wh in zip(pictures.labelled, pictures.sizes_wh, strict=True)
    ]
    return np.concatenate([np.zeros(0), *parts])


def _numbers(pictures: Pictures) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *(one.classes for one in pictures.labelled)])


def _counts(axis: Any, train: Pictures, val: Pictures | None, classes: tuple[str, ...]) -> None:
    rows = np.arange(len(classes))
    for pictures, name, shift, tint in ((train, "train", -0.2, 1.0), (val, "val", 0.2, 0.45)):
        if pictures is None:
            continue
        counts = np.bincount(_numbers(pictures), minlength=len(classes))
        tints = [[tint * part / 255 + 1 - tint for part in colour(number)] for number in range(len(classes))]
        bars = axis.barh(rows + shift, counts, 0.38, color=tints, edgecolor="0.3", label=name)
        axis.bar_label(bars, [f" {name} {count}" for count in counts], fontsize=8)
    axis.set(title="boxes by class", yticks=rows, yticklabels=classes)
    axis.margins(x=0.4)
    axis.invert_yaxis()


def _sides(axis: Any, train: Pictures, classes: tuple[str, ...], anchors_wh: np.ndarray, finest: int) -> None:
    sides, numbers = sides_px(train), _numbers(train)
    edges = np.geomspace(max(1.0, sides.min()), sides.max() + 1, 25)
    each = [sides[numbers == number] for number in range(len(classes))]
    tints = [[part / 255 for part in colour(number)] for number in range(len(classes))]
    axis.hist(each, edges, stacked=True, color=tints, edgecolor="0.3", linewidth=0.4, label=classes)
    for number, side in enumerate(np.sqrt(anchors_wh.prod(axis=1))):
        axis.axvline(side, color="0.25", linestyle=":", label=None if number else "anchors")
    axis.axvline(finest, color="crimson", linestyle="--", label=f"a cell of stride {finest}")
    axis.set(title=f"side at {train.side} px", xscale="log", xlabel="pixels of the network's input", ylabel="boxes")
    ticks = [tick for tick in (2, 4, 8, 16, 32, 64, 128, 256, 512) if edges[0] <= tick <= edges[-1]]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_ylim(top=axis.get_ylim()[1] * 1.5)  # room for the legend
    axis.legend(fontsize=7, loc="upper left", framealpha=1)


def _centres(axis: Any, train: Pictures) -> None:
    boxes = np.concatenate([np.zeros((0, 4)), *(one.boxes for one in train.labelled)])
    grid, _, _ = np.histogram2d(boxes[:, 1], boxes[:, 0], bins=CELLS, range=((0, 1), (0, 1)))
    shown = axis.imshow(grid, extent=(0, 1, 1, 0), cmap="viridis", aspect="auto")
    axis.figure.colorbar(shown, ax=axis, label="boxes")
    axis.set(title="centres, shares of the picture", xlabel="from the left", ylabel="from the top")
