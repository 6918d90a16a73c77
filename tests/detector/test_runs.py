import os

import pytest

from detector.errors import DataError, RunError
from detector.runs import new_folder, newest_run, newest_split


def at(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.utime(path, (seconds, seconds))


def test_the_newest_split_is_taken_and_the_reason_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    at(tmp_path / "data" / "yolo" / "data.yaml", 100)
    assert newest_split()[1] == "data: data/yolo (the only split here)"
    at(tmp_path / "data" / "balanced" / "data.yaml", 200)
    (tmp_path / "data" / "unfinished").mkdir()
    path, why = newest_split()
    assert str(path) == "data/balanced"
    assert why == "data: data/balanced (newest of data/balanced, data/yolo)"


def test_no_split_says_what_makes_one(tmp_path):
    with pytest.raises(DataError, match=r"no split here, expected data/<name>/data.yaml; run `datatools convert`"):
        newest_split(tmp_path / "data")


def test_the_newest_run_is_by_time_and_not_by_number(tmp_path):
    at(tmp_path / "2" / "last.pt", 100)
    at(tmp_path / "1" / "last.pt", 200)
    at(tmp_path / "3" / "best.pt", 300)
    assert newest_run(tmp_path)[0] == tmp_path / "1"
    with pytest.raises(RunError, match=r"no run with a other\.pt"):
        newest_run(tmp_path, "other.pt")


def test_a_new_folder_is_the_next_free_number(tmp_path):
    assert new_folder(tmp_path / "runs").name == "1"
    (tmp_path / "runs" / "9").mkdir()
    (tmp_path / "runs" / "notes").mkdir()
    assert new_folder(tmp_path / "runs").name == "10"
