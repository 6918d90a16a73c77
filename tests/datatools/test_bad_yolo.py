"""Claims about bad input, YOLO label files: one line that says where, what and what to do; exit 1; nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datatools import formats


@pytest.fixture
def yolo_raw(make, tmp_path):
    def call(text: str, classes: str | bytes | None = "cat\ndog\n") -> Path:
        make.noise(tmp_path / "raw/good.jpg")
        make.put(tmp_path / "raw/good.txt", "0 0.5 0.5 0.5 0.5\n")
        make.noise(tmp_path / "raw/bad.jpg")
        make.put(tmp_path / "raw/bad.txt", text)
        if classes is not None:
            make.put(tmp_path / "raw/classes.txt", classes)
        return tmp_path / "raw"

    return call


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0.5 0.5 0.5", "columns-wrong: 4 columns, expected 5 (class cx cy w h); complete or delete the line"),
        ("0 .5 .5 .5 .5 .9", "columns-wrong: 6 columns, expected 5 (class cx cy w h); polygons and scores are not"),
        ("0 .1 .1 .2 .2 .3 .3 .1 .3", "columns-wrong: 9 columns"),
        ("0 0.5 0.5 1.5 0.5", "not-normalised: 0.5 0.5 1.5 0.5, expected fractions from 0 to 1; divide by the pict"),
        ("0 20 15 10 10", "not-normalised: 20 15 10 10, expected fractions from 0 to 1; divide by the picture's size"),
        ("0 -0.1 0.5 0.5 0.5", "not-normalised: -0.1 0.5 0.5 0.5"),
        ("0 nan 0.5 0.5 0.5", "number-malformed: 'nan', expected a number; correct the line"),
        ("0 0,5 0.5 0.5 0.5", "number-malformed: '0,5' (a comma is no decimal point), expected a number"),
        ("2 0.5 0.5 0.5 0.5", "class-unknown: class 2, but there are 2 classes (0..1); check classes.txt or --classes"),
        ("-1 0.5 0.5 0.5 0.5", "class-unknown: class -1, but there are 2 classes (0..1)"),
        ("0.5 0.5 0.5 0.5 0.5", "class-unknown: class 0.5, but there are 2 classes (0..1)"),
        ("cat 0.5 0.5 0.5 0.5", "number-malformed: 'cat', expected a number"),
        ("0 0.5 0.5 0 0.5", "box-empty: cat 20 7.5 20 22.5 has no area; delete it"),
    ],
)
def test_a_bad_yolo_line_is_refused_with_its_number(yolo_raw, refused, skipped, line, expected):
    yolo_raw(f"0 0.5 0.5 0.25 0.25\n\n{line}\n")
    message = refused()
    assert message.startswith(f"raw/bad.txt:3: {expected}"), message
    left, there = skipped()
    assert len(left) == 1 and there == (["bad", "good"] if "box-empty" in expected else ["good"])


def test_a_label_file_that_is_no_text_is_refused(yolo_raw, refused, make, tmp_path):
    yolo_raw("")
    make.put(tmp_path / "raw/bad.txt", "0 .5 .5 .5 .5".encode("utf-16"))
    assert refused().startswith("raw/bad.txt: annotation-unreadable: not a text file; mend or delete the file")


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (None, "raw: YOLO labels but no classes.txt, expected one class name a line; add it, or pass --classes A,B,C"),
        ("", "raw/classes.txt: no class names, expected one a line; write them into it, or delete it and pass"),
        ("cat\n\ndog\n", "raw/classes.txt:2: a blank line, expected a class name; delete the line (ids count lines)"),
        ("cat\ncat\n", "raw/classes.txt:2: class 'cat' a second time, expected each name once; rename one"),
        ("고양이\n".encode("euc-kr"), "raw/classes.txt: neither UTF-8 nor this machine's encoding; save it as UTF-8"),
    ],
)
def test_a_bad_classes_txt_is_refused(yolo_raw, refused, classes, expected):
    yolo_raw("0 0.5 0.5 0.5 0.5\n", classes)
    assert refused().startswith(expected)


@pytest.mark.parametrize("classes", ["cat\ndog\n\n\n", "cat\r\ndog\r\n", "\ufeffcat\ndog", " cat \ndog"])
def test_blank_lines_at_the_end_and_other_line_ends_are_fine(yolo_raw, classes):
    assert formats.read(yolo_raw("1 0.5 0.5 0.5 0.5\n", classes), quiet=True).dataset.classes == ("cat", "dog")


def test_two_classes_txt_that_disagree_are_refused(yolo_raw, refused, make, tmp_path):
    yolo_raw("")
    make.put(tmp_path / "raw/sub/classes.txt", "dog\ncat\n")
    assert "classes.txt disagree, expected one list of classes; delete the wrong one" in refused()


def test_classes_may_be_said_where_there_is_no_list(yolo_raw, cli):
    yolo_raw("1 0.5 0.5 0.5 0.5\n", None)
    ended = cli("convert", "--classes", "cat,dog", "--split", "none", "--json")
    assert json.loads(ended.out)["total"]["boxes"] == {"cat": 1, "dog": 1}
