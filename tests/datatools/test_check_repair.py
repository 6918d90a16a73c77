"""Claims about `check` and `check --fix`: every code has a case, and what was mended is clean."""

from __future__ import annotations

import json

import numpy as np
import pytest

from datatools.check import box_problems, set_problems, tally
from datatools.core import Annotation, Dataset
from datatools.images import Measure
from datatools.problems import CODES, Problem
from datatools.repair import mend, tidy

BOX = [("cat", (4, 6, 24, 18))]


def one(make, root, *boxes: tuple) -> None:
    make.voc(root, good=BOX, bad=[("cat", b) for b in boxes])


def case_annotation_unreadable(make, root):
    make.noise(root / "images/bad.jpg")
    make.put(root / "annotations/bad.xml", "<annotation>")


def case_annotation_missing(make, root):
    make.voc(root, good=BOX)
    make.noise(root / "images/negative.jpg")


def case_number_malformed(make, root):
    one(make, root, ("a", 1, 2, 3))


def yolo(line: str):
    def case(make, root):
        make.noise(root / "a.jpg")
        make.put(root / "a.txt", line)
        make.put(root / "classes.txt", "cat\n")

    return case


def case_box_conflict(make, root):
    make.voc(root, a=[*BOX, ("dog", (4, 6, 24, 18))])


def case_picture_missing(make, root):
    make.voc(root, good=BOX)
    make.put(root / "annotations/lost.xml", make.voc_xml(BOX, name="lost.jpg"))


def case_picture_unreadable(make, root):
    one(make, root, (4, 6, 24, 18))
    (root / "images/bad.jpg").write_bytes(b"text")


def case_picture_truncated(make, root):
    one(make, root, (4, 6, 24, 18))
    data = (root / "images/bad.jpg").read_bytes()
    (root / "images/bad.jpg").write_bytes(data[:-20])


def case_picture_too_large(make, root):
    one(make, root, (4, 6, 24, 18))
    head = b"BM" + bytes(12) + (40).to_bytes(4, "little") + (50_000).to_bytes(4, "little") * 2 + b"\1\0\x18\0"
    (root / "images/bad.jpg").write_bytes(head + bytes(60))


def case_stem_twice(make, root):
    make.voc(root, **{"x/1": BOX, "y/1": BOX, "good": BOX})
    (root / "annotations/x/1.xml").rename(root / "annotations/1.xml")


def case_name_undecodable(make, root):
    import os

    make.voc(root, good=BOX)
    try:
        make.noise(root / "images/x.jpg").rename(root / "images" / (os.fsdecode(b"\xbb\xe7") + ".jpg"))
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")


def case_listed_twice(make, root):
    make.noise(root / "images/a.jpg")
    make.put(root / "labels/a.txt", "0 .5 .5 .5 .5\n")
    make.put(root / "train.txt", "images/a.jpg\nimages/a.jpg\n")
    make.put(root / "data.yaml", "train: train.txt\nnames: [cat]\n")


def case_size_mismatch(make, root):
    make.voc(root, good=BOX, bad=BOX)
    make.put(root / "annotations/bad.xml", make.voc_xml(BOX, size_wh=(400, 300)))


def case_size_missing(make, root):
    make.noise(root / "images/a.jpg")
    make.put(root / "annotations/a.xml", make.voc_xml(BOX, size_wh=None))


def case_exif_rotated(make, root):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 8
    make.noise(root / "images/a.jpg", exif=exif)
    make.put(root / "annotations/a.xml", make.voc_xml(BOX))


def case_near_duplicate(make, root):
    make.voc(root, a=BOX)
    make.noise(root / "images/b.png", seed=list(b"a.jpg"))
    make.put(root / "annotations/b.xml", make.voc_xml(BOX))


def case_near_duplicate_across_splits(make, root):
    for side, suffix in (("train", "jpg"), ("val", "png")):
        make.noise(root / f"images/{side}/{side}.{suffix}", seed=3)
        make.put(root / f"labels/{side}/{side}.txt", "0 .5 .5 .5 .5\n")
    make.put(root / "data.yaml", "train: images/train\nval: images/val\nnames: [cat]\n")


def case_region_malformed(make, root):
    make.noise(root / "images/train/a.jpg")
    make.put(root / "labels/train/a.txt", "0 .5 .5 .5 .5\n")
    make.put(root / "ignore/train/a.txt", ".5 .5 .5\n")
    make.put(root / "data.yaml", "train: images/train\nnames: [cat]\n")


def case_symlink_loop(make, root):
    make.voc(root, a=BOX)
    (root / "images/again").symlink_to("..")


CASES = {
    "annotation-unreadable": case_annotation_unreadable,
    "annotation-missing": case_annotation_missing,
    "number-malformed": case_number_malformed,
    "columns-wrong": yolo("0 .5 .5 .5"),
    "not-normalised": yolo("0 5 5 5 5"),
    "region-malformed": case_region_malformed,
    "class-unknown": yolo("1 .5 .5 .5 .5"),
    "box-inverted": lambda make, root: one(make, root, (24, 6, 4, 18)),
    "box-empty": lambda make, root: one(make, root, (4, 6, 4, 18)),
    "box-outside": lambda make, root: one(make, root, (4, 6, 41, 18)),
    "box-far-outside": lambda make, root: one(make, root, (38, 6, 80, 18)),
    "box-duplicate": lambda make, root: one(make, root, (4, 6, 24, 18), (4, 6, 24, 18)),
    "box-conflict": case_box_conflict,
    "picture-missing": case_picture_missing,
    "picture-unreadable": case_picture_unreadable,
    "picture-truncated": case_picture_truncated,
    "picture-too-large": case_picture_too_large,
    "stem-twice": case_stem_twice,
    "name-undecodable": case_name_undecodable,
    "listed-twice": case_listed_twice,
    "size-mismatch": case_size_mismatch,
    "size-missing": case_size_missing,
    "exif-rotated": case_exif_rotated,
    "near-duplicate": case_near_duplicate,
    "near-duplicate-across-splits": case_near_duplicate_across_splits,
    "symlink-loop": case_symlink_loop,
}


def test_every_code_has_a_case():
    assert set(CASES) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_check_finds_each_kind_of_problem_and_nothing_else(make, cli, tmp_path, code):
    CASES[code](make, tmp_path / "raw")
    ended = cli("check", "--json")
    said = json.loads(ended.out)
    assert set(said["counts"]) == {code} and ended.err == ""
    assert ended.code == (1 if CODES[code].severity == "error" else 0)
    assert all(p["file"].startswith("raw") and p["severity"] == CODES[code].severity for p in said["problems"])
    assert sum(said["counts"].values()) == len(said["problems"])

    text = cli("check").out
    assert f": {code}: " in text and CODES[code].meaning in text


@pytest.mark.parametrize("code", CODES)
def test_what_was_fixed_is_clean_and_the_source_is_untouched(make, cli, tmp_path, code):
    CASES[code](make, tmp_path / "raw")
    before = make.tree(tmp_path / "raw") if code != "symlink-loop" else None
    ended = cli("check", "--fix", "--json")
    assert before is None or make.tree(tmp_path / "raw") == before
    if code in ("annotation-unreadable", "columns-wrong", "not-normalised", "region-malformed", "class-unknown"):
        assert "no picture is left after leaving out what is wrong" in ended.error
        assert not (tmp_path / "raw-fixed").exists()
        return
    assert (ended.code, ended.err) == (0, "")
    fixed = json.loads(ended.out)["fixed"]
    assert bool(fixed["done"]) == (
        CODES[code].severity == "error" or code in ("box-outside", "box-duplicate", "exif-rotated")
    )
    again = cli("check", "raw-fixed", "--json")
    assert again.code == 0
    left = set(json.loads(again.out)["counts"])
    assert left <= {"annotation-missing", "box-conflict", "near-duplicate", "near-duplicate-across-splits"}
    assert json.loads(again.out)["images"] == fixed["images"] and json.loads(again.out)["boxes"] == fixed["boxes"]


def test_fix_mends_what_can_be_put_right_and_says_so(make, cli, tmp_path):
    wrong = [(24, 18, 4, 6), (4, 6, 4, 18), (35, 6, 45, 18), (50, 50, 60, 60), (24, 18, 4, 6)]
    make.voc(tmp_path / "raw", a=[("cat", b) for b in wrong])
    ended = cli("check", "--fix", "--out", "new", "--json")
    said = json.loads(ended.out)
    steps = [line.split(": ", 1)[0] + " " + line.split(": ")[1].rsplit(":", 1)[1] for line in said["fixed"]["done"]]
    assert steps == ["swapped 2", "swapped 6", "dropped 3", "dropped 5", "clipped 4", "dropped 6"]
    from datatools import formats

    (a,) = formats.read(tmp_path / "new", quiet=True).dataset.annotations
    assert a.xyxy.tolist() == [[4, 6, 24, 18], [35, 6, 40, 18]]
    assert "repaired copy: new2 (1 images, 2 boxes)" in cli("check", "--fix", "--out", "new2").out


def test_fix_writes_where_nothing_stands(make, cli, tmp_path, monkeypatch):
    make.voc(tmp_path / "raw", a=[("cat", (24, 6, 4, 18))])
    assert cli("check", "--fix", "--quiet").code == 0
    assert cli("check", "--fix").error == "raw-fixed: is already there; pass --overwrite, or choose another --out"
    assert cli("check", "--fix", "--overwrite", "--quiet").code == 0
    monkeypatch.chdir(tmp_path / "raw")
    assert cli("check", ".", "--fix").error.startswith(f"{tmp_path}/raw-fixed: is already there")


@pytest.mark.parametrize("name", ["voc", "yolo", "ultralytics", "darknet", "coco", "createml"])
def test_a_clean_set_of_any_format_has_no_problem(make, cli, tmp_path, name):
    make.source(name, tmp_path / "raw")
    ended = cli("check")
    assert ended.code == 0
    assert ended.out == f"3 images, 3 boxes ({name}): 0 errors, 0 warnings and notes\n"


def test_problems_are_sorted_by_file_and_line(make, cli, tmp_path):
    make.voc(tmp_path / "raw", b=[("cat", (9, 1, 4, 5)), ("cat", (1, 9, 5, 4))], a=[("cat", (9, 1, 4, 5))])
    said = json.loads(cli("check", "--json").out)["problems"]
    assert [(p["file"], p["line"]) for p in said] == [
        ("raw/annotations/a.xml", 2),
        ("raw/annotations/b.xml", 2),
        ("raw/annotations/b.xml", 3),
    ]


# ---------------------------------------------------------------- the arithmetic alone


def single(*boxes: tuple, labels: tuple | None = None) -> Dataset:
    a = Annotation("a", "a.jpg", (40, 30), list(boxes), labels or (0,) * len(boxes), source="a.xml")
    return Dataset(("cat", "dog"), (a,))


@pytest.mark.parametrize(
    ("box", "code"),
    [
        ((0, 0, 40, 30), None),
        ((0, 0, 40.0009, 30), None),  # what eight decimals of YOLO leave
        ((0, 0, 40.1, 30), "box-outside"),
        ((-20, 0, 20, 30), "box-outside"),  # half of it is inside
        ((-20.1, 0, 20, 30), "box-far-outside"),
        ((0, 31, 40, 35), "box-far-outside"),
        ((5, 5, 5, 9), "box-empty"),
        ((5, 5, 4, 9), "box-inverted"),
        ((5, 9, 8, 5), "box-inverted"),
        ((5, 9, 5, 5), "box-inverted"),
    ],
)
def test_a_box_is_judged_by_its_corners(box, code):
    assert [p.code for p in box_problems(single(box))] == ([code] if code else [])


def test_a_box_of_a_format_without_lines_is_named_by_its_number():
    (problem,) = box_problems(single((0, 0, 9, 9), (5, 5, 4, 9)))
    assert str(problem).startswith("a.xml: box 2: box-inverted: cat 5 5 4 9: xmin > xmax")
    assert (problem.picture, problem.box) == ("a", 1)


def test_the_same_box_twice_is_a_double_with_one_class_and_a_conflict_with_two():
    box = (1, 2, 3, 4)
    (double,) = box_problems(single(box, box))
    assert double.code == "box-duplicate" and "cat stands at a.xml: box 1 too" in double.found
    (conflict,) = box_problems(single(box, box, labels=(0, 1)))
    assert conflict.code == "box-conflict" and conflict.found == "dog, but cat at a.xml: box 1"


def test_tidying_and_mending_leave_their_input_alone_and_mend_once():
    dataset = single((35, 6, 45, 18), (24, 18, 4, 6), (35, 6, 45, 18))
    before = [a.xyxy.copy() for a in dataset.annotations]
    tidied, done = tidy(dataset)
    assert [line.split(":")[0] for line in done] == ["clipped", "clipped", "dropped"]
    assert tidied.annotations[0].xyxy.tolist() == [[35, 6, 40, 18], [24, 18, 4, 6]]
    mended, _ = mend(dataset)
    assert mend(mended) == (mended, []), "a second mending finds nothing"
    assert tidy(dataset, clip=False)[0].annotations[0].xyxy.tolist() == [[35, 6, 45, 18], [24, 18, 4, 6]]
    assert all(np.array_equal(a.xyxy, b) for a, b in zip(dataset.annotations, before, strict=True))


def test_near_duplicates_say_whether_their_boxes_agree():
    hash_ = np.arange(32, dtype=np.uint8)
    a, b, c = (Annotation(n, f"{n}.jpg", (40, 30), [[1, 1, k, 9]], [0]) for n, k in (("a", 9), ("b", 9), ("c", 8)))
    dataset = Dataset(("cat",), (a, b, c), ("train", "train", "val"))
    measures = {n: Measure((40, 30), 1, hash_) for n in "abc"}
    assert [(p.code, p.found) for p in set_problems(dataset, measures)] == [
        ("near-duplicate", "looks like b.jpg; same boxes"),
        ("near-duplicate-across-splits", "looks like c.jpg (train and val); different boxes"),
        ("near-duplicate-across-splits", "looks like c.jpg (train and val); different boxes"),
    ]


def test_a_tally_is_in_the_order_of_the_table():
    problems = [Problem("symlink-loop", "", 0, ""), Problem("box-empty", "", 0, ""), Problem("box-empty", "", 0, "")]
    assert list(tally(problems).items()) == [("box-empty", 2), ("symlink-loop", 1)]
