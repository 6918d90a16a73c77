"""Where a run's model comes from, as far as its folder tells: command, epochs, date; and which code judged it.

The command names what differs from the defaults. What says where a thing lay on one machine, or which devices it had,
is left out of it: of files only their names are kept.
"""

from __future__ import annotations

import csv
import datetime
import platform
import shlex
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from detector.errors import RunError
from detector.training.optimise import DECAYS, RATES
from detector.training.options import DEFAULTS
from detector.training.setting import flag

PLACES = ("out", "device", "workers", "cache", "cache_mb", "cache_folder", "save_every", "tensorboard")
FILES = ("data", "weights", "model", "anchors")
LIBRARIES = ("torch", "numpy", "opencv-python", "Pillow")


def origin_of(weights: Path) -> dict[str, Any]:
    """Of a run's file of weights, as plain values. Raises RunError where its args.yaml is not beside it."""
    path = weights.parent / "args.yaml"
    if not path.is_file():
        raise RunError(path, "no such file", "a run's folder, which says how it was trained")
    args = yaml.safe_load(path.read_text(encoding="utf-8"))
    history = _history(weights.parent / "results.csv")
    day = datetime.datetime.fromtimestamp(weights.stat().st_mtime, datetime.UTC).date().isoformat()
    return {"command": command_of(args), "date": day, **history}


def command_of(args: dict[str, Any]) -> str:
    """`detector train ...` with what is not as it would be anyway."""
    usual = {**DEFAULTS, "lr": RATES[args["optimizer"]], "weight_decay": DECAYS[args["optimizer"]], "amp": "off"}
    words = ["detector", "train"]
    for name, value in ((name, args.get(name)) for name in DEFAULTS):
        if name in PLACES or value is None or value in (usual.get(name), DEFAULTS.get(name)):
            continue
        if isinstance(value, bool):
            words.append(flag(name) if value else f"--no-{flag(name)[2:]}")
        else:
            words += [flag(name), _without_place(str(value)) if name in FILES else str(value)]
    return shlex.join(words)


def _without_place(value: str) -> str:
    path = Path(value)
    return path.name if path.is_absolute() else value


def _history(path: Path) -> dict[str, int]:
    """epochs: that were trained.  best_epoch: of the highest mAP@0.5."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("map50")]
    if not rows:
        raise RunError(path, "no epoch with a mAP", "a run that was judged on validation pictures")
    best = max(rows, key=lambda row: float(row["map50"]))
    return {"epochs": int(rows[-1]["epoch"]), "best_epoch": int(best["epoch"])}


def judge_of() -> dict[str, Any]:
    """The code and the libraries at work."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        found[name] = package_version(name)
    return {"commit": _commit(Path(__file__).resolve().parents[1]), "versions": found}


def package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _commit(folder: Path) -> str | None:
    """Of the checkout that `folder` belongs to, with a + where its tracked files differ; None where there is none."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        head = git("rev-parse", "HEAD") if git("ls-files", "boxes.py") else ""
        return (head + ("+" if git("status", "--porcelain", "--untracked-files=no", ".") else "")) or None
    except FileNotFoundError:  # no git here
        return None
