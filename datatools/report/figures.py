"""Everything that the page says in numbers, from one reading of the set; no picture is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from datatools.check import box_problems, tally
from datatools.core import Dataset, class_counts
from datatools.formats.assemble import Reading
from datatools.problems import CODES, Problem
from datatools.provenance import Provenance
from datatools.report.heat import grids
from datatools.report.repetition import Repeated, families, repetition
from datatools.stats import Statistics, as_json, statistics

EXAMPLES = 5  # problems of a code that are shown


@dataclass(frozen=True, slots=True)
class Alone:
    """What a split holds without its made pictures.  boxes: (C,)."""

    images: int
    boxes: NDArray


@dataclass(frozen=True, slots=True)
class Figures:
    """recipes: recipe -> pictures, empty without a manifest.  alone: splits that hold made pictures -> without them.

    repeated: splits that show a photograph more than once -> each class.  position, size: heat maps (see `heat`).
    """

    source: Path
    format: str
    dataset: Dataset
    counted: Statistics
    recipes: Mapping[str, int]
    alone: Mapping[str, Alone]
    repeated: Mapping[str, tuple[Repeated, ...]]
    position: NDArray
    size: NDArray
    problems: tuple[Problem, ...]


def figures(source: Path, reading: Reading, known: Provenance) -> Figures:
    """Count a set as it stands.  known: what its manifest says."""
    dataset = reading.dataset
    problems = (*reading.problems, *box_problems(dataset))
    recipes = Counter(known.origins[a.id].recipe for a in dataset.annotations if a.id in known.origins)
    return Figures(
        source,
        reading.format,
        dataset,
        statistics(dataset),
        dict(sorted(recipes.items())),
        _alone(dataset, known),
        _repeated(dataset, known),
        *grids(dataset.annotations, len(dataset.classes)),
        problems,
    )


def _alone(dataset: Dataset, known: Provenance) -> dict[str, Alone]:
    found = {}
    for name in dataset.split_names():
        every = dataset.of_split(name)
        photographs = [a for a in every if not known.is_made(a.id)]
        if len(photographs) < len(every):
            found[name or "all"] = Alone(len(photographs), class_counts(photographs, len(dataset.classes)))
    return found


def _repeated(dataset: Dataset, known: Provenance) -> dict[str, tuple[Repeated, ...]]:
    named = dict(zip((a.id for a in dataset.annotations), families(dataset.annotations, known), strict=True))
    found = {}
    for split in dataset.split_names():
        every = dataset.of_split(split)
        names = [named[a.id] for a in every]
        if len(set(names)) < len(names):
            found[split or "all"] = repetition(every, names, len(dataset.classes))
    return found


def examples(problems: tuple[Problem, ...]) -> dict[str, list[Problem]]:
    """code -> the first problems of that code, in the order of the table of codes."""
    return {code: [p for p in problems if p.code == code][:EXAMPLES] for code in tally(problems)}


def as_object(f: Figures, problems: tuple[Problem, ...]) -> dict[str, Any]:
    """The figures for programs.  problems: those of the figures, and what the sheets met."""
    classes = f.dataset.classes
    return {
        "source": str(f.source),
        "format": f.format,
        **as_json(f.counted),
        "recipes": dict(f.recipes),
        "photographs_alone": {
            name: {"images": alone.images, "boxes": dict(zip(classes, alone.boxes.tolist(), strict=True))}
            for name, alone in f.alone.items()
        },
        "repetition": {
            name: {c: r.as_json() for c, r in zip(classes, rows, strict=True)} for name, rows in f.repeated.items()
        },
        "position": dict(zip(classes, f.position.tolist(), strict=True)),
        "size": dict(zip(classes, f.size.tolist(), strict=True)),
        "problems": tally(problems),
        "examples": {
            code: [{"severity": CODES[code].severity, "file": p.file, "line": p.line, "found": p.found} for p in some]
            for code, some in examples(problems).items()
        },
    }
