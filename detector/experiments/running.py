"""One run from beginning to end: trained by `detector train` in a process of its own, judged here, written down.

`training/` holds the run under way and becomes `train/` when it is over. A run that was killed goes on from its
last.pt; what has failed is written down with the last line that it said.
"""

from __future__ import annotations

import csv
import shutil
import time
import traceback
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
import yaml

from detector.errors import UserError
from detector.experiments.building import Built
from detector.experiments.child import last_words, program
from detector.experiments.code import Code
from detector.experiments.judge import Val, judge
from detector.experiments.plan import Run
from detector.experiments.records import Found, Record, write_found, write_record
from detector.experiments.store import run_folder, said_code
from detector.experiments.workers import Children, StoppedError
from detector.network import checkpoint
from detector.training.options import DEFAULTS, Options
from detector.training.progress import Progress
from detector.training.setting import flag


class FailedError(Exception):
    """`detector train` failed, with these last words."""


@dataclass(frozen=True)
class Bench:
    """What all runs of a suite share. device: of a run, by the number of its worker."""

    store: Path
    code: Code
    children: Children
    val: Val
    devices: tuple[str, ...]


def carry_out(run: Run, built: Built, bench: Bench, worker: int) -> tuple[Record, Found | None]:
    """Train, judge, write down. Raises StoppedError; any other fault is the run's, and is in its record."""
    folder = run_folder(bench.store, run.key)
    folder.mkdir(parents=True, exist_ok=True)
    device, seconds = bench.devices[worker % len(bench.devices)], {"data": built.seconds}
    began, found, error, history, machine = time.monotonic(), None, None, [], ""
    try:
        trained = _train(run, built, folder, bench.children, device)
        seconds["train"], began = time.monotonic() - began, time.monotonic()
        history, machine = _history(trained), _machine(trained, bench.children.threads)
        torch.set_num_threads(bench.children.threads)
        found = judge(trained / "last.pt", bench.val, device)
        seconds["evaluate"] = time.monotonic() - began
        write_found(found, folder)
        _slim(trained / "last.pt")
    except StoppedError:
        raise
    except (UserError, OSError, FailedError) as fault:
        error = str(fault)
    except Exception as fault:  # noqa: BLE001 - of ours: the other runs go on, and this one says what it was
        error = f"{type(fault).__name__}: {fault}"
        (folder / "fault.txt").write_text(traceback.format_exc())
    data = built.as_record(run.configuration.data)
    record = make_record(run, data, bench.code, error, seconds=seconds, history=history, machine=machine)
    write_record(record, folder)
    return record, found


def make_record(run: Run, data: dict[str, Any], code: Code, error: str | None = None, **more: Any) -> Record:
    """The record of a run that is over now. more: seconds, history, machine, as far as it came."""
    seconds = {key: round(value, 2) for key, value in more.get("seconds", {}).items()}
    return Record(
        key=run.key,
        row=run.row,
        name=run.configuration.name,
        seed=run.seed,
        state="failed" if error else "done",
        train=run.configuration.train,
        data=data,
        code=said_code(code),
        machine=more.get("machine", ""),
        seconds=seconds,
        finished=datetime.now().astimezone().isoformat(timespec="seconds"),
        history=more.get("history", []),
        error=error,
    )


def _train(run: Run, built: Built, folder: Path, children: Children, device: str) -> Path:
    """The folder of the run, trained to its end."""
    done, under_way = folder / "train", folder / "training" / "1"
    if done.is_dir():
        return done
    state = _state(under_way / "last.pt")
    if state == "none":
        shutil.rmtree(under_way.parent, ignore_errors=True)
        words = ["--data", built.folder, "--out", str(under_way.parent.absolute()), "--seed", str(run.seed)]
        words += ["--device", device, *spelled(run.configuration.train)]
    else:
        words = ["--resume", str(under_way.absolute())]
    if state != "over":
        log = folder / "train.log"
        code = children.run(program("detector", "train", *words), log)
        if code:
            raise FailedError(last_words(log, code))
    under_way.rename(done)
    under_way.parent.rmdir()
    return done


def spelled(train: dict[str, Any]) -> list[str]:
    """Options as words of a command line."""
    words: list[str] = []
    for key, value in train.items():
        if value is None:
            continue
        if isinstance(value, bool):
            words.append(flag(key) if value else f"--no-{key}")
        else:
            words += [flag(key), str(value)]
    return words


def _state(last: Path) -> str:
    """none, stopped or over: how far the run is that `last` belongs to."""
    if not last.is_file():
        return "none"
    state = checkpoint.load(last).state
    if not state or set(state["progress"]) != set(vars(Progress())):
        return "none"
    options = Options(**{name: value for name, value in state["options"].items() if name in DEFAULTS})
    return "over" if Progress(**state["progress"]).over(options) else "stopped"


def _history(folder: Path) -> list[dict[str, Any]]:
    """The rows of results.csv, numbers as such, None where there is nothing."""
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return [{key: _number(cell) for key, cell in row.items()} for row in csv.DictReader(file)]


def _number(cell: str) -> float | int | None:
    return None if cell == "" else int(cell) if cell.isdecimal() else float(cell)


def _machine(folder: Path, threads: int) -> str:
    """What the run was computed on, by its settled options."""
    settled = yaml.safe_load((folder / "args.yaml").read_text(encoding="utf-8"))
    return said_machine(str(settled["device"]), threads, str(settled["amp"]))


def said_machine(device: str, threads: int, amp: str) -> str:
    """For people, and to tell which runs took place on like machines."""
    where = f"cpu, {threads} thread{'s' if threads > 1 else ''}"
    if device.startswith("cuda"):
        where = f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{where}, {'float32' if amp == 'off' else amp}"


def _slim(last: Path) -> None:
    """Leave out of a finished run's last.pt what only going on would need: two thirds of it."""
    found = checkpoint.load(last)
    if found.state:
        checkpoint.save(replace(found, state={}), last)
