"""Claims about two runs on one output: the second is told who writes it; a dead one holds nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datatools.errors import OutputError
from datatools.locks import refuse_busy, sole_writer
from datatools.outputs import staged

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """import sys, time
from pathlib import Path
from datatools.locks import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that writes tmp_path/out."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_run_on_one_output_is_told_in_one_line_who_writes_it(holder, cli, small, make, tmp_path):
    before = make.tree(tmp_path)
    for command in (("balance", small), ("convert", small)):
        said = cli(*command, "--out", "out", "--quiet").error
        who = rf"process {holder.pid} on \S+ since \d\d:\d\d:\d\d"
        assert re.fullmatch(f"out: is being written by {who}; wait for it, or choose another --out", said), said
    assert make.tree(tmp_path) == before


def test_the_lock_of_a_dead_process_is_taken_over(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".out.lock").is_file()
    with staged(tmp_path / "out"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_lock_is_for_one_output_and_ends_with_its_block(tmp_path):
    with sole_writer(tmp_path / "a"), sole_writer(tmp_path / "b"):
        with pytest.raises(OutputError, match=f"is being written by process {os.getpid()} on"):
            refuse_busy(tmp_path / "a")
        with pytest.raises(OutputError), staged(tmp_path / "b"):
            pass
        assert sorted(p.name for p in tmp_path.iterdir()) == [".a.lock", ".b.lock"]
    refuse_busy(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_one_output_by_two_names_has_one_lock(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with sole_writer(tmp_path / "a"), pytest.raises(OutputError, match="is being written by"):
        refuse_busy(tmp_path / "link" / "a")
