"""What a bare command takes: the newest split, the newest run, else the shipped model; and where a new run goes.

No heavy imports.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from detector.errors import DataError, RunError
from detector.shipped import line_of, shipped_model

TRAIN_RUNS = Path("runs/train")


def newest_split(folder: Path = Path("data")) -> tuple[Path, str]:
    """The newest complete split under `folder`, and a line that says which and why.

    A split is complete once its data.yaml stands, which is written last. Raises DataError where there is none.
    """
    found = sorted(folder.glob("*/data.yaml"), key=lambda p: (p.stat().st_mtime_ns, p), reverse=True)
    if not found:
        raise DataError(folder, "no split here", "data/<name>/data.yaml", "run `datatools convert`, or give --data")
    splits = [str(path.parent) for path in found]
    why = f"newest of {', '.join(splits)}" if len(splits) > 1 else "the only split here"
    return found[0].parent, f"data: {splits[0]} ({why})"


def newest_run(folder: Path = TRAIN_RUNS, file: str = "last.pt", command: str = "detector train") -> tuple[Path, str]:
    """The newest run under `folder` that holds `file`, and a line that says which and why."""
    found = sorted(folder.glob(f"*/{file}"), key=lambda p: (p.stat().st_mtime_ns, p), reverse=True)
    if not found:
        raise RunError(folder, f"no run with a {file}", f"a run that `{command}` wrote", "run it, or name one")
    runs = [str(path.parent) for path in found]
    why = f"newest of {len(runs)} runs" if len(runs) > 1 else "the only run here"
    return found[0].parent, f"run: {runs[0]} ({why})"


def newest_model(folder: Path = TRAIN_RUNS) -> tuple[Path, str]:
    """The best.pt of the newest run under `folder` that has one, else the shipped model; and a line that says which."""
    if any(folder.glob("*/best.pt")):
        run, why = newest_run(folder, "best.pt")
        return run / "best.pt", f"model: {run / 'best.pt'} {why[why.index('(') :]}"
    try:
        path = shipped_model()
    except RunError as error:
        raise RunError(folder, "no run with a best.pt", "a run that `detector train` wrote", str(error)) from error
    return path, line_of(path, f"no run in {folder}")


def own_split(path: Path) -> Path | None:
    """The split named by the args.yaml beside `path` or one folder up (epochs/), where both are still there."""
    places = [folder / "args.yaml" for folder in (path.parent, path.parent.parent)]
    args = next((place for place in places if place.is_file()), None)
    if args is None:
        return None
    content = yaml.safe_load(args.read_text(encoding="utf-8"))
    data = Path(content["data"]) if isinstance(content, dict) and "data" in content else None
    return data if data is not None and data.exists() else None


def new_folder(parent: Path) -> Path:
    """Make and return `parent`/<n>, the next free number, from 1: nothing is ever overwritten."""
    parent.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name) for path in parent.iterdir() if path.name.isdecimal()]
    number = max(taken, default=0) + 1
    while True:
        try:
            (parent / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return parent / str(number)
