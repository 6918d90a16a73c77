"""A suite as its users run it, in processes of its own, killed within runs: it ends in the same findings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.errors import SuiteError
from detector.experiments.store import locked

ROOT = Path(__file__).resolve().parents[3]
WORDS = [
    "suite.yaml",
    "--quiet",
    "--device",
    "cpu",
    "--workers",
    "2",
    "--set",
    "epochs=8",
    "--seeds",
    "0",
    "--only",
    "baseline",
]


def begin(store: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "detector.cli", "experiments", *WORDS, "--out", store]
    with Path("log").open("ab") as log:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, stdout=log, stderr=log, env=env, start_new_session=True)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not what():
        assert time.monotonic() < deadline, Path("log").read_text()
        time.sleep(0.02)


def free(store: str) -> bool:
    """Whether nobody runs a suite there any more."""
    try:
        with locked(Path(store)):
            return True
    except SuiteError:
        return False


def findings(store: str) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in Path(store).glob("runs/*/found.json")}


def epochs(store: str) -> int:
    """The most that a run under way has written down."""
    files = Path(store).glob("runs/*/training/1/results.csv")
    return max((len(path.read_text().splitlines()) - 1 for path in files), default=0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kills processes as Linux has them")
def test_a_suite_that_was_killed_twice_ends_in_the_findings_of_one_that_was_not(suite):
    whole = begin("whole")
    assert whole.wait() == 0, Path("log").read_text()

    first = begin("killed")
    wait_for(lambda: epochs("killed") >= 3)
    os.killpg(first.pid, signal.SIGKILL)  # the suite and all of its commands, within a run
    first.wait()
    assert not list(Path("killed").glob("runs/*/record.json"))

    wait_for(lambda: free("killed"))
    second = begin("killed")
    wait_for(lambda: epochs("killed") >= 6)
    second.send_signal(signal.SIGKILL)  # the suite alone: its commands save and end by themselves
    second.wait()

    wait_for(lambda: free("killed"))
    last = begin("killed")
    assert last.wait() == 0, Path("log").read_text()
    assert findings("killed") == findings("whole") and len(findings("whole")) == 1
    for path in Path("killed").glob("runs/*/record.json"):
        one, other = (
            json.loads(path.read_text()),
            json.loads((Path("whole/runs") / path.parent.name / path.name).read_text()),
        )
        for record in (one, other):
            record.pop("finished"), record.pop("seconds")
        assert one == other
