"""The picture of a data set's statistics: class histogram, box sizes, classes that come together."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from datatools.stats import SMALL_PX, SplitStatistics, Statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EASTERN_FONTS = ("Noto Sans CJK KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "Noto Sans CJK JP")
COLOURS = ("#2a6f97", "#e07a2f", "#5b8e3e", "#8d4f9e", "#c23b4e", "#7a7a7a", "#c9a227", "#3b9e9a")


def plot(s: Statistics, suffix: str) -> bytes:
    """The file's bytes.  suffix: .png or .svg; the same statistics give the same bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a box is drawn in its place
        figure = Figure(figsize=(11, 6.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 2, width_ratios=(3, 2))
        _histogram(axes[0, 0], s)
        _sizes(axes[1, 0], s)
        _together(axes[0, 1], s)
        _per_image(axes[1, 1], s.total)
        said = f"{s.total.images} images, {int(s.total.boxes.sum())} boxes, imbalance {s.total.imbalance_text()}"
        figure.suptitle(said)
        out = io.BytesIO()
        bare = {"Software": None} if suffix == ".png" else {"Date": None, "Creator": None}
        figure.savefig(out, format=suffix[1:], dpi=130, metadata=bare)
    return out.getvalue()


def style() -> Any:
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return {
        "svg.hashsalt": "datatools",
        "font.size": 10,
        "font.family": ["DejaVu Sans", *(name for name in EASTERN_FONTS if name in there)],
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def shown(classes: tuple[str, ...]) -> list[str]:
    """Class names as matplotlib shows them unchanged: `$` begins no formula, `_` hides none in the legend."""
    return [("\u200b" if name.startswith("_") else "") + name.replace("$", r"\$") for name in classes]


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _histogram(axes: Axes, s: Statistics) -> None:
    names = shown(s.classes)
    base = np.zeros(len(names))
    for shade, p in enumerate(s.splits):
        alpha = 1 - 0.6 * shade / max(len(s.splits), 1)
        axes.barh(names, p.boxes, left=base, color=[_colour(k) for k in range(len(names))], alpha=alpha)
        base += p.boxes
    for k, n in enumerate(s.total.boxes.tolist()):
        axes.text(n, k, f" {n}  ({n / max(int(s.total.boxes.sum()), 1):.1%})", va="center")
    axes.set_xlim(0, max(base.max(initial=0), 1) * 1.28)
    axes.invert_yaxis()
    splits = " · ".join(f"{p.name} {int(p.boxes.sum())}" for p in s.splits)
    axes.set_title(
        f"boxes of each class ({splits}, from dark to light)" if len(s.splits) > 1 else "boxes of each class"
    )


def _sizes(axes: Axes, s: Statistics) -> None:
    sides = s.total.sides[s.total.sides > 0]
    if len(sides):
        edges = np.geomspace(max(sides.min(), 1), sides.max() + 1, 28)
        parts = [s.total.sides[s.total.labels == k] for k in range(len(s.classes))]
        axes.hist(
            parts,
            bins=edges.tolist(),
            stacked=True,
            color=[_colour(k) for k in range(len(parts))],
            label=shown(s.classes),
        )
        axes.set_xscale("log")
        axes.set_xticks([px for px in (4, 8, *SMALL_PX, 256) if px < sides.max()])
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.minorticks_off()
        axes.legend(frameon=False)
    axes.set_title("side of the boxes, pixels (√ area)")


def _together(axes: Axes, s: Statistics) -> None:
    if not s.classes:
        return
    share = s.total.together / np.maximum(np.diag(s.total.together), 1)[:, None]
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(s.total.together.tolist()):
        for j, n in enumerate(row):
            axes.text(j, i, str(n), ha="center", va="center", color="white" if share[i, j] > 0.6 else "black")
    axes.set_xticks(range(len(s.classes)), shown(s.classes), rotation=20, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(s.classes)), shown(s.classes))
    axes.spines[:].set_visible(False)
    axes.set_title("images that hold both classes")


def _per_image(axes: Axes, total: SplitStatistics) -> None:
    if len(total.per_image):
        top = int(np.percentile(total.per_image, 99)) + 1
        axes.hist(np.minimum(total.per_image, top), bins=np.arange(-0.5, top + 1).tolist(), color="#4a4a4a")
        axes.set_title(f"boxes in an image (most: {total.per_image.max()})")
