"""`generators dataset`: portraits alone become a set of three classes, each split from photographs of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from datatools import formats
from datatools.exits import run
from generators.cli import generators
from generators.sample.photographs import load

CLASSES = ("mask_weared_incorrect", "with_mask", "without_mask")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve portraits of two people, each in another light and size, no two near-duplicates; one broken file."""
    folder = tmp_path_factory.mktemp("portraits") / "photos"
    folder.mkdir()
    for number in range(12):
        pixels = load(("astronaut", "grace_hopper")[number % 2])
        size = 0.5 + 0.05 * number
        small = cv2.resize(pixels, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
        lit = np.clip(small * (0.6 + 0.05 * number), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"p{number:02d}.jpg"), lit[:, :, ::-1])
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


def made(photos: Path, out: Path, *more: str) -> int:
    return run(generators, ["dataset", str(photos), "--per-class", "30", "--out", str(out), "--quiet", *more])


@pytest.fixture(scope="module")
def written(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "set"
    assert made(photos, out) == 0
    return out


def fingerprint(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def lines(folder: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_every_class_has_its_boxes_in_every_split(written: Path) -> None:
    found = formats.read(written)
    assert not [p for p in found.problems if p.severity == "error"]
    assert found.dataset.classes == CLASSES
    assert found.dataset.counts().tolist() == [30, 30, 30]
    assert all(len(set(found.dataset.counts(split).tolist())) == 1 for split in found.dataset.split_names())


def test_no_photograph_stands_in_two_splits(written: Path) -> None:
    sides: dict[str, set[str]] = {}
    for line in lines(written, "manifest.jsonl"):
        for source in line["sources"]:
            sides.setdefault(source, set()).add(line["split"])
    assert all(len(splits) == 1 for splits in sides.values())


def test_what_is_drawn_is_marked_as_made(written: Path) -> None:
    recipes = [line["recipe"] for line in lines(written, "manifest.jsonl")]
    assert set(recipes) == {"copy", "synthetic"}
    assert recipes.count("synthetic") == sum("image" in line for line in lines(written, "faces.jsonl"))


def test_bare_faces_are_photographs_and_hard_negatives(written: Path) -> None:
    modes = {line["mode"] for line in lines(written, "faces.jsonl") if "mode" in line}
    assert {"correct", "nose_out"} < modes and modes & {"scarf", "hand", "beard"}
    assert any(line["recipe"] == "copy" for line in lines(written, "manifest.jsonl"))


def test_the_number_of_workers_does_not_change_a_byte(photos: Path, written: Path, tmp_path: Path) -> None:
    assert made(photos, tmp_path / "two", "--workers", "2") == 0
    assert fingerprint(tmp_path / "two") == fingerprint(written)


def test_a_dry_run_writes_nothing_and_promises_what_is_written(
    photos: Path, written: Path, tmp_path: Path, capsys
) -> None:
    command = ["dataset", str(photos), "--per-class", "30", "--out", str(tmp_path / "set"), "--dry-run", "--json"]
    assert run(generators, command) == 0
    said = json.loads(capsys.readouterr().out)
    assert not list(tmp_path.iterdir())
    dataset = formats.read(written).dataset
    assert said["counts"] == {
        split: dict(zip(CLASSES, dataset.counts(split).tolist(), strict=True)) for split in ("train", "val", "test")
    }
    assert (said["unreadable"], said["written"]) == (1, False)


def test_a_target_below_the_number_of_splits_leaves_some_splits_empty(photos: Path, tmp_path: Path) -> None:
    command = ["dataset", str(photos), "--per-class", "1", "--out", str(tmp_path / "set"), "--quiet"]
    assert run(generators, command) == 0
    assert formats.read(tmp_path / "set").dataset.counts().tolist() == [1, 1, 1]


def test_another_name_for_a_class_is_kept(photos: Path, tmp_path: Path) -> None:
    assert made(photos, tmp_path / "set", "--classes", "correct=mask,incorrect=wrong,none=bare") == 0
    assert formats.read(tmp_path / "set").dataset.classes == ("bare", "mask", "wrong")


@pytest.mark.parametrize("way", ["keep", "none"])
def test_a_set_that_is_not_to_be_divided_is_wrong_usage(photos: Path, tmp_path: Path, way: str, capsys) -> None:
    assert made(photos, tmp_path / "set", "--split", way) == 2
    assert f"--split {way}: expected shares, such as 0.8,0.1,0.1" in capsys.readouterr().err


def test_pictures_without_a_face_are_an_error_of_one_line(tmp_path: Path, capsys) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "wall.png"), np.full((90, 120, 3), 200, np.uint8))
    assert made(tmp_path / "photos", tmp_path / "set") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path / 'photos'}: no face in the pictures") and said.count("\n") == 1
    assert not (tmp_path / "set").exists() and not (tmp_path / "set.partial").exists()


def test_an_earlier_set_is_not_replaced_unasked(photos: Path, written: Path, capsys) -> None:
    before = fingerprint(written)
    assert made(photos, written) == 1
    assert capsys.readouterr().err == (
        f"error: {written}: is already there; pass --overwrite, or choose another --out\n"
    )
    assert fingerprint(written) == before
