"""A suite of three configurations and two seeds, whose runs find literal boxes in eight pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.experiments.records import Found, PictureFound, Record
from detector.experiments.suite import Configuration, Source, Suite
from detector.judging.found import Found as Boxes
from detector.judging.found import Truth

CLASSES = ("cat", "dog")
CAT, DOG, FAR = (10.0, 10, 30, 30), (50.0, 10, 62, 22), (70.0, 70, 90, 90)


def boxes(*rows: tuple[tuple[float, ...], int, float]) -> Boxes:
    xyxy = np.array([row[0] for row in rows], dtype=float).reshape(-1, 4)
    return Boxes(xyxy, np.array([row[1] for row in rows], dtype=int), np.array([row[2] for row in rows], dtype=float))


def found(cats: int, dogs: int, folder: Path = Path("/nowhere"), alarms: int = 0) -> Found:
    """Eight pictures with a cat each, the first two with a dog; so many of them found, and so many false alarms."""
    pictures = []
    for i in range(8):
        there = [(CAT, 0), (DOG, 1)] if i < 2 else [(CAT, 0)]
        rows = [(CAT, 0, 0.9 - i / 100)] if i < cats else []
        rows += [(DOG, 1, 0.8 - i / 100)] if i < min(dogs, 2) else []
        rows += [(FAR, 0, 0.5 + i / 100)] if i < alarms else []
        truth = Truth(np.array([box for box, _ in there]), np.array([number for _, number in there]))
        pictures.append(PictureFound(folder / f"{i}.png", (100, 100), truth, boxes(*rows)))
    return Found(CLASSES, tuple(pictures))


def record(name: str, seed: int, state: str = "done", error: str | None = None, stale: bool = False) -> Record:
    history = [
        {"epoch": 0, "lr": None, "box": None, "objectness": None, "class": None, "map50": 0.01},
        {"epoch": 1, "lr": 0.01, "box": 2.0 + seed, "objectness": 1.0, "class": 1.0, "map50": 0.5 + seed / 10},
    ]
    data = {
        "recipe": "raw",
        "commands": ["datatools convert <raw>"],
        "key": "d",
        "boxes": {"train": {"cat": 40, "dog": 4}, "val": {"cat": 8, "dog": 2}},
        "pictures": {"train": 40, "val": 8},
    }
    return Record(
        key=f"{name}-{seed}",
        row="r",
        name=name,
        seed=seed,
        state=state,
        train={"epochs": 4, "img-size": 96, "name": name},
        data=data,
        code={"version": "0", "sources": "0"},
        machine="cpu, 1 thread",
        seconds={"data": 1.0, "train": 90.0, "evaluate": 2.0},
        finished="2026-11-24T17:00:00+00:00",
        history=history if state == "done" else [],
        error=error,
        stale=stale,
    )


@pytest.fixture(scope="session")
def suite() -> Suite:
    runs = tuple(Configuration(name, "raw", {}) for name in ("plain", "more", "broken"))
    compare = (("more", "plain"), ("broken", "plain"))
    return Suite("try", "Cats & dogs", "Does <more> help?", Source("d"), {"raw": ()}, runs, (0, 1), compare)


@pytest.fixture(scope="session")
def finished() -> list[tuple[Record, Found | None]]:
    return [
        (record("plain", 0), found(4, 0, alarms=2)),
        (record("plain", 1), found(5, 0)),
        (record("more", 0), found(8, 2)),
        (record("more", 1, stale=True), found(8, 1)),
        (record("broken", 0, "failed", "--lr: 0 <b>, expected more"), None),
    ]
