"""Regions that train and judge nothing: read, written, carried along, moved as boxes are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from datatools import formats
from datatools.cli import datatools
from datatools.exits import run

STILL = "geometry: {}\ncolour: {}\n"
FLIP = "geometry:\n  flip_horizontal: {p: 1.0}\ncolour: {}\n"


def command(*words: object) -> int:
    return run(datatools, [str(w) for w in words])


def balanced(source: Path, out: Path, *words: object, policy: str = STILL) -> dict[str, dict]:
    """Balance to PNG; returns the manifest by picture."""
    path = out.with_suffix(".yaml")
    path.write_text(policy)
    assert command("balance", source, "--out", out, "--format", "png", "--policy", path, "--quiet", *words) == 0
    lines = (out / "manifest.jsonl").read_text().splitlines()
    return {entry["image"]: entry for entry in map(json.loads, lines)}


def regions(folder: Path, name: str) -> list[list[float]]:
    """Corners in pixels, as the file's fractions say."""
    rows = np.loadtxt(folder / "ignore" / f"{name}.txt", ndmin=2)
    picture = next((folder / "images" / name).parent.glob(Path(name).name + ".*"))
    h, w = cv2.imread(str(picture)).shape[:2]
    low, size = rows[:, :2] - rows[:, 2:] / 2, rows[:, 2:]
    return np.round(np.hstack([low, low + size]) * [w, h, w, h], 2).tolist()


def test_an_unwanted_box_keeps_its_pixels_and_is_listed(divided: Path, tmp_path: Path) -> None:
    entries = balanced(divided, tmp_path / "b", "--unwanted", "ignore")
    # b: a box of `many` at 5..25, one of `few` at 50..80 × 20..50; copies show `few` alone
    assert (tmp_path / "b/labels/train/b__b005.txt").read_text().startswith("2 ")
    assert regions(tmp_path / "b", "train/b__b005") == [[5, 5, 25, 25]]
    pixels = cv2.imread(str(tmp_path / "b/images/train/b__b005.png"))[..., ::-1].astype(int)
    assert (pixels[8:22, 8:22, 0] - pixels[8:22, 8:22, 2]).mean() > 100  # still red
    assert entries["images/train/b__b005.png"]["ignored"] == [0]
    assert "erased" not in entries["images/train/b__b005.png"]


def test_an_erased_box_is_listed_too(divided: Path, tmp_path: Path) -> None:
    entries = balanced(divided, tmp_path / "b")
    assert entries["images/train/b__b005.png"]["erased"] == [0]
    assert regions(tmp_path / "b", "train/b__b005") == [[5, 5, 25, 25]]
    assert not (tmp_path / "b/ignore/train/b.txt").exists(), "nothing is unwanted in the photograph"


def test_regions_follow_the_geometry(divided: Path, tmp_path: Path) -> None:
    balanced(divided, tmp_path / "b", "--unwanted", "ignore", policy=FLIP)
    assert regions(tmp_path / "b", "train/b__b005") == [[96 - 25, 5, 96 - 5, 25]]


def test_regions_of_the_source_are_carried_along_and_moved_in_copies(divided: Path, tmp_path: Path) -> None:
    for split, text in (("train", "0.5 0.5 0.25 0.25\n"), ("val", "0.5  0.5 0.250 0.25\n")):
        name = {"train": "b", "val": "v"}[split]
        (divided / "ignore" / split).mkdir(parents=True)
        (divided / "ignore" / split / f"{name}.txt").write_text(text)
    balanced(divided, tmp_path / "b", policy=FLIP)
    assert (tmp_path / "b/ignore/val/v.txt").read_text() == "0.5  0.5 0.250 0.25\n", "byte for byte"
    assert regions(tmp_path / "b", "train/b") == [[36, 24, 60, 40]]
    assert regions(tmp_path / "b", "train/b__b005") == [[36, 24, 60, 40], [71, 5, 91, 25]]
    again = formats.read(tmp_path / "b").dataset
    by_id = {a.id: a for a in again.annotations}
    assert by_id["train/b"].ignored.tolist() == [[36, 24, 60, 40]] and len(by_id["train/d"].ignored) == 0
    assert len(again) == len(list((tmp_path / "b/images").rglob("*.*")))


def test_converting_a_split_keeps_its_regions(divided: Path, tmp_path: Path) -> None:
    (divided / "ignore" / "train").mkdir(parents=True)
    (divided / "ignore" / "train" / "b.txt").write_text("0.5 0.5 0.25 0.25\n")
    assert command("convert", divided, "--out", tmp_path / "c", "--quiet") == 0
    assert (tmp_path / "c/ignore/train/b.txt").read_text() == "0.50000000 0.50000000 0.25000000 0.25000000\n"
    assert [p.name for p in (tmp_path / "c/ignore").rglob("*.txt")] == ["b.txt"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.5 0.5 0.1\n", "b.txt:1: region-malformed: 3 columns, expected 4 (cx cy w h); correct or delete the line"),
        (".5 .5 .1 .1\n.5 .5 nan .1\n", "b.txt:2: region-malformed: 'nan', expected a number"),
        ("5 5 1 1\n", "b.txt:1: region-malformed: 5 5 1 1, expected fractions from 0 to 1"),
        ("\udcff", "b.txt: annotation-unreadable: not a text file"),
    ],
)
def test_a_bad_region_is_one_line(divided: Path, tmp_path: Path, capsys, text: str, said: str) -> None:
    (divided / "ignore" / "train").mkdir(parents=True)
    (divided / "ignore" / "train" / "b.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert command("balance", divided, "--out", tmp_path / "b") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]


def test_a_cropped_copy_shows_the_window_and_lists_only_what_is_seen(tmp_path: Path) -> None:
    from datatools.images import encode

    root = tmp_path / "set"
    for kind in ("images", "labels"):
        (root / kind / "train").mkdir(parents=True)
    pixels = np.full((200, 300, 3), 90, np.uint8)
    pixels[80:160, 20:99] = (200, 60, 60)
    pixels[100:140, 150:190] = (60, 60, 200)
    (root / "images/train/a.jpg").write_bytes(encode(pixels, ".jpg"))
    many, few = "0 0.19833333 0.6 0.26333333 0.4\n", "1 0.56666667 0.6 0.13333333 0.2\n"
    (root / "labels/train/a.txt").write_text(many + few)
    (root / "data.yaml").write_text("train: images/train\nnames: [many, few]\n")
    words = ("--recipes", "whole,crop,erase", "--target", "few=3")
    entry = balanced(root, tmp_path / "b", *words)["images/train/a__b002.png"]
    assert entry["window"] == [100, 0, 300, 200] and "erased" not in entry
    copy = cv2.imread(str(tmp_path / "b/images/train/a__b002.png"))
    assert copy.shape == (200, 200, 3) and copy[120, 70, 0] > 150  # blue, where it now stands
    label = [float(v) for v in (tmp_path / "b/labels/train/a__b002.txt").read_text().split()]
    assert label == pytest.approx([1, 70 / 200, 120 / 200, 40 / 200, 40 / 200], abs=1e-4)
    assert not (tmp_path / "b/ignore").exists()
