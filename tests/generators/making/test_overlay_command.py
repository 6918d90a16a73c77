"""`generators overlay` as it is typed: what it takes, says, shows and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from datatools.images import decode

OUT = Path("data/synthetic")
FILL = ("--fill", "mask_weared_incorrect=4")


def train(root: Path, picture: str, text: str) -> None:
    (root / "labels/train" / picture).with_suffix(".txt").write_text(text)


def test_a_bare_command_takes_the_newest_converted_split_and_fills_the_incorrect_class(split, overlay) -> None:
    ended = overlay()
    assert (ended.code, ended.err) == (0, f"source: {split} (the only converted split)\n")
    assert ended.out.startswith("data/yolo -> data/synthetic: 3 faces in 3 new pictures\n")
    assert "each of the 3 usable faces is used once" in ended.out
    assert "every face, used or not, is a line of data/synthetic/faces.jsonl" in ended.out
    assert "not used   boxes  why" in ended.out and "too-small      1  the box's shorter side" in ended.out


def test_faces_are_counted_by_their_size_as_annotated_located_and_usable(split, overlay) -> None:
    train(split, "b.png", "2 0.4395 0.2529 0.1758 0.1934\n1 0.45 0.33 0.3 0.12\n")  # something lies over the chin
    said = json.loads(overlay("--fill", "mask_weared_incorrect=2", "--mode", "nose_out=1", "--json").out)
    rows = {row.pop("size"): list(row.values()) for row in said["acceptance"]}
    assert rows["<10"] == [1, 0, 0] and rows["≥48"] == [3, 3, 2] and rows["all"] == [4, 3, 2]
    assert not any(rows["32–48"]) and said["rejected"] == {"in-the-way": 1, "too-small": 1}


def test_where_the_class_is_full_already_the_way_to_more_is_named(split, overlay) -> None:
    train(split, "m.jpg", "".join(f"0 0.{k} 0.5 0.05 0.05\n" for k in range(1, 6)))
    assert overlay().error == (
        "--fill: mask_weared_incorrect has 6 boxes in train already, without_mask has 4; "
        "say how many are made: --fill mask_weared_incorrect=1000"
    )


def test_a_dry_run_says_the_plan_and_writes_nothing(split, overlay, files) -> None:
    before = files(Path())
    planned = overlay(*FILL, "--dry-run", "--json")
    assert planned.code == 0 and files(Path()) == before
    done = json.loads(overlay(*FILL, "--json").out)
    assert json.loads(planned.out) | {"written": True} == done
    assert "(nothing written)" in overlay(*FILL, "--dry-run").out


def test_quiet_says_nothing(split, overlay) -> None:
    ended = overlay(*FILL, "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "modes", "new"),
    [
        (("--count", 4), {"nose_out": 3, "nose_mouth_out": 1}, 4),
        (("--per-image", "--mode", "chin_out=2"), {"chin_out": 3}, 3),
        (("--fill", "with_mask=3", "--fill", "mask_weared_incorrect=2"), {"correct": 3, "nose_out": 2}, None),
        ((*FILL, "--mode", "nose_out=1,nose_mouth_out=3"), {"nose_out": 1, "nose_mouth_out": 3}, None),
        ((*FILL, "--also", "correct"), {"correct": 4, "nose_out": 3, "nose_mouth_out": 1}, None),
        (("--per-image", "--also", "correct", "--mode", "nose_out=1"), {"correct": 1, "nose_out": 2}, 3),
    ],
)
def test_what_is_ordered_is_made(split, overlay, options, modes, new) -> None:
    said = json.loads(overlay(*options, "--json").out)
    assert said["modes"] == modes and said["short"] == 0 == said["exchanged"]
    assert new in (None, said["pictures"])


def test_hard_negatives_stay_bare_faces(split, overlay) -> None:
    said = json.loads(overlay("--fill", "without_mask=6", "--json").out)
    assert sum(said["modes"].values()) == 6 and set(said["modes"]) <= {"scarf", "hand", "beard"}
    assert said["after"]["without_mask"] >= 4 + 6
    assert (said["after"]["mask_weared_incorrect"] - 1) == said["after"]["with_mask"] - 2, "of the copies of picture a"


def test_other_class_names_are_named_and_a_new_one_is_added(split, overlay) -> None:
    text = (split / "data.yaml").read_text().replace("mask_weared_incorrect, with_mask, without_mask", "x, good, bare")
    (split / "data.yaml").write_text(text)
    assert overlay("--count", 1).error == (
        "--classes none: there is no class 'without_mask', expected one of x, good, bare; "
        "name another with --classes none"
    )
    assert overlay("--count", 1, "--classes", "none=bare").error == (
        "--classes incorrect: there is no class 'mask_weared_incorrect', expected one of x, good, bare; "
        "name one, or a new one: --classes incorrect=mask_weared_incorrect"
    )
    said = json.loads(overlay("--count", 3, "--classes", "none=bare,incorrect=bad", "--json").out)
    assert said["after"] == {"x": 2, "good": 3, "bare": 5, "bad": 3}
    assert (OUT / "classes.txt").read_text() == "x\ngood\nbare\nbad\n"


def test_faces_of_another_class_can_be_changed(split, overlay) -> None:
    train(split, "b.png", "1 0.44 0.25 0.176 0.19\n")
    said = json.loads(overlay("--per-image", "--from-class", "with_mask", "--json").out)
    assert (said["from_class"], said["faces"]) == ("with_mask", 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fill", "dog=3"), "--fill: no role is known for the class 'dog', expected one of with_mask, "),
        (("--from-class", "dog"), "--from-class: there is no class 'dog', expected one of mask_weared_incorrect, "),
        (
            ("--min-face", 500),
            "no usable face among the boxes of without_mask in train (too-small 4); lower --min-face",
        ),
        (("--predictor", "no.dat"), "no.dat: no such file, expected a shape predictor of dlib; correct --predictor"),
        (("--predictor", "data/yolo/data.yaml"), "data.yaml: is no shape predictor, or a damaged one ("),
        (("--out", "data/yolo/new"), "data/yolo/new: lies inside its source data/yolo"),
        (("--out", "data"), "data: lies inside its source data/yolo, or around it"),
        (("--masks", "nowhere"), "nowhere: no such folder, expected PNG files with transparency; correct --masks"),
        (("--preview", "sheet.gif"), "sheet.gif: a picture of type .gif, expected .png"),
        (("--report", "data/yolo/data.yaml"), "data/yolo/data.yaml: is a file, expected a folder"),
        (("--out", "data/yolo/data.yaml/x"), "data/yolo/data.yaml/x"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(split, overlay, files, options, message) -> None:
    before = files(Path())
    assert message in overlay(*FILL[: 2 * ("--fill" not in options)], *options).error
    assert files(Path()) == before and not Path("data/synthetic.partial").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mode", "chin=1"), "'chin': expected some of nose_out, nose_mouth_out, chin_out, ear_hang"),
        (("--mode", "correct=1"), "'correct': expected some of nose_out,"),
        (("--mode", "nose_out=-1"), "nose_out=-1: expected a share, such as 0.5"),
        (("--mode", "nose_out=nan"), "nose_out=nan: expected a share, such as 0.5"),
        (("--mode", "nose_out=0"), "no share is above 0"),
        (("--mode", "nose_out"), "'nose_out': expected MODE=SHARE,..., each name once"),
        (("--fill", "with_mask=0"), "with_mask=0: expected how many faces are made, such as with_mask=1000"),
        (("--fill", "with_mask=1", "--fill", "with_mask=2"), "--fill names a class twice"),
        (("--fill", "with_mask=1", "--count", 2), "--count and --fill exclude each other: expected one of them"),
        (("--per-image", "--count", 2), "--count and --per-image exclude each other"),
        (("--classes", "wrong=a"), "'wrong': expected some of correct, incorrect, none"),
        (("--classes", "none=with_mask"), "the class 'with_mask' has two roles"),
        (("--also", "incorrect"), "'incorrect': expected some of correct,none"),
        (("--count", 0), "0 is not in the range x>=1"),
    ],
)
def test_wrong_usage_is_said(split, overlay, options, message) -> None:
    ended = overlay(*options)
    assert ended.code == 2 and message in ended.err


def test_without_a_split_the_next_step_is_named(split, overlay) -> None:
    shutil.rmtree("data")
    assert overlay().error == (
        "data: no converted split, expected a folder with data.yaml; run `datatools convert` first"
    )


def test_a_set_that_is_not_divided_is_refused(split, overlay) -> None:
    (split / "data.yaml").unlink()
    (split / "classes.txt").write_text("mask_weared_incorrect\nwith_mask\nwithout_mask\n")
    assert overlay(split, *FILL).error == (
        "data/yolo: no training split, expected train, val and test; run `datatools convert` on it first"
    )


def test_no_box_of_the_class_is_said(split, overlay) -> None:
    for picture in ("a.jpg", "b.png", "h.jpg"):
        train(split, picture, "1 0.5 0.5 0.1 0.1\n")
    assert overlay(*FILL).error == "--from-class: no box of without_mask in train; name another class, or add pictures"
    assert overlay().error == "--from-class: no box of without_mask in train; name another class"


def test_a_picture_that_is_gone_is_named_and_the_result_is_not_begun(split, overlay) -> None:
    (split / "images/train/a.jpg").unlink()
    assert "labels/train/a.txt" in overlay(*FILL).error
    assert not OUT.exists()


def test_an_earlier_result_stays_unless_the_user_says_otherwise(split, overlay, files) -> None:
    overlay(*FILL)
    before = files(OUT)
    assert overlay(*FILL, "--seed", 1).error == (
        "data/synthetic: is already there; pass --overwrite, or choose another --out"
    )
    assert files(OUT) == before
    assert overlay(*FILL, "--seed", 1, "--overwrite").code == 0
    assert files(OUT) != before


def test_a_preview_is_a_picture_and_nothing_else_is_written(split, overlay) -> None:
    ended = overlay(*FILL, "--preview", "sheet.png")
    assert ended.out == "sheet.png: some of the 4 faces that would be made\n"
    assert decode("sheet.png").shape == (24 + 232, 6 * 236, 3)
    assert not OUT.exists() and sorted(p.name for p in Path().iterdir()) == ["data", "sheet.png"]


@pytest.mark.slow
@pytest.mark.realdata
def test_a_part_of_the_real_set_is_filled_exactly(shared_data, tmp_path, monkeypatch, overlay) -> None:
    from datatools.cli import datatools
    from datatools.exits import run

    monkeypatch.chdir(tmp_path)
    source = shared_data / "data/face-mask-detection"
    chosen = sorted(p.stem for p in (source / "images").iterdir())[::4]
    for folder, suffix in (("images", ".jpg"), ("annotations", ".xml")):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        for stem in chosen:
            shutil.copyfile(source / folder / f"{stem}{suffix}", tmp_path / "raw" / folder / f"{stem}{suffix}")
    assert run(datatools, ["convert", "--quiet"]) == 0
    said = json.loads(overlay("--fill", "mask_weared_incorrect=250", "--json").out)
    assert said["faces"] == 250 and said["short"] == 0
    large = [row for row in said["acceptance"][:-1] if row["size"] not in ("<10", "10–12", "12–16")]
    assert sum(r["located"] for r in large) >= 0.6 * sum(r["annotated"] for r in large)
    assert run(datatools, ["check", "data/synthetic", "--quiet"]) == 0
