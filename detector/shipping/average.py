"""`detector average`: several runs' weights in the mean, in a folder that `detector ship` takes like a run's.

The folder gets best.pt and average.yaml, which keeps the command of each part. The yaml comes first, and an old best.pt
goes before it, so that none ever stands beside what does not tell of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from detector.atomic import write_atomically
from detector.errors import RunError
from detector.network.average import average
from detector.network.checkpoint import load, packed
from detector.shipping.origin import AVERAGED, part_of


def write_average(parts: Sequence[Path], out: Path, overwrite: bool) -> Path:
    """Average `parts`, runs' folders (their best.pt) or files in them, into the folder `out`; its best.pt."""
    files = [part / "best.pt" if part.is_dir() else part for part in parts]
    for file in files:
        if not file.is_file():
            raise RunError(file, "no such file", "a run's folder, or weights in one")
    made = out / "best.pt"
    if out.exists() and not out.is_dir():
        raise RunError(out, "is a file", "a folder to write into", "see --out")
    if made.exists() and not overwrite:
        raise RunError(made, "is there already", "a new folder", "give --overwrite or --out")
    mean = average([(file, load(file)) for file in files])
    listed = yaml.safe_dump({"parts": [part_of(file) for file in files]}, sort_keys=False, width=1000)
    out.mkdir(parents=True, exist_ok=True)
    made.unlink(missing_ok=True)
    write_atomically(out / AVERAGED, listed.encode())
    write_atomically(made, packed(mean))
    return made
