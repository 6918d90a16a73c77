"""Small drawings in the cells of a table, in the ink of the page. What they show stands beside them in figures."""

from __future__ import annotations

from collections.abc import Sequence

from detector.experiments.report.html import Markup

WIDE, HIGH, EDGE = 170, 22, 6


def scale_of(values: Sequence[float], holds: float | None = None) -> tuple[float, float]:
    """Ends of an axis that shows all values, and `holds` too."""
    every = [*values, *([] if holds is None else [holds])]
    low, high = min(every, default=0.0), max(every, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def dots(values: Sequence[float], mean: float, ends: tuple[float, float]) -> Markup:
    """A dot a seed, and a line at their mean."""
    shown = "".join(
        f'<circle cx="{_at(v, ends):.1f}" cy="{HIGH / 2}" r="4" fill="currentColor" fill-opacity=".45"/>'
        for v in values
    )
    x = _at(mean, ends)
    return _drawn(f"{_line(x, 2, x, HIGH - 2, 'currentColor', 2)}{shown}")


def whisker(low: float, value: float, high: float, ends: tuple[float, float], *, shown: bool) -> Markup:
    """An interval around a value, and where 0 is; in colour where it excludes 0."""
    paint = "currentColor" if not shown else "var(--good)" if value > 0 else "var(--bad)"
    zero, middle = _at(0.0, ends), HIGH / 2
    inside = _line(zero, 0, zero, HIGH, "var(--soft)", 1)
    inside += _line(_at(low, ends), middle, _at(high, ends), middle, paint, 3)
    inside += f'<circle cx="{_at(value, ends):.1f}" cy="{middle}" r="4.5" fill="{paint}"/>'
    return _drawn(inside)


def _at(value: float, ends: tuple[float, float]) -> float:
    return EDGE + (value - ends[0]) / (ends[1] - ends[0]) * (WIDE - 2 * EDGE)


def _line(x1: float, y1: float, x2: float, y2: float, paint: str, width: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}"'
    return f'<line {ends} stroke="{paint}" stroke-width="{width}" stroke-linecap="round"/>'


def _drawn(inside: str) -> Markup:
    return Markup(f'<svg width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}" aria-hidden="true">{inside}</svg>')
