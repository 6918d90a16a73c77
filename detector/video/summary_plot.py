"""How many of each class were there over time, as PNG, in the colours of the boxes."""

from __future__ import annotations

from detector.detecting.draw import colour
from detector.judging.plots import STYLES, figure_of, png_of
from detector.video.summary import Counts

MOST_NAMED = 12  # classes that are drawn: those that were there most


def counts_png(counts: Counts, name: str) -> bytes:
    """A line a class; where nothing was looked at for a while the line is broken."""
    from matplotlib.patheffects import withStroke

    figure = figure_of((9, 3.4))
    axis = figure.subplots()
    seconds: list[float] = []
    means: list[tuple[float, ...]] = []
    for row in counts.rows:
        if seconds and row.seconds - seconds[-1] > 1.5 * counts.interval:
            seconds.append(seconds[-1] + counts.interval)
            means.append((float("nan"),) * len(counts.classes))
        seconds.append(row.seconds)
        means.append(row.means)
    there = [number for number in range(len(counts.classes)) if counts.most[number]]
    there = sorted(sorted(there, key=lambda number: -counts.means[number])[:MOST_NAMED])
    for number in there:
        label, paint = f"{counts.classes[number]}: at most {counts.most[number]}", [p / 255 for p in colour(number)]
        if counts.tracks[number]:
            label += f", {counts.tracks[number]} tracks"
        values = [row[number] for row in means]
        line = STYLES[number // 7 % len(STYLES)]
        edge = [withStroke(linewidth=2.6, foreground="0.35")]
        axis.plot(seconds, values, color=paint, linestyle=line, marker=".", label=label, path_effects=edge)
    axis.set(title=name[-80:], xlabel="seconds", ylabel="at once", ylim=(0, None))
    axis.grid(alpha=0.3)
    if there:
        axis.legend(fontsize=8)
    else:
        axis.text(0.5, 0.5, "nothing was found", transform=axis.transAxes, ha="center", color="0.4")
    return png_of(figure)
