"""The tables behind the summary: recall and precision, counts, sizes, thresholds, what mistakes cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detector.experiments.report.html import Markup, folded, heading, paragraph, table
from detector.experiments.report.judged import CONFIDENCE, PRECISIONS, RECALLS, size_names
from detector.experiments.report.results import Line, Results
from detector.experiments.report.texts import mean_sd, number
from detector.judging.costs import CONFIDENCES, expected_of

DEAR = 10.0  # what it costs to let an object of the class in question slip through, any other mistake costing 1
MOST_PAIRED = 4  # classes of which each pair has a column
RECALL_NOTE = (
    "The recall that is left where a precision is asked for; and the threshold that a recall asks for, with the "
    "precision that then remains. Thresholds are chosen on the pictures they are judged on, so they flatter; with few "
    "boxes of a class they move a lot. “n of m”: the seeds in which the recall is reached at all."
)
COST_NOTE = (
    "For each class in turn: an object of it that is missed, or taken for another class, costs 10; every other mistake "
    "costs 1. The confidence is the one at which a picture costs least; the rest is what then happens, in boxes. "
    "For costs of your own: <code>detector evaluate --cost</code>."
)


def details(results: Results) -> Iterator[str]:
    yield heading("Recall, and what it costs in precision")
    yield paragraph(RECALL_NOTE)
    for name in results.classes:
        yield _working_points(results, name)
    yield heading("Where mistakes cost unlike")
    yield paragraph(Markup(COST_NOTE))
    for number_, name in enumerate(results.classes):
        yield _costs(results, number_, name)
    if len(results.classes) <= MOST_PAIRED:
        yield _taken_for(results)
        for name in dict.fromkeys((results.baseline.name, results.best.name)):
            yield folded(f"{name}: what is taken for what, by confidence", _by_confidence(results, results.line(name)))
    yield heading("Counts")
    yield _counts_of_all(results)
    for name in results.classes:
        yield folded(f"{name}: counts", _counts(results, name))
    yield heading("AP@0.5 by size")
    yield from _sizes(results)


def _working_points(results: Results, name: str) -> Markup:
    head = ["configuration", *(f"recall at precision {p:g}" for p in PRECISIONS)]
    head += [f"{what} recall {r:g}" for r in RECALLS for what in ("threshold for", "precision at")]
    rows = []
    for line in results.done:
        cells = [mean_sd(line.spread(f"recall_at_p{p * 100:.0f}_{name}")) for p in PRECISIONS]
        for r in RECALLS:
            cells += [_reached(line, f"{key}_at_r{r * 100:.0f}_{name}") for key in ("conf", "precision")]
        rows.append([line.name, *cells])
    return table(f"{name}: {_truths(results, name)} boxes; mean ± sd over seeds.", head, rows)


def _reached(line: Line, key: str) -> str:
    """A figure that not every seed may have."""
    found = line.spread(key)
    if found is None:
        return "not reached"
    few = f" ({found.count} of {len(line.judged)})" if found.count < len(line.judged) else ""
    return mean_sd(found) + few


def _truths(results: Results, name: str) -> int:
    return results.truths[results.classes.index(name)]


def _costs(results: Results, number_: int, name: str) -> Markup:
    costs = np.ones((len(results.classes) + 1,) * 2)
    costs[number_] = DEAR
    np.fill_diagonal(costs, 0)
    others = [i for i in range(len(results.classes)) if i != number_]
    rows = []
    for line in results.done:
        mean = _mean_confusions(line)
        expected = expected_of(mean, results.pictures, costs)
        at = mean[expected.best]
        happens = [at[number_, others].sum(), at[number_, -1], at[others, number_].sum(), at[-1, number_]]
        cells = [number(value, 1) for value in happens]
        rows.append([line.name, number(CONFIDENCES[expected.best], 2), number(expected.cost[expected.best], 2), *cells])
    head = ["configuration", "confidence", "cost a picture", f"{name} taken for another", f"{name} missed"]
    head += [f"another taken for {name}", f"{name} where nothing is"]
    return table(f"If no {name} may slip through ({_truths(results, name)} boxes): mean over seeds.", head, rows)


def _pairs(results: Results) -> dict[str, tuple[int, int]]:
    """Each kind of mistake that concerns an object, and where it stands in a confusion matrix."""
    names = results.classes
    taken = {f"{a} taken for {b}": (i, j) for i, a in enumerate(names) for j, b in enumerate(names) if i != j}
    return taken | {f"{name} missed": (i, len(names)) for i, name in enumerate(names)}


def _mean_confusions(line: Line) -> np.ndarray:
    """(K, C + 1, C + 1)."""
    return np.asarray(np.mean([run.confusions for run in line.judged], axis=0))


def _taken_for(results: Results) -> Markup:
    pairs, at = _pairs(results), int(np.flatnonzero(CONFIDENCES == CONFIDENCE)[0])
    matrices = {line.name: _mean_confusions(line)[at] for line in results.done}
    rows = [[name, *(number(m[i, j], 1) for i, j in pairs.values())] for name, m in matrices.items()]
    caption = f"What is taken for what at confidence {CONFIDENCE:g}, in boxes: mean over seeds."
    return table(caption, ["configuration", *pairs], rows)


def _by_confidence(results: Results, line: Line) -> Markup:
    """What each threshold lets through and what it loses."""
    pairs, matrices = _pairs(results), _mean_confusions(line)
    rows = [
        [number(confidence, 2), *(number(matrix[i, j], 1) for i, j in pairs.values())]
        for confidence, matrix in zip(CONFIDENCES, matrices, strict=True)
    ]
    return table(f"{line.name}: mistakes at each threshold, in boxes; mean over seeds.", ["confidence", *pairs], rows)


def _counts_of_all(results: Results) -> Markup:
    head = ("configuration", "precision", "recall", "F1", "TP", "FP", "FN")
    rows = [
        [
            line.name,
            *(mean_sd(line.spread(f"{key}_at_25_all")) for key in ("precision", "recall", "f1")),
            *(mean_sd(line.spread(f"{key}_at_25_all"), 1) for key in ("tp", "fp", "fn")),
        ]
        for line in results.done
    ]
    return table(f"All boxes alike, at confidence {CONFIDENCE:g} and IoU 0.5; mean ± sd over seeds.", head, rows)


def _counts(results: Results, name: str) -> Markup:
    quarter = ("precision", "recall", "f1", "tp", "fp", "fn")
    best = ("conf", "f1", "tp", "fp", "fn")
    head = ["configuration", *(f"{_title(key)} at {CONFIDENCE:g}" for key in quarter)]
    head += ["confidence of best F1", *(f"{_title(key)} there" for key in best[1:])]
    rows = []
    for line in results.done:
        cells = [
            mean_sd(line.spread(f"{key}_at_25_{name}"), 1 if len(key) == 2 and key != "f1" else 3) for key in quarter
        ]
        cells += [mean_sd(line.spread(f"{key}_best_{name}"), 1 if len(key) == 2 and key != "f1" else 3) for key in best]
        rows.append([line.name, *cells])
    return table(f"{name}: at confidence {CONFIDENCE:g}, and at its best F1; mean ± sd over seeds.", head, rows)


def _title(key: str) -> str:
    return key.upper() if len(key) == 2 else key


def _sizes(results: Results) -> Iterator[str]:
    sizes = size_names()
    for name in (None, *results.classes):
        head = ["configuration", *(f"{size} px" for size in sizes)]
        keys = [f"map50_{size}" if name is None else f"ap50_{size}_{name}" for size in sizes]
        rows = [[line.name, *(mean_sd(line.spread(key)) for key in keys)] for line in results.done]
        of = "Mean of the classes that have boxes of the size" if name is None else name
        caption = f"{of}: by the side of a box (the root of its area) in the photograph; mean ± sd over seeds."
        made = table(caption, head, rows)
        yield made if name is None else folded(f"{name}: by size", made)
