"""Claims about a store: one suite at a time, also while the commands of one that was killed go on, and data sets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detector.errors import RunError, SuiteError
from detector.experiments.building import Built, build, check_val, read_built
from detector.experiments.child import environment, last_words, start
from detector.experiments.plan import DataSet
from detector.experiments.store import locked
from detector.experiments.workers import Children, StoppedError

ROOT = Path(__file__).resolve().parents[3]


def made(key: str, before: Path, *words: str) -> DataSet:
    return DataSet(key, key, before, Path("store/data").absolute() / key, words, (" ".join(words),))


@pytest.fixture
def shapes(tmp_path, monkeypatch, shapes_split) -> Path:
    """A split, and the folder of data sets of a store beside it."""
    monkeypatch.chdir(tmp_path)
    Path("store/data").mkdir(parents=True)
    return shapes_split(train=6, val=3)


def test_a_second_suite_in_a_store_is_refused_and_the_next_one_is_not(tmp_path):
    with locked(tmp_path) as keep:
        assert len(keep) == 1
        with (
            pytest.raises(SuiteError, match=rf"a suite is being run here, by process {os.getpid()} on .*another --out"),
            locked(tmp_path),
        ):
            pass
    with locked(tmp_path):
        pass


def test_the_lock_holds_until_the_commands_of_a_suite_have_ended(tmp_path):
    with locked(tmp_path) as keep:
        child = start(["sleep", "30"], tmp_path / "log", environment(1, ROOT), keep)
    try:
        with pytest.raises(SuiteError, match="wait for it and its commands to end"), locked(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()
    with locked(tmp_path):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_command_ends_with_its_parent(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from detector.experiments.child import environment, start\n"
        f"child = start(['sleep', '60'], Path({str(tmp_path / 'log')!r}), environment(1, Path({str(ROOT)!r})))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    command, deadline = Path(f"/proc/{child}/cmdline"), time.monotonic() + 60
    while command.exists() and not command.read_bytes().startswith(b"sleep") and time.monotonic() < deadline:
        time.sleep(0.05)  # until it is tied to its parent
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_failed_is_known_by_its_last_words(tmp_path):
    children, log = Children(1, ROOT), tmp_path / "log"
    code = children.run([sys.executable, "-c", "print('one'); print('error: two\\n'); raise SystemExit(4)"], log)
    assert (code, last_words(log, code)) == (4, "two")
    code = children.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], log)
    assert (code, last_words(log, code)) == (
        -9,
        "killed by signal 9; its last words: error: two".replace("error: ", ""),
    )
    children.stop()
    with pytest.raises(StoppedError):
        children.run(["true"], log)


def test_a_data_set_is_made_once_by_its_command_and_counted(shapes):
    children = Children(1, ROOT)
    source = build(DataSet("source", "source", shapes, shapes), Path("store").absolute(), children)
    words = ("datatools", "convert", "{in}", "--out", "{out}", "--only-with", "circle")
    circles = made("circles", shapes, *words)
    found = build(circles, Path("store").absolute(), children)
    assert found.val == source.val and found.pictures["val"] == 3 and source.pictures == {"train": 6, "val": 3}
    kept = sum("0" in {line[0] for line in p.read_text().splitlines()} for p in (shapes / "labels/train").iterdir())
    assert found.pictures["train"] == kept < 6
    assert sum(source.boxes["train"].values()) == 12 and found.boxes["val"] == source.boxes["val"]
    assert read_built(Path("store"), "circles") == found and found.commands == (" ".join(words),)
    before = {path: path.stat().st_mtime_ns for path in Path("store").rglob("*")}
    assert build(circles, Path("store").absolute(), children) == found
    assert {path: path.stat().st_mtime_ns for path in Path("store").rglob("*")} == before
    check_val([source, found])


def test_one_that_was_written_and_not_yet_renamed_or_counted_is_taken(shapes):
    place = Path("store/data/x.part")
    place.parent.joinpath("x.json").unlink(missing_ok=True)
    shapes.rename(place)
    found = build(made("x", shapes, "datatools", "nonsense"), Path("store").absolute(), Children(1, ROOT))
    assert found.pictures == {"train": 6, "val": 3} and Path("store/data/x/data.yaml").is_file()
    Path("store/data/x.json").unlink()
    assert (
        build(made("x", shapes, "datatools", "nonsense"), Path("store").absolute(), Children(1, ROOT)).val == found.val
    )


def test_a_command_that_cannot_make_it_is_said_with_its_last_words(shapes):
    words = ("datatools", "convert", "{in}", "--out", "{out}", "--only-with", "mouse")
    with pytest.raises(RunError, match=r"^datatools convert: --only-with: 'mouse': no such class, .*; see .*y\.log$"):
        build(made("y", shapes, *words), Path("store").absolute(), Children(1, ROOT))
    assert not Path("store/data/y").exists() and not Path("store/data/y.json").exists()


def test_a_data_set_without_val_is_refused(shapes):
    (shapes / "data.yaml").write_text("train: images/train\nnames: [circle, square]\n")
    with pytest.raises(RunError, match="no val pictures, expected both train and val"):
        build(DataSet("s", "s", shapes, shapes), Path("store").absolute(), Children(1, ROOT))


def test_data_sets_of_unlike_val_parts_are_not_compared(shapes):
    store, children = Path("store").absolute(), Children(1, ROOT)
    one = build(DataSet("a", "a", shapes, shapes), store, children)
    (label,) = [p for p in (shapes / "labels/val").iterdir() if p.name == "0.txt"]
    label.write_text("")
    other = build(DataSet("b", "b", shapes, shapes), store, children)
    with pytest.raises(SuiteError, match=r"other val pictures or boxes, expected those of .*; only train may change"):
        check_val([one, other])


def test_a_card_that_is_broken_is_named(shapes):
    Path("store/data/a.json").write_text("{}")
    with pytest.raises(RunError, match=r"a\.json: does not describe a data set, expected as it was written; delete it"):
        read_built(Path("store"), "a")
    good = Built("a", "nowhere", (), {}, {}, "", 0.0)
    Path("store/data/a.json").write_text(json.dumps({**vars(good), "commands": []}))
    assert read_built(Path("store"), "a") is None  # its folder is gone
