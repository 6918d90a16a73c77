"""Where a model comes from, as far as its folder tells: command, epochs, date; and which code judged it.

Of a run that is its args.yaml; of an average of runs its average.yaml, which holds as much of each part.
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
AVERAGED = "average.yaml"
FILES = ("data", "weights", "model", "anchors")
LIBRARIES = ("torch", "numpy", "opencv-python", "Pillow")


def origin_of(weights: Path) -> dict[str, Any]:
    """Of a file of weights, as plain values. Raises RunError where neither args.yaml nor average.yaml is with it."""
    day = datetime.datetime.fromtimestamp(weights.stat().st_mtime, datetime.UTC).date().isoformat()
    averaged = weights.parent / AVERAGED
    if averaged.is_file():
        parts = yaml.safe_load(averaged.read_text(encoding="utf-8"))["parts"]
        return {"command": "\n".join(_numbered(parts)), "date": day, "parts": parts}
    folder = _folder(weights)
    history = _history(folder / "results.csv")
    return {"command": command_of(_args(folder)), "date": day, "epochs": history[-1][0], "best_epoch": _best(history)}


def part_of(weights: Path) -> dict[str, Any]:
    """command: of the run.  epoch: that these weights are of. Raises RunError where their name does not tell."""
    folder = _folder(weights)
    history = _history(folder / "results.csv")
    named = {"best": _best(history), "last": history[-1][0]}
    epoch = int(weights.stem) if weights.stem.isdecimal() else named.get(weights.stem)
    if epoch is None:
        raise RunError(weights, "its name does not tell which epoch it is of", "best.pt, last.pt, or one in epochs/")
    return {"command": command_of(_args(folder)), "epoch": epoch}


def _numbered(parts: list[dict[str, Any]]) -> list[str]:
    """Commands of the parts, then that of the average."""
    files = [f"runs/train/{number}/epochs/{part['epoch']:03}.pt" for number, part in enumerate(parts, 1)]
    return [*(part["command"] for part in parts), shlex.join(["detector", "average", *files])]


def _folder(weights: Path) -> Path:
    """The run's: that of best.pt and last.pt, or one up from epochs/. Raises RunError where it has no args.yaml."""
    folder = weights.parent.parent if weights.parent.name == "epochs" else weights.parent
    if not (folder / "args.yaml").is_file():
        raise RunError(folder / "args.yaml", "no such file", "a run's folder, which says how it was trained")
    return folder


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


def _args(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "args.yaml").read_text(encoding="utf-8")))


def _history(path: Path) -> list[tuple[int, float]]:
    """Epochs that were judged, with their mAP@0.5. Raises RunError where there are none."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["epoch"]), float(row["map50"])) for row in csv.DictReader(file) if row.get("map50")]
    if not rows:
        raise RunError(path, "no epoch with a mAP", "a run that was judged on validation pictures")
    return rows


def _best(history: list[tuple[int, float]]) -> int:
    return max(history, key=lambda row: row[1])[0]


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
