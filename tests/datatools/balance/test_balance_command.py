"""`datatools balance` on disk: equal counts, untouched val and test, same bytes, resumed after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from datatools import formats
from datatools.cli import datatools
from datatools.exits import run
from datatools.outputs import UNFINISHED


def command(*words: object) -> int:
    return run(datatools, [str(w) for w in words])


def digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_training_counts_on_disk_are_equal(divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["before"] == {"many": 6, "some": 2, "few": 1}
    assert said["after"] == {"many": 6, "some": 6, "few": 6} and said["difference"] == 0
    assert said["max_repeat"] == {"many": 1, "some": 3, "few": 6} and said["max_repeat_bound"] == 6
    assert formats.read(tmp_path / "b").dataset.counts("train").tolist() == [6, 6, 6]
    lines = [len(p.read_text().splitlines()) for p in (tmp_path / "b" / "labels" / "train").glob("*.txt")]
    assert sum(lines) == 18


def test_only_the_training_split_changes(divided: Path, tmp_path: Path) -> None:
    before = digest(divided)
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet") == 0
    after = digest(tmp_path / "b")
    assert digest(divided) == before
    for name in before:
        if name.startswith(("images/", "labels/val", "labels/test")):
            assert after[name] == before[name], name
    new = {n for n in after if n.startswith("images/") and n not in before}
    assert new and all(n.startswith("images/train/") for n in new)


def test_every_copy_is_in_the_manifest_with_its_source_and_seed(divided: Path, tmp_path: Path) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet", "--seed", 3) == 0
    entries = [json.loads(line) for line in (tmp_path / "b" / "manifest.jsonl").read_text().splitlines()]
    pictures = {p.relative_to(tmp_path / "b").as_posix() for p in (tmp_path / "b" / "images").rglob("*.jpg")}
    assert {e["image"] for e in entries} == pictures and len(entries) == len(pictures)
    copies = [e for e in entries if e["recipe"] == "augment"]
    assert len(copies) == len(pictures) - 7
    assert all(e["seed"] == 3 and e["split"] == "train" and e["copy"] >= 1 for e in copies)
    assert {e["sources"][0] for e in copies} == {"train/a", "train/b", "train/d"}


def test_an_erased_box_leaves_neither_label_nor_colour(divided: Path, tmp_path: Path) -> None:
    policy = tmp_path / "still.yaml"
    policy.write_text("geometry: {}\ncolour: {}\n")
    assert command("balance", divided, "--out", tmp_path / "b", "--policy", policy, "--format", "png", "--quiet") == 0
    pixels = cv2.imread(str(tmp_path / "b" / "images" / "train" / "b__b005.png"))[..., ::-1].astype(int)
    label = (tmp_path / "b" / "labels" / "train" / "b__b005.txt").read_text().split()
    assert label[0] == "2" and len(label) == 5
    red = (pixels[8:22, 8:22, 0] - pixels[8:22, 8:22, 2]).mean()
    blue = (pixels[25:45, 55:75, 2] - pixels[25:45, 55:75, 0]).mean()
    assert red < 30 < 100 < blue  # the majority box (red) is gone, the minority box (blue) is there


def test_the_number_of_workers_does_not_change_a_byte(divided: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        assert command("balance", divided, "--out", tmp_path / f"w{workers}", "--workers", workers, "--quiet") == 0
    assert digest(tmp_path / "w1") == digest(tmp_path / "w2")


def test_another_seed_makes_other_pictures(divided: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        assert command("balance", divided, "--out", tmp_path / f"s{seed}", "--seed", seed, "--quiet") == 0
    one, two = digest(tmp_path / "s1"), digest(tmp_path / "s2")
    assert one["images/train/b__b001.jpg"] != two["images/train/b__b001.jpg"]
    assert one["images/train/a.jpg"] == two["images/train/a.jpg"]


def test_a_killed_run_is_resumed_and_ends_in_the_same_bytes(divided: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    words = [
        sys.executable,
        "-m",
        "datatools.cli",
        "balance",
        str(divided),
        "--out",
        str(out),
        "--quiet",
        "--workers",
        "1",
    ]
    process = subprocess.Popen(words)
    partial = tmp_path / "killed.partial"
    deadline = time.monotonic() + 60
    while not list((partial / ".progress").glob("*.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists(), "the run ended before it could be killed"
    done = {p: p.stat().st_mtime_ns for p in (partial / "images" / "train").glob("*__b*.jpg")}
    assert done
    assert command("balance", divided, "--out", out, "--quiet") == 0
    finished = {p.name for p in (out / "images" / "train").glob("*__b*.jpg")}
    assert {p.name for p in done} <= finished
    assert command("balance", divided, "--out", tmp_path / "straight", "--quiet") == 0
    assert digest(out) == digest(tmp_path / "straight")
    assert not partial.exists()


def test_what_another_run_left_behind_is_not_mixed_in(divided: Path, tmp_path: Path) -> None:
    stale = tmp_path / "b.partial" / "images" / "train" / "zz__b001.jpg"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"stale")
    (tmp_path / "b.partial" / UNFINISHED).touch()
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet") == 0
    assert not (tmp_path / "b" / "images" / "train" / "zz__b001.jpg").exists()


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "counts will be equal; equality needs a repetition of at least 6×" in said
    assert not (tmp_path / "b").exists() and not (tmp_path / "b.partial").exists()


def test_whole_pictures_only_says_what_it_can_reach(
    divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ("balance", divided, "--out", tmp_path / "b", "--recipes", "whole", "--max-repeat", 2, "--json")
    assert command(*words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["difference"] == max(said["after"].values()) - min(said["after"].values()) > 0
    assert said["difference_proved_minimal"] is True
    assert formats.read(tmp_path / "b").dataset.counts("train").tolist() == list(said["after"].values())


def test_a_preview_is_a_picture_and_nothing_else_is_written(divided: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert command("balance", divided, "--out", tmp_path / "b", "--preview", sheet, "--quiet") == 0
    pixels = cv2.imread(str(sheet))
    assert pixels.shape[1] == 4 * (348 + 4) and np.unique(pixels).size > 50
    assert not (tmp_path / "b").exists()


def test_a_balanced_set_can_be_balanced_again(divided: Path, tmp_path: Path) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet") == 0
    (tmp_path / "b" / "labels" / "train" / "d.txt").write_text("")  # two boxes of `some` fewer than before
    assert command("balance", tmp_path / "b", "--out", tmp_path / "c", "--quiet") == 0
    assert len(set(formats.read(tmp_path / "c").dataset.counts("train").tolist())) == 1
    assert list((tmp_path / "c" / "images" / "train").glob("*__bb*"))


@pytest.mark.parametrize("link", ["hard", "symlink"])
def test_originals_can_be_linked(divided: Path, tmp_path: Path, link: str) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--link", link, "--quiet") == 0
    original = tmp_path / "b" / "images" / "train" / "a.jpg"
    assert original.samefile(divided / "images" / "train" / "a.jpg")
    assert original.is_symlink() == (link == "symlink")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: (d / "labels/train/b.txt").write_text("0 .5 .5 .1 .1\n"), "no box of few in the training split"),
        (
            lambda d: (d / "images/train/a.jpg").write_bytes(b""),
            "images/train/a.jpg: picture-unreadable: the file is empty",
        ),
        (
            lambda d: (d / "labels/train/a.txt").write_text("7 .5 .5 .1 .1\n"),
            "a.txt:1: class-unknown: class 7, but there",
        ),
        (lambda d: (d / "labels/train/a.txt").write_text("0 nan .5 .1 .1\n"), "a.txt:1: number-malformed: 'nan'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture, spoil: object, said: str
) -> None:
    spoil(divided)  # type: ignore[operator]
    assert command("balance", divided, "--out", tmp_path / "b") == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and said in lines[0]
    assert not (tmp_path / "b").exists() and not (tmp_path / "b.partial").exists()


def test_a_truncated_picture_is_named_and_the_earlier_result_stays(
    divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet") == 0
    before = digest(tmp_path / "b")
    picture = divided / "images" / "train" / "a.jpg"
    picture.write_bytes(picture.read_bytes()[:-400])
    assert command("balance", divided, "--out", tmp_path / "b", "--overwrite", "--quiet") == 1
    assert "a.jpg: the picture is broken" in capsys.readouterr().err
    assert digest(tmp_path / "b") == before


def test_an_existing_result_is_not_overwritten(divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet") == 0
    assert command("balance", divided, "--out", tmp_path / "b", "--quiet") == 1
    assert (
        capsys.readouterr().err == f"error: {tmp_path}/b: is already there; pass --overwrite, or choose another --out\n"
    )


def test_a_bare_command_takes_the_newest_converted_split_and_says_so(
    divided: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("balance", "--target", "equal") == 0
    assert "source: data/yolo (the only converted or synthetic split)" in capsys.readouterr().err
    assert command("balance", "--target", "equal", "--overwrite") == 0  # not data/balanced, though that is newer
    assert "source: data/yolo" in capsys.readouterr().err


def test_without_a_split_the_next_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("balance") == 1
    said = "no converted or synthetic split, expected a folder with data.yaml; run `datatools convert` first"
    assert capsys.readouterr().err == f"error: data: {said}\n"


@pytest.mark.realdata
def test_the_real_training_split_becomes_equal(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command("convert", shared_data / "data" / "face-mask-detection", "--out", tmp_path / "yolo", "--quiet") == 0
    assert command("balance", tmp_path / "yolo", "--out", tmp_path / "b", "--dry-run", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["before"] == {"mask_weared_incorrect": 87, "with_mask": 2260, "without_mask": 527}
    assert set(said["after"].values()) == {2260}
    assert said["max_repeat"]["mask_weared_incorrect"] == said["max_repeat_bound"] == 26


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_set_is_balanced_on_disk_and_val_and_test_are_untouched(shared_data: Path, tmp_path: Path) -> None:
    assert command("convert", shared_data / "data" / "face-mask-detection", "--out", tmp_path / "yolo", "--quiet") == 0
    assert command("balance", tmp_path / "yolo", "--out", tmp_path / "b", "--quiet") == 0
    before, after = digest(tmp_path / "yolo"), digest(tmp_path / "b")
    kept = [n for n in before if n.startswith(("images/", "labels/val", "labels/test"))]
    assert len(kept) == 753 + 150 and all(after[n] == before[n] for n in kept)
    assert formats.read(tmp_path / "b").dataset.counts("train").tolist() == [2260, 2260, 2260]
