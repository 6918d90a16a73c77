"""Claims about bad input, names: one line that says where, what and what to do; exit 1; nothing lost."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from datatools import formats

BOX = [("cat", (4, 6, 24, 18))]


def good(make, tmp_path) -> Path:
    return make.voc(tmp_path / "raw", good=BOX)


ODD_NAMES = ("with space", "한글 이름", "😀", "dots...", "a.b.c", "50%", "#1", "it's", "q?&=", "x" * 120, "日本 [1]")


@pytest.mark.parametrize("write", ["yolo", "voc", "coco", "createml"])
def test_odd_names_come_through(make, cli, tmp_path, write):
    make.voc(tmp_path / "raw", **dict.fromkeys(ODD_NAMES, BOX))
    ended = cli("convert", "--to", write, "--split", "none", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    found = formats.read(tmp_path / "data" / write, quiet=True)
    assert not found.problems
    assert make.said_of(found.dataset) == {name: [("cat", (4.0, 6.0, 24.0, 18.0))] for name in ODD_NAMES}


def test_names_that_would_break_a_list_are_changed(make, cli, tmp_path):
    names = ["new\nline", "tab\tbed", "back\\slash", "line\u2028sep", "bell\x07"]
    for name in names:
        make.noise(tmp_path / "raw/images" / f"{name}.jpg")
        make.put(tmp_path / "raw/annotations" / f"{name}.xml", make.voc_xml(BOX, name="x.jpg"))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    found = formats.read(tmp_path / "data/yolo", quiet=True)
    assert not found.problems
    there = {a.id: len(a) for a in found.dataset.annotations}
    assert there == dict.fromkeys(["train/" + re.sub(r"[\n\t\\\u2028\x07]", "_", n) for n in names], 1)


def test_a_name_that_is_not_utf_8_is_a_problem_not_a_crash(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    name = os.fsdecode("사진".encode("euc-kr"))
    try:
        make.noise(tmp_path / "raw/images/x.jpg").rename(tmp_path / "raw/images" / f"{name}.jpg")
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    message = refused()
    expected = r"raw/images/\xbb\xe7\xc1\xf8.jpg: name-undecodable: a file name that is not UTF-8; rename the file"
    assert message.startswith(expected)
    assert skipped()[1] == ["good"]


def test_hangul_in_pieces_meets_hangul_whole(make, cli, tmp_path):
    whole, pieces = "\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"  # 한글 as Linux and as macOS store it
    make.noise(tmp_path / "raw/images" / f"{pieces}.jpg")
    make.put(tmp_path / "raw/annotations" / f"{whole}.xml", make.voc_xml(BOX, name=f"{whole}.jpg"))
    found = formats.read(tmp_path / "raw", quiet=True)
    assert not found.problems and [a.id for a in found.dataset.annotations] == [whole]


@pytest.mark.parametrize(
    "stated", ["../../evil.jpg", "/etc/passwd", "C:\\Users\\kim\\evil.png", "..", "", "\\\\x\\y.jpg"]
)
def test_a_filename_in_an_annotation_never_names_a_file_outside(make, cli, tmp_path, stated):
    make.noise(tmp_path / "evil.jpg")
    make.noise(tmp_path / "raw/images/a.jpg")
    xml = make.voc_xml(BOX, name=stated).replace("<size>", f"<path>{stated}</path><size>")
    make.put(tmp_path / "raw/annotations/a.xml", xml)
    before = set(make.tree(tmp_path))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    written = set(make.tree(tmp_path)) - before
    assert all(name.startswith("data/yolo/") for name in written)
    assert "data/yolo/images/train/a.jpg" in written and not any("evil" in name for name in written)


def test_a_windows_path_finds_its_picture_by_the_last_name(make, cli, tmp_path):
    make.noise(tmp_path / "raw/images/photo.jpg")
    make.put(tmp_path / "raw/annotations/0001.xml", make.voc_xml(BOX, name="C:\\Users\\kim\\photo.jpg"))
    found = formats.read(tmp_path / "raw", quiet=True)
    assert [a.id for a in found.dataset.annotations] == ["photo"] and not found.problems


def test_one_stem_in_two_folders_is_two_pictures(make, cli, tmp_path):
    make.voc(tmp_path / "raw", **{"x/1": BOX, "y/1": [("dog", (0, 0, 40, 30))]})
    make.noise(tmp_path / "raw/images/x__1.jpg", seed=5)
    make.put(tmp_path / "raw/annotations/x__1.xml", make.voc_xml([("bird", (1, 1, 9, 9))]))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    found = formats.read(tmp_path / "data/yolo", quiet=True).dataset
    names = {a.id: [found.classes[k] for k in a.labels] for a in found.annotations}
    assert names == {"train/x__1": ["cat"], "train/x__1__2": ["bird"], "train/y__1": ["dog"]}


def test_names_that_differ_in_case_alone_do_not_meet(make, cli, tmp_path):
    for k, name in enumerate(("a", "A")):
        make.noise(tmp_path / "raw/images" / f"{name}.jpg", seed=k)
        make.put(tmp_path / "raw/annotations" / f"{name}.xml", make.voc_xml(BOX))
    if len(list((tmp_path / "raw/images").iterdir())) < 2:
        pytest.skip("this disk does not tell cases apart")
    assert cli("convert", "--split", "none", "--quiet").code == 0
    assert len({p.name.casefold() for p in (tmp_path / "data/yolo/images/train").iterdir()}) == 2


def test_an_annotation_that_may_mean_two_pictures_is_refused(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    make.noise(tmp_path / "raw/images/x/1.jpg")
    make.noise(tmp_path / "raw/images/y/1.jpg", seed=4)
    make.put(tmp_path / "raw/annotations/1.xml", make.voc_xml(BOX, name="1.jpg"))
    message = refused()
    assert message.startswith(
        "raw/annotations/1.xml: stem-twice: several pictures may be meant: images/x/1.jpg, images/y/1.jpg; rename all"
    )
    left, there = skipped()
    assert there == ["good"], "neither may come in as a negative"
    assert len(left) == 1


def test_a_jpg_and_a_png_of_one_name_are_refused(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    make.noise(tmp_path / "raw/images/1.jpg")
    make.noise(tmp_path / "raw/images/1.png", seed=4)
    make.put(tmp_path / "raw/annotations/1.xml", make.voc_xml(BOX, name="1.jpg"))
    message = refused()
    assert "stem-twice: shares the name '1' with raw/" in message and "rename or delete one" in message
    assert skipped()[1] == ["good"]
