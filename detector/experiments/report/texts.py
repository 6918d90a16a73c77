"""Figures as people read them."""

from __future__ import annotations

from detector.experiments.report.results import Spread
from detector.judging.paired import Difference

MINUS = "\u2212"


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def mean_sd(one: Spread | None, digits: int = 3) -> str:
    """`0.757 ± 0.012`; without the latter of a single seed."""
    if one is None:
        return "–"
    return number(one.mean, digits) + (f" ± {one.sd:.{digits}f}" if one.sd is not None else "")


def span(one: Spread | None, digits: int = 3) -> str:
    return "–" if one is None else f"{number(one.low, digits)} to {number(one.high, digits)}"


def points(value: float | None) -> str:
    """A difference of AP in hundredths, signed: `+2.1`."""
    if value is None:
        return "–"
    rounded = round(100 * value, 1)
    return f"{'+' if rounded > 0 else ''}{rounded:.1f}".replace("-0.0", "0.0").replace("-", MINUS)


def interval(one: Difference) -> str:
    return "–" if one.low is None else f"{points(one.low)} to {points(one.high)}"
