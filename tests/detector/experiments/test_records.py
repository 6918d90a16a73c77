"""Claims about a run's files: what is written is read back, and what is broken is said in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.errors import RunError
from detector.experiments.records import (
    Found,
    PictureFound,
    Record,
    read_found,
    read_record,
    write_found,
    write_record,
)
from detector.judging.found import Found as Boxes
from detector.judging.found import Truth

RECORD = Record(
    key="0123456789ab",
    row="abcdefabcdef",
    name="baseline",
    seed=1,
    state="done",
    train={"epochs": 2},
    data={"recipe": "raw", "commands": [], "key": "fedcba987654"},
    code={"version": "0.1.0", "sources": "aa"},
    machine="cpu, 1 thread",
    seconds={"data": 0.0, "train": 1.5, "evaluate": 0.5},
    finished="2026-11-24T18:00:00",
    history=[{"epoch": "0", "map50": ""}],
)


def test_a_record_is_read_back_as_it_was_but_for_being_stale(tmp_path: Path) -> None:
    write_record(replace(RECORD, stale=True), tmp_path)
    assert read_record(tmp_path) == RECORD
    assert "stale" not in json.loads((tmp_path / "record.json").read_text())


def test_a_folder_without_a_record_holds_none(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ("{}", "is no record of a run"), ("[]", "is no")])
def test_a_broken_record_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(RunError, match=rf"record\.json: {said}.*; delete it"):
        read_record(tmp_path)


def test_what_was_found_is_read_back_in_five_digits(tmp_path: Path) -> None:
    truth = Truth(np.array([[1.0, 2.0, 30.123456, 40.0]]), np.array([1]), regions=np.array([[0.0, 0.0, 5.0, 5.0]]))
    boxes = Boxes(np.array([[1.5, 2.5, 30.0, 1234.5678]]), np.array([2]), np.array([0.123456789]))
    nothing = Boxes(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    empty = PictureFound(Path("/b.jpg"), (3, 4), Truth(np.zeros((0, 4)), np.zeros(0, int)), nothing)
    write_found(Found(("a", "b", "c"), (PictureFound(Path("/a.jpg"), (100, 80), truth, boxes), empty)), tmp_path)
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["classes"] == ["a", "b", "c"]
    assert content["pictures"] == [
        {
            "path": "/a.jpg",
            "width": 100,
            "height": 80,
            "truths": [[1, 1.0, 2.0, 30.123, 40.0]],
            "ignored": [[0.0, 0.0, 5.0, 5.0]],
            "found": [[2, 0.12346, 1.5, 2.5, 30.0, 1234.6]],
        },
        {"path": "/b.jpg", "width": 3, "height": 4, "truths": [], "ignored": [], "found": []},
    ]
    back = read_found(tmp_path)
    assert back.pictures[0].found.scores.tolist() == [0.12346]
    assert back.pictures[0].truth.classes.tolist() == [1] and back.pictures[0].size_wh == (100, 80)
    assert back.pictures[1].found.xyxy.shape == (0, 4) and back.pictures[1].truth.xyxy.shape == (0, 4)


def test_what_was_found_is_missed_and_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"found\.json: no such file, expected what a finished run found; delete"):
        read_found(tmp_path)
    (tmp_path / "found.json").write_text('{"classes": [], "pictures": [{"path": "a"}]}')
    with pytest.raises(RunError, match=r"found\.json: does not hold what a run found"):
        read_found(tmp_path)
