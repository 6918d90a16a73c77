"""Each pair of configurations that a suite holds against each other: the difference, its interval, and plain words."""

from __future__ import annotations

from dataclasses import dataclass

from detector.experiments.report.results import Results
from detector.judging.paired import Difference, differences, holm

ENOUGH = 0.05  # of chance, after Holm's correction


@dataclass(frozen=True)
class Comparison:
    """differences, adjusted: by figure, the mAP first, then the classes.

    adjusted: p after Holm's correction for the comparisons of that figure. missing: why there are none.
    """

    better: str
    base: str
    differences: dict[str, Difference]
    adjusted: dict[str, float | None]
    missing: str = ""

    def words(self, figure: str, pictures: int) -> str:
        one, adjusted = self.differences[figure], self.adjusted[figure]
        if one.value is None or adjusted is None:
            return "no truth of this class"
        if not one.shown:
            return f"no difference that {pictures} pictures could show"
        said = "better" if one.value > 0 else "worse"
        if not one.by_seed:
            said += ", of unlike seeds"
        elif len(one.by_seed) == 1:
            said += ", of one seed"
        elif not one.agreed:
            said += " on average, not with every seed"
        return said if adjusted <= ENOUGH else f"{said} (may be chance among so many comparisons)"


def figures_of(classes: tuple[str, ...]) -> tuple[str, ...]:
    """What is compared: the mean, then each class."""
    return ("mAP@0.5", *classes)


def compare_all(results: Results) -> list[Comparison]:
    """In the suite's order."""
    figures = figures_of(results.classes)
    pairs = results.suite.compare
    found = [_differences(results, better, base) for better, base in pairs]
    adjusted: list[dict[str, float | None]] = [{} for _ in pairs]
    for figure in figures:
        known = [(i, p) for i, one in enumerate(found) if one and (p := one[figure].p) is not None]
        for place in adjusted:
            place[figure] = None
        for (i, _), p in zip(known, holm([p for _, p in known]), strict=True):
            adjusted[i][figure] = p
    return [
        Comparison(better, base, one, many, "" if one else _missing(results, better, base))
        for (better, base), one, many in zip(pairs, found, adjusted, strict=True)
    ]


def _differences(results: Results, better: str, base: str) -> dict[str, Difference]:
    """By figure; empty where one of the two has no run that is done."""
    one, other = results.line(better).judged, results.line(base).judged
    if not one or not other:
        return {}
    seeds = {run.record.seed: i for i, run in enumerate(other)}
    pairs = [(i, seeds[run.record.seed]) for i, run in enumerate(one) if run.record.seed in seeds]
    *classes, every = differences([run.draws for run in one], [run.draws for run in other], pairs)
    return dict(zip(figures_of(results.classes), (every, *classes), strict=True))


def _missing(results: Results, better: str, base: str) -> str:
    lacking = [name for name in (better, base) if not results.line(name).judged]
    return f"no finished run of {' and '.join(lacking)}"


def chance_line(comparisons: list[Comparison], classes: tuple[str, ...]) -> str:
    """How many intervals exclude 0, and how many would where nothing differs."""
    every = [one for each in comparisons for one in each.differences.values() if one.value is not None]
    shown = sum(one.shown for one in every)
    kept = sum(
        each.differences[figure].shown and p is not None and p <= ENOUGH
        for each in comparisons
        for figure, p in each.adjusted.items()
        if figure in each.differences
    )
    many = sum(bool(each.differences) for each in comparisons)
    return (
        f"{shown} of {len(every)} intervals exclude 0; about {len(every) / 20:.1f} would by chance alone if nothing "
        f"differed. Left after Holm's correction for {many} comparison{'s' * (many != 1)} of the same figure: {kept}."
    )
