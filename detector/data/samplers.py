"""How often an epoch shows each picture, and in which order: the same on every machine, for (seed, epoch).

    uniform        each picture once
    repeat-factor  max over its classes c of max(1, sqrt(t / f_c)), f_c the share of pictures that hold c
                   (Gupta et al., "LVIS", 2019, section 4)
    plan           the split's own weights.txt, as `datatools balance` writes it; what it does not list is shown once

Factors need not be whole: of 2.3 showings two are certain, and the third is drawn anew each epoch, by systematic
sampling, so that all epochs are as long as the factors' sum, or as --epoch-size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.data.split import Labelled, Split, absolute, read_weights
from detector.errors import DataError, UserError

KINDS = ("uniform", "repeat-factor", "plan")


def factors(kind: str, labelled: Sequence[Labelled], split: Split, threshold: float = 0.5) -> np.ndarray:
    """(N,) float64: how often each picture is shown in an epoch. threshold: t of "repeat-factor"."""
    if kind not in KINDS:
        raise UserError("--sampler", repr(kind), f"one of {', '.join(KINDS)}")
    if kind == "repeat-factor":
        return repeat_factors(labelled, threshold)
    if kind == "plan":
        return plan_factors(labelled, split)
    return np.ones(len(labelled))


def repeat_factors(labelled: Sequence[Labelled], threshold: float) -> np.ndarray:
    """(N,) float64, at least 1; a picture without objects is shown once."""
    if not 0 < threshold <= 1:
        raise UserError("--repeat-threshold", f"{threshold:g}", "above 0 to 1")
    held = [np.unique(one.classes) for one in labelled]
    every = np.concatenate([*held, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    share = np.bincount(every) / max(1, len(labelled))
    factor = np.ones(len(share))
    factor[share > 0] = np.maximum(1.0, np.sqrt(threshold / share[share > 0]))
    return np.array([factor[classes].max(initial=1.0) for classes in held])


def plan_factors(labelled: Sequence[Labelled], split: Split) -> np.ndarray:
    """(N,) float64 from the split's weights. Raises DataError where it has none, or all are 0."""
    if split.weights is None:
        raise DataError(split.path, "no `weights:` entry", "a file of weights", "run `datatools balance --as weights`")
    weights = read_weights(split.weights, split.path.parent)
    found = np.array([weights.get(absolute(one.path), 1.0) for one in labelled])
    if not found.sum() > 0:
        raise DataError(split.weights, "every picture weighs 0", "a number above 0 for some")
    return found


def showings(factors: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Indices, (length,) int64, ascending: each as often as its factor, scaled to `length`, up to one more or less."""
    wanted = np.asarray(factors, dtype=np.float64) * (length / np.sum(factors))
    sure = np.floor(wanted).astype(np.int64)
    shuffled = rng.permutation(len(wanted))
    ends = np.cumsum((wanted - sure)[shuffled])
    more = length - int(sure.sum())
    if more > 0:
        marks = (np.arange(more) + rng.random()) * (ends[-1] / more)
        np.add.at(sure, shuffled[np.searchsorted(ends, marks, side="right").clip(max=len(wanted) - 1)], 1)
    return np.repeat(np.arange(len(wanted)), sure)


def nth(order: np.ndarray) -> np.ndarray:
    """How many equal entries stand before each entry."""
    by_value = np.argsort(order, kind="stable")
    values = order[by_value]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(values)])
    counted = np.empty(len(order), dtype=np.int64)
    counted[by_value] = np.arange(len(order)) - np.repeat(starts, lengths)
    return counted


def share_of(size: int, rank: int, world: int) -> slice:
    """Which part of a global batch of `size` one of `world` processes takes: contiguous, equal up to one."""
    return slice(size * rank // world, size * (rank + 1) // world)
