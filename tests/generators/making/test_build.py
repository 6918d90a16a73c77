"""Claims about the new split: what is changed, what is not, and the same bytes whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from datatools import formats
from datatools.core import Annotation
from datatools.images import compression, decode
from generators.drawing.dress import Dress, draw
from generators.making.copies import Dresser, Naming
from generators.making.plan import Use
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

OUT = Path("data/synthetic")
GENERATORS = str(Path(sys.executable).parent / "generators")
FILL = "mask_weared_incorrect=7"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_changed_boxes_are_relabelled_and_all_others_stay(split, overlay, boxes) -> None:
    assert overlay("--fill", FILL).code == 0
    made = [entry for entry in lines(OUT / "manifest.jsonl") if entry["recipe"] == "synthetic"]
    assert sum(len(entry["faces"]) for entry in made) == 7
    for entry in made:
        original = entry["image"].replace("__s", "\0").split("\0")[0] + Path(entry["image"]).suffix
        before, after = boxes(OUT, original), boxes(OUT, entry["image"])
        label = (OUT / entry["image"].replace("images", "labels")).with_suffix(".txt").read_text().splitlines()
        was = (OUT / original.replace("images", "labels")).with_suffix(".txt").read_text().splitlines()
        changed = {face["box"]: face["class"] for face in entry["faces"]}
        assert changed and len(before) == len(after)
        for k in range(len(after)):
            if k in changed:
                assert (before[k][0], after[k][0], changed[k]) == (2, 0, "mask_weared_incorrect")
                assert (after[k][1][:2] <= before[k][1][:2] + 0.01).all()
                assert (after[k][1][2:] >= before[k][1][2:] - 0.01).all()
            else:
                assert label[k] == was[k]


def test_validation_and_test_are_byte_for_byte_the_source(split, overlay, files) -> None:
    overlay("--fill", FILL)
    for part in ("images/val", "images/test", "labels/val", "labels/test"):
        assert files(OUT / part) == files(split / part)
    names = {p.name for p in (OUT / "images/train").iterdir()}
    assert {p.name for p in (split / "images/train").iterdir()} < names
    for path in (split / "images/train").iterdir():
        assert (OUT / "images/train" / path.name).read_bytes() == path.read_bytes()


def test_originals_are_hard_links_unless_the_user_says_otherwise(split, overlay) -> None:
    overlay("--fill", FILL)
    overlay("--fill", FILL, "--link", "copy", "--out", "copied")
    assert (OUT / "images/val/v.jpg").samefile(split / "images/val/v.jpg")
    assert not Path("copied/images/val/v.jpg").samefile(split / "images/val/v.jpg")


def test_a_new_picture_has_the_file_type_and_the_compression_of_its_source(split, overlay) -> None:
    overlay("--fill", FILL)
    made = sorted(p for p in (OUT / "images/train").iterdir() if "__s" in p.name)
    assert {p.suffix for p in made} == {".jpg", ".png"}
    for path in made:
        source = split / "images/train" / (path.name.split("__s")[0] + path.suffix)
        assert compression(path) == compression(source)
    overlay("--fill", FILL, "--format", "png", "--out", "png")
    assert {p.suffix for p in Path("png/images/train").iterdir() if "__s" in p.name} == {".png"}


def test_every_face_used_or_not_is_a_line(split, overlay) -> None:
    overlay("--fill", FILL)
    said = lines(OUT / "faces.jsonl")
    used = [line for line in said if "image" in line]
    assert len(used) == 7 and len(said) == 8
    assert said[-1] == {
        "source": "train/h",
        "box": 1,
        "xyxy": [20, 20, 29, 30],
        "reason": "too-small",
        "detail": "9 px, at least 16 wanted",
    }
    assert set(used[0]) == {
        *("image", "source", "box", "landmarks", "spread", "mode", "mask", "seed", "checks", "before", "after")
    }
    assert np.array(used[0]["landmarks"]).shape == (68, 2)


def test_the_manifest_names_the_source_and_the_set_is_of_the_kind_synthetic(split, overlay) -> None:
    overlay("--fill", FILL, "--seed", "5")
    said = {line["image"]: line for line in lines(OUT / "manifest.jsonl")}
    entry = said["images/train/b__s001.png"]
    assert (entry["sources"], entry["split"], entry["copy"], entry["seed"]) == (["train/b"], "train", 1, 5)
    assert {"box", "class", "mode", "mask", "seed"} <= set(entry["faces"][0])
    assert said["images/val/v.jpg"] == {
        "image": "images/val/v.jpg",
        "split": "val",
        "sources": ["val/v"],
        "recipe": "copy",
    }
    assert "kind: synthetic" in (OUT / "data.yaml").read_text()


def test_what_is_counted_on_the_disk_is_the_plan(split, overlay) -> None:
    said = json.loads(overlay("--fill", FILL, "--json").out)
    train = formats.read(OUT, quiet=True).dataset.counts("train").tolist()
    assert list(said["after"].values()) == train
    assert said["before"] == {"mask_weared_incorrect": 1, "with_mask": 2, "without_mask": 4}
    assert (said["faces"], said["usable"], said["uses_of_a_face"], said["written"]) == (7, 3, [2, 3], True)


@pytest.mark.parametrize("options", [("--workers", "2"), ("--out", "data/other")])
def test_workers_and_places_do_not_change_a_byte(split, overlay, files, options) -> None:
    overlay("--fill", FILL, "--workers", "1", "--out", "first")
    assert overlay("--fill", FILL, *options).code == 0
    assert files(Path("first")) == files(Path(options[1]) if options[0] == "--out" else OUT)


def test_another_seed_makes_other_pictures(split, overlay, files) -> None:
    overlay("--fill", FILL, "--out", "zero")
    overlay("--fill", FILL, "--out", "one", "--seed", "1")
    zero, one = files(Path("zero")), files(Path("one"))
    assert zero["images/train/b__s001.png"] != one["images/train/b__s001.png"]


def test_a_killed_run_is_gone_on_with_and_ends_in_the_same_bytes(split, overlay, files) -> None:
    many = ("--fill", "mask_weared_incorrect=30", "--workers", "1")
    overlay(*many, "--out", "whole")
    partial = Path("killed.partial")
    process = subprocess.Popen([GENERATORS, "overlay", str(split), *many, "--out", "killed", "--quiet"])
    while process.poll() is None and not list(partial.glob("images/train/*__s0*")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not Path("killed").exists(), "the run ended before it could be killed"
    left = {p.name for p in (partial / "images/train").iterdir()}
    assert 0 < sum("__s" in name for name in left) < 30
    assert overlay(split, *many, "--out", "killed").code == 0
    assert files(Path("killed")) == files(Path("whole"))
    assert not partial.exists()


def test_what_another_order_left_behind_is_not_mixed_in(split, overlay, files) -> None:
    partial = Path("data/synthetic.partial")
    (partial / "images/train").mkdir(parents=True)
    (partial / ".progress").mkdir()
    (partial / ".unfinished").touch()
    (partial / ".progress/run").write_text("another")
    (partial / "images/train/stale__s001.jpg").write_bytes(b"stale")
    overlay("--fill", FILL)
    assert not (OUT / "images/train/stale__s001.jpg").exists()


def test_names_that_could_be_taken_for_new_ones_get_a_longer_tag(split, overlay) -> None:
    for folder, suffix in (("images", ".jpg"), ("labels", ".txt")):
        (split / folder / "train" / f"a{suffix}").rename(split / folder / "train" / f"a__s001{suffix}")
    overlay("--per-image")
    names = {p.name for p in (OUT / "images/train").iterdir()}
    assert {"a__s001.jpg", "a__s001__ss001.jpg", "b__ss001.png", "h__ss001.jpg"} <= names


def test_a_synthetic_set_is_balanced_and_overlaid_again(split, overlay) -> None:
    from datatools.cli import datatools
    from datatools.exits import run

    overlay("--fill", FILL)
    assert run(datatools, ["check", str(OUT), "--quiet"]) == 0
    assert run(datatools, ["balance", "--quiet"]) == 0
    balanced = formats.read("data/balanced", quiet=True).dataset.counts("train")
    assert len(set(balanced.tolist())) == 1
    assert overlay(OUT, "--per-image", "--out", "twice").code == 0
    twice = lines(Path("twice/manifest.jsonl"))
    made = [line["image"] for line in twice if line["recipe"] == "synthetic"]
    new = [name for name in made if "__ss" in name]
    assert (len(made), len(new)) == (10, 3)
    assert not any("__s0" in name for name in new), "no face is drawn on that was drawn on before"


def use(mode: str, copy: int = 1, others: np.ndarray | None = None) -> Use:
    face = PEOPLE["astronaut"].face
    worn = draw(face, mode, np.random.default_rng(3), (512, 512), others)
    assert isinstance(worn, Dress)
    return Use("p", copy, 0, face, worn)


def test_no_pixel_inside_another_box_is_changed() -> None:
    pixels = load("astronaut")
    face = PEOPLE["astronaut"].face
    other = np.array([226.0, 160, 300, 250])  # over the chin's right half
    a = Annotation("p", "", (512, 512), np.array([face.xyxy, other]), np.array([2, 1]))
    naming = Naming({"incorrect": "wrong", "correct": "right", "none": "bare"}, ("wrong", "right", "bare"))
    canvas, copy = Dresser(pixels, a, naming).dressed((use("nose_out"),))
    assert np.array_equal(canvas[160:250, 226:300], pixels[160:250, 226:300])
    assert not np.array_equal(canvas, pixels)
    assert copy.labels.tolist() == [0, 1] and np.array_equal(copy.xyxy[1], other)


def test_the_box_grows_with_the_mask_and_ends_at_the_border() -> None:
    face = PEOPLE["astronaut"].face
    tight = np.array([185.0, 90, 265, 150])  # ends above the chin
    a = Annotation("p", "", (512, 176), tight[None], np.array([2]))
    naming = Naming({"incorrect": "wrong", "correct": "right", "none": "bare"}, ("wrong", "right", "bare"))
    _, copy = Dresser(load("astronaut")[:176], a, naming).dressed((use("nose_out"),))
    x1, y1, x2, y2 = copy.xyxy[0]
    assert (x1 <= 185, y1, x2 >= 265, y2) == (True, 90, True, 176)
    assert face.points[:, 0].min() - 10 < x1 and x2 < face.points[:, 0].max() + 10


def test_what_leaves_a_face_bare_leaves_its_box_as_it_was() -> None:
    face = PEOPLE["astronaut"].face
    a = Annotation("p", "", (512, 512), face.xyxy[None], np.array([2]))
    naming = Naming({"incorrect": "wrong", "correct": "right", "none": "bare"}, ("wrong", "right", "bare"))
    canvas, copy = Dresser(load("astronaut"), a, naming).dressed((use("scarf"),))
    assert copy == a and not np.array_equal(canvas, load("astronaut"))


def test_a_picture_that_is_cut_off_is_a_counted_line_and_is_left_as_it_is(split, overlay) -> None:
    path = split / "images/train/b.png"
    cut = path.read_bytes()[:200_000]
    path.write_bytes(cut)
    ended = overlay("--fill", FILL)
    assert ended.code == 0 and "unreadable" in ended.out
    assert (OUT / "images/train/b.png").read_bytes() == cut
    assert [line["reason"] for line in lines(OUT / "faces.jsonl") if line["source"] == "train/b"] == ["unreadable"]


def test_grey_pictures_are_drawn_on_too(split, overlay) -> None:
    from PIL import Image

    grey = Image.fromarray(decode(split / "images/train/a.jpg")).convert("L")
    grey.save(split / "images/train/a.jpg", quality=90)
    assert overlay("--fill", FILL).code == 0
    made = decode(OUT / "images/train/a__s001.jpg").astype(int)
    assert np.abs(made - made.mean(axis=2, keepdims=True)).max() < 12
