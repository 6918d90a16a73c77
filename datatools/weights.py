"""What data.yaml's `weights:` names: how often a trainer is to draw each training picture.

`<number> <picture>` a line, the picture's path below the folder of data.yaml; a picture that is not listed weighs 1.
Who does not know the key trains on every picture once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from datatools.core import Dataset
from datatools.display import grid
from datatools.errors import LayoutError

WEIGHTS = "weights.txt"


def read_weights(path: Path) -> dict[str, float]:
    """Picture -> weight.  Raises LayoutError, with file and line, where a line is no weight."""
    found: dict[str, float] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise LayoutError(path, "cannot be read as text", "the weights that data.yaml names", "restore it") from None
    for k, line in enumerate(lines, 1):
        number, _, picture = line.partition(" ")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not picture or not 0 <= weight < np.inf:
            raise LayoutError(f"{path}:{k}", repr(line[:60]), "a number from 0 and a picture", "correct the line")
        found[picture] = weight
    return found


def weights_of(folder: Path) -> dict[str, float] | None:
    """The weights that a split's data.yaml names; None where it names none."""
    try:
        said = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None  # whoever reads the split says so
    name = said.get("weights") if isinstance(said, dict) else None
    return read_weights(folder / str(name)) if name else None


def expected_counts(dataset: Dataset, folder: Path, weights: Mapping[str, float]) -> tuple[NDArray, float]:
    """Boxes of each class, (C,), that as many draws as all weights together hold in expectation; and how many draws."""
    counts, draws = np.zeros(len(dataset.classes)), 0.0
    for a in dataset.of_split("train"):
        weight = weights.get(Path(a.path).relative_to(folder).as_posix(), 1.0)
        np.add.at(counts, a.labels, weight)
        draws += weight
    return counts, draws


def drawn_note(dataset: Dataset, folder: Path) -> tuple[str, dict]:
    """What drawing by the weights comes to, where there are any: a text below the statistics, and an object."""
    weights = weights_of(folder)
    if weights is None:
        return "", {}
    expected, draws = expected_counts(dataset, folder, weights)
    rows = [(name, f"{n:.0f}") for name, n in zip(dataset.classes, expected.tolist(), strict=True)]
    text = f"\n\ndrawn by {WEIGHTS}, {draws:g} draws from train:\n{grid(('class', 'boxes expected'), rows, '<>')}"
    return text, {"expected": dict(zip(dataset.classes, expected.tolist(), strict=True)), "draws": draws}
