"""Advice for each class's confidence threshold: the best F1, a recall that is wanted, a precision that is wanted.

Of the thresholds that reach a wanted recall the one with the best precision is advised, and the other way round; of
equals the highest. Advice from few truths is rough: judge on pictures that had no part in choosing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.judging.curves import Curve


@dataclass(frozen=True)
class Advice:
    """A threshold and what it brings on these pictures."""

    confidence: float
    precision: float
    recall: float
    f1: float


def best_f1(curve: Curve) -> Advice | None:
    return _best(curve, curve.f1, curve.f1 > 0)


def for_recall(curve: Curve, wanted: float) -> Advice | None:
    """None where no threshold reaches it."""
    return _best(curve, curve.precision, curve.recall >= wanted) if curve.truths else None


def for_precision(curve: Curve, wanted: float) -> Advice | None:
    """None where no threshold reaches it while it finds anything."""
    return _best(curve, curve.recall, (curve.precision >= wanted) & (curve.recall > 0))


def _best(curve: Curve, value: np.ndarray, allowed: np.ndarray) -> Advice | None:
    if not allowed.any():
        return None
    at = int(np.where(allowed, value, -1.0).argmax())
    return Advice(*(float(part[at]) for part in (curve.confidence, curve.precision, curve.recall, curve.f1)))


def advise(curves: dict[str, Curve], recall: float | None, precision: float | None) -> dict[str, dict[str, Any]]:
    """For each class: "best F1", and what was asked for, with None for what cannot be reached."""
    advice: dict[str, dict[str, Advice | None]] = {}
    for name, curve in curves.items():
        advice[name] = {"best F1": best_f1(curve)}
        if recall is not None:
            advice[name][f"recall {recall:g}"] = for_recall(curve, recall)
        if precision is not None:
            advice[name][f"precision {precision:g}"] = for_precision(curve, precision)
    return advice


def table(advice: dict[str, dict[str, Advice | None]]) -> str:
    """For people: a line for each class and aim. A confidence is rounded down, so that it keeps what it names."""
    width = max(5, *(len(name) for name in advice))
    lines = [f"{'class':{width}} {'threshold for':15} {'--conf':>7} {'precision':>10} {'recall':>7} {'F1':>6}"]
    for name, aims in advice.items():
        for aim, one in aims.items():
            if one is None:
                lines.append(f"{name:{width}} {aim:15}  not reached on these pictures")
                continue
            floor = np.floor(one.confidence * 1000) / 1000
            figures = f"{one.precision:>10.3f} {one.recall:>7.3f} {one.f1:>6.3f}"
            lines.append(f"{name:{width}} {aim:15} {floor:>7.3f} {figures}")
    return "\n".join(lines)


def as_json(advice: dict[str, dict[str, Advice | None]]) -> dict[str, Any]:
    return {name: {aim: one and vars(one) for aim, one in aims.items()} for name, aims in advice.items()}
