"""Where the boxes of a class lie in their pictures, and how large they are: counted on grids, and drawn.

position: rows from top to bottom, columns from left to right of the picture, by the box's middle.  size: rows by
height, columns by width in pixels, in half octaves; what lies beyond an edge is counted in the last cell before it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation
from datatools.stats import FAR_PX

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELLS = 16  # along each side of both grids
LEAST_OCTAVE = 2  # sizes from 2² = 4 px to 2¹⁰ = 1024 px
ACROSS = 4  # classes in one drawing


def grids(annotations: Sequence[Annotation], n_classes: int) -> tuple[NDArray, NDArray]:
    """position and size, (C, CELLS, CELLS) int each: boxes of a class in a row and column."""
    kept = [a for a in annotations if len(a)]
    if not kept:
        empty = np.zeros((n_classes, CELLS, CELLS), np.int64)
        return empty, empty.copy()
    labels = np.concatenate([a.labels for a in kept])
    limit = np.concatenate([np.tile(np.maximum(a.size_wh, 1), (len(a), 1)) for a in kept])
    corners = np.concatenate([a.xyxy for a in kept]).reshape(-1, 2, 2).clip(-FAR_PX, FAR_PX)
    middle = corners.mean(axis=1) / limit * CELLS
    sides = np.abs(corners[:, 1] - corners[:, 0])
    octaves = (np.log2(np.maximum(sides, 1)) - LEAST_OCTAVE) * 2
    return _counted(middle, labels, n_classes), _counted(octaves, labels, n_classes)


def _counted(xy: NDArray, labels: NDArray, n_classes: int) -> NDArray:
    """xy: (N, 2) column and row as floats."""
    grid = np.zeros((n_classes, CELLS, CELLS), np.int64)
    cell = np.floor(xy).clip(0, CELLS - 1).astype(int)
    np.add.at(grid, (labels, cell[:, 1], cell[:, 0]), 1)
    return grid


def drawings(classes: tuple[str, ...], position: NDArray, size: NDArray) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """(classes, PNG) of a few classes at a time: position above, size below."""
    from matplotlib import rc_context

    from datatools.stats_plot import style

    with rc_context(style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for k in range(0, len(classes), ACROSS):
            some = classes[k : k + ACROSS]
            yield some, _drawing(some, position[k : k + ACROSS], size[k : k + ACROSS])


def _drawing(classes: tuple[str, ...], position: NDArray, size: NDArray) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from datatools.stats_plot import shown

    width = 2.9 * len(classes)
    figure = Figure(figsize=(width, 6.2))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.7 / width, right=1 - 0.25 / width, bottom=0.06, top=0.92, wspace=0.4, hspace=0.3)
    axes = figure.subplots(2, len(classes), squeeze=False)
    for k, name in enumerate(shown(classes)):
        _map(axes[0, k], position[k], f"{name}\nmiddle of the box")
        axes[0, k].set_xticks([-0.5, CELLS - 0.5], ["left", "right"])
        axes[0, k].set_yticks([-0.5, CELLS - 0.5], ["top", "bottom"])
        _map(axes[1, k], size[k], "width and height, px")
        axes[1, k].invert_yaxis()
        ticks = range(0, CELLS + 1, 4)
        pixels = [str(2 ** (LEAST_OCTAVE + t // 2)) for t in ticks]
        axes[1, k].set_xticks([t - 0.5 for t in ticks], pixels)
        axes[1, k].set_yticks([t - 0.5 for t in ticks], pixels)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def _map(axes: Axes, grid: NDArray, title: str) -> None:
    """Darker where there is more; the root of the count, so that single boxes are seen too."""
    axes.imshow(np.sqrt(grid), cmap="Blues", vmin=0, vmax=max(float(np.sqrt(grid.max())), 1), interpolation="nearest")
    axes.spines[:].set_visible(True)
    axes.set_title(f"{title} (most: {grid.max()})", fontsize=9)
