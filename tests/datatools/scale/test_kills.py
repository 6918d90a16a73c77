"""Claims about runs that die: killed at random points, without a worker, on a full disk; the same command ends in the
same bytes, nothing twice, nothing left over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SEED = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
COMMANDS = {
    "balance, one process": ("balance", "data/yolo", "--out", "out", "--workers", "1"),
    "balance, two processes": ("balance", "data/yolo", "--out", "out", "--workers", "2"),
    "convert": ("convert", "data/yolo", "--split", "none", "--out", "out", "--workers", "2"),
}
KILLS = {"balance, one process": 8, "balance, two processes": 8, "convert": 4}  # 20


def started(folder: Path, *args: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "datatools.cli", *args, "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder.parent / "said").open("wb") as said:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_killed_at_random_points_ends_in_the_same_bytes(many, make, tmp_path, name):
    command, rng = COMMANDS[name], random.Random(f"{SEED} {name}")
    begun = time.monotonic()
    assert started(tmp_path, *command).wait() == 0
    took = time.monotonic() - begun
    whole = make.tree(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "whole")
    killed = 0
    while killed < KILLS[name]:
        begun, after = time.monotonic(), rng.uniform(0.2 * took, took)
        process = started(tmp_path, *command)
        print(f"KILL_SEED={SEED}: {name}: kill {killed} after {after:.3f} of {took:.3f} s")
        try:
            assert process.wait(after) == 0, (tmp_path.parent / "said").read_text()
            took = time.monotonic() - begun  # a machine that is less busy now would never be too late
        except subprocess.TimeoutExpired:
            process.kill()
            assert process.wait() == -signal.SIGKILL
            killed += 1
        if (tmp_path / "out").exists():  # it was faster this time, or just done: another one
            assert make.tree(tmp_path / "out") == whole
            (tmp_path / "out").rename(tmp_path / f"done{after}")
    assert not (tmp_path / "out").exists()
    assert started(tmp_path, *command).wait() == 0
    assert make.tree(tmp_path / "out") == whole
    left = {p.name for p in tmp_path.iterdir() if not p.name.startswith("done")}
    assert left == {"data", "out", "whole"}
    time.sleep(0.5)  # a worker of a killed run would show by now
    assert {p.name for p in tmp_path.iterdir() if not p.name.startswith("done")} == left


def test_a_lost_worker_is_one_line_and_the_same_command_goes_on(many, make, tmp_path):
    process = started(tmp_path, *COMMANDS["balance, two processes"])
    marks, end = tmp_path / "out.partial/.progress", time.monotonic() + 60
    while time.monotonic() < end and not (marks.is_dir() and len(list(marks.iterdir())) > 3):
        time.sleep(0.005)
    workers = [pid for pid in children(process.pid) if b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)
    assert process.wait(60) == 1
    remedy = "where memory is short, pass fewer --workers; run the same command again"
    assert (tmp_path.parent / "said").read_text().splitlines()[-1] == f"error: local: a worker was killed; {remedy}"
    assert started(tmp_path, *COMMANDS["balance, two processes"]).wait() == 0
    assert started(tmp_path, "balance", "data/yolo", "--out", "whole").wait() == 0
    assert make.tree(tmp_path / "out") == make.tree(tmp_path / "whole")
    assert {p.name for p in tmp_path.iterdir()} == {"data", "out", "whole"}


@pytest.mark.parametrize(
    ("command", "files"), [("balance", n) for n in (0, 1, 10, 21)] + [("convert", 0), ("convert", 7)]
)
def test_a_full_disk_is_one_line_and_loses_nothing(cli, make, small, tmp_path, monkeypatch, command, files):
    args = (command, small, "--out", "out", "--workers", 1, "--quiet")
    assert cli(*args).code == 0
    whole = make.tree(tmp_path / "out")
    make.put(tmp_path / "out/mine.txt", "put there afterwards")
    earlier = make.tree(tmp_path / "out")
    real, written = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        if len(written) >= files:
            real(path, data[: len(data) // 2])  # as a full disk does
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return real(path, data)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        said = cli(*args, "--overwrite").error
    assert said == "output: No space left on device; free some space, or choose another disk"
    assert make.tree(tmp_path / "out") == earlier
    assert cli(*args, "--overwrite").code == 0
    assert make.tree(tmp_path / "out") == whole
    assert {p.name for p in tmp_path.iterdir()} == {"data", "out"}
