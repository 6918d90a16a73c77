"""Claims about bad input, the set as a whole, its folder, the disk: one line, exit 1, nothing lost."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from datatools import convert

BOX = [("cat", (4, 6, 24, 18))]


def good(make, tmp_path) -> Path:
    return make.voc(tmp_path / "raw", good=BOX)


@pytest.mark.parametrize("name", ["voc", "yolo", "ultralytics", "darknet", "coco", "createml"])
def test_a_format_that_is_not_there_is_refused(make, refused, tmp_path, name):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/classes.txt", "cat\n")
    message = refused("--from", name)
    assert message.startswith("raw: no ") and "choose another --from" in message


def test_pictures_alone_are_of_no_known_format(make, refused, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    assert refused() == (
        "raw: pictures but no annotations of a known format, expected VOC XML, COCO or CreateML JSON, or YOLO txt with "
        "data.yaml, obj.data or classes.txt; name the folder that holds both"
    )


@pytest.mark.parametrize(
    ("name", "remedy"), [("raw", "name its folder"), ("raw.zip", "unpack it"), ("raw.jpg", "name its folder")]
)
def test_a_file_that_is_no_annotation_is_refused_unread(make, cli, tmp_path, name, remedy):
    make.put(tmp_path / name, "something")
    assert cli("convert", name, "--out", "out").error == (
        f"{name}: no annotation file, expected a folder, or a file of .xml .json .yaml .yml .data .txt; {remedy}"
    )


def test_an_empty_folder_and_a_missing_one_are_refused(refused, cli, tmp_path):
    assert cli("convert").error.startswith("raw: no such folder, expected pictures and their annotations; name another")
    (tmp_path / "raw").mkdir()
    assert refused() == "raw: the folder is empty, expected pictures and their annotations; see raw/README.md"


def test_a_folder_of_two_formats_asks_which(make, refused, cli, tmp_path):
    make.voc(tmp_path / "raw", a=BOX)
    make.put(tmp_path / "raw/labels/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/labels/classes.txt", "cat\n")
    assert refused() == "raw: holds voc and yolo, expected one format; choose with --from voc"
    assert cli("convert", "--from", "voc", "--quiet").code == 0


def test_nothing_left_after_skipping_is_refused(make, refused, tmp_path):
    make.voc(tmp_path / "raw", a=[("cat", (24, 6, 4, 18))])
    message = refused("--on-error", "skip")
    assert message.startswith("no picture is left after leaving out what is wrong (the first: raw/annotations/a.xml:2:")


def test_skipping_counts_and_lists_what_it_leaves_out(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=BOX, b=BOX, c=[("cat", (24, 6, 4, 18))], d=[("cat", ("x", 6, 4, 18))])
    ended = cli("convert", "--on-error", "skip", "--split", "none")
    assert ended.code == 0
    assert "1 box-inverted: a box's corners are swapped" in ended.out
    assert "1 number-malformed: a coordinate is missing, not a number, or not finite" in ended.out
    assert "left out: raw/annotations/c.xml:2: box-inverted" in ended.out
    assert "left out: raw/annotations/d.xml:2: number-malformed" in ended.out
    assert sorted(p.name for p in (tmp_path / "data/yolo/images/train").iterdir()) == ["a.jpg", "b.jpg"]


def test_the_first_error_counts_the_others(make, refused, tmp_path):
    make.voc(tmp_path / "raw", **{name: [("cat", (24, 6, 4, 18))] for name in "abc"})
    message = refused()
    assert message.startswith("raw/annotations/a.xml:2: box-inverted") and "(and 2 more errors)" in message
    assert "`datatools check` lists all" in message


def test_a_file_in_the_way_is_one_line(make, cli, tmp_path):
    good(make, tmp_path)
    make.put(tmp_path / "data", "a file")
    assert "data" in cli("convert").error
    assert (tmp_path / "data").read_text() == "a file"
    assert "Not a directory; correct the path, or change its permissions" in cli("convert", "--out", "data/yolo").error


def test_a_folder_that_may_not_be_written_is_one_line(make, cli, tmp_path, monkeypatch):
    good(make, tmp_path)

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "data/yolo.partial")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    assert cli("convert").error == ("data/yolo.partial: Permission denied; correct the path, or change its permissions")


@pytest.mark.parametrize("part", ["put", "place"])
def test_a_full_disk_loses_nothing(make, cli, tmp_path, monkeypatch, part):
    make.voc(tmp_path / "raw", a=BOX, b=BOX, c=BOX)
    assert cli("convert", "--quiet").code == 0
    before = make.tree(tmp_path / "data")
    make.voc(tmp_path / "raw", d=BOX)
    real, calls = getattr(convert, part), []

    def full(*args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args, **kwargs)

    monkeypatch.setattr(convert, part, full)
    message = cli("convert", "--overwrite", "--workers", "1").error
    assert message == "output: No space left on device; free some space, or choose another disk"
    assert make.tree(tmp_path / "data") == before
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["yolo"], "nothing half-written stays"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert cli("convert", "--overwrite", "--quiet").code == 0
    assert "images/train/d.jpg" in "".join(make.tree(tmp_path / "data/yolo")).replace("val", "train").replace(
        "test", "train"
    )


def test_stdin_of_wrong_use_is_exit_code_2(cli):
    for args in (
        ["convert", "--split", "0.5,0.6"],
        ["convert", "--split", "nan"],
        ["convert", "--split", "a,b"],
        ["convert", "--to", "darknet"],
        ["convert", "--classes", "a,,b"],
        ["convert", "--map", "a"],
        ["convert", "--seed", "-1"],
        ["nonsense"],
        ["stats", "--nonsense"],
    ):
        ended = cli(*args)
        assert ended.code == 2 and "Error: " in ended.err and "Traceback" not in ended.err
