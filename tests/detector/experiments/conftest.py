"""A suite of tiny runs, and a way to carry it out without a process for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from detector.cli import cli
from detector.errors import UserError
from detector.experiments.workers import Children, StoppedError

MICRO = "[net]\nwidth=64\nheight=64\nchannels=3\n" + "".join(
    f"[convolutional]\nbatch_normalize=1\nfilters={n}\nsize=3\nstride=2\npad=1\nactivation=leaky\n" for n in (4, 8, 8)
)
MICRO += "[convolutional]\nfilters=21\nsize=1\nstride=1\npad=1\nactivation=linear\n"
MICRO += "[yolo]\nmask=0,1,2\nanchors=12,12, 16,16, 24,24\nclasses=2\nnum=3\n"
SUITE = """
name: little
question: Does it run?
source: data/shapes
train: {model: micro.cfg, img-size: 64, batch: 2, epochs: 2, judge-every: never}
seeds: [0, 1]
runs:
  - {name: baseline}
  - {name: focal, train: {class-gamma: 2}}
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shapes_split: Callable[..., Path]) -> Path:
    """suite.yaml in the working folder: two configurations, two seeds, four pictures to train on and two to judge."""
    shapes_split(train=4, val=2)
    monkeypatch.chdir(tmp_path)
    Path("micro.cfg").write_text(MICRO)
    Path("suite.yaml").write_text(SUITE)
    return Path("suite.yaml")


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """`detector train` runs in this process, without drawings and reports; the commands that were run."""
    for name in ("curves_png", "predictions_png", "first_batches", "labels_png"):
        monkeypatch.setattr(f"detector.training.record.{name}", lambda *given: b"")
    monkeypatch.setattr("detector.training.record.judging_sheets", lambda *given: {})
    run: list[list[str]] = []

    def carry(children: Children, command: list[str], log: Path) -> int:
        if children.stopping.is_set():
            raise StoppedError
        assert command[1:4] == ["-P", "-m", "detector.cli"]
        run.append(command[4:])
        with log.open("a") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            try:
                cli.main(command[4:], standalone_mode=False)
            except (UserError, click.ClickException) as error:
                print(f"error: {error}")
                return 1
        return 0

    monkeypatch.setattr(Children, "run", carry)
    monkeypatch.setattr("detector.experiments.run.write_report", lambda *given: [])
    return run
