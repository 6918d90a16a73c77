"""What a truth counts in the class term, by how many boxes its class has: rare classes more, 1 on average over boxes.

    none          1
    inverse       1 / n
    sqrt-inverse  1 / sqrt(n)
    effective     (1 - beta) / (1 - beta^n)     Cui et al., "Class-Balanced Loss", 2019, eq. 4 and 6

A class without boxes counts 1: nothing is ever multiplied by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.loss.settings import CLASS_WEIGHTS


def class_weights(counts: Sequence[int], kind: str, beta: float = 0.999) -> np.ndarray:
    """(C,) float64 for classes with `counts` boxes, normalised so that the mean over all boxes is 1."""
    if kind not in CLASS_WEIGHTS:
        raise ValueError(f"{kind!r} is none of {', '.join(CLASS_WEIGHTS)}")
    n = np.asarray(counts, dtype=np.float64)
    weights, there = np.ones(len(n)), n > 0
    if kind == "none" or not there.any():
        return weights
    weights[there] = _raw(n[there], kind, beta)
    weights[there] *= n[there].sum() / (n[there] * weights[there]).sum()
    return weights


def _raw(n: np.ndarray, kind: str, beta: float) -> np.ndarray:
    if kind == "inverse":
        return 1 / n
    if kind == "sqrt-inverse":
        return 1 / np.sqrt(n)
    return (1 - beta) / (1 - beta**n)


def count_boxes(classes: Sequence[np.ndarray], number: int) -> np.ndarray:
    """(number,) int64: boxes of each class in pictures whose boxes have `classes`."""
    return sum((np.bincount(one, minlength=number) for one in classes), np.zeros(number, dtype=np.int64))
