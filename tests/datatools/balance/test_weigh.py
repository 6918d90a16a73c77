"""Claims about `balance --as weights`: the same pictures, and what drawing by their weights comes to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from datatools.errors import LayoutError
from datatools.weights import read_weights


@pytest.fixture
def fair(make, divided: Path) -> Path:
    """The divided set and a picture with a rare box alone, so that whole pictures can reach equality."""
    make.noise(divided / "images/train/e.jpg", (96, 64))
    make.put(divided / "labels/train/e.txt", "2 0.5 0.5 0.4 0.4\n")
    return divided


def weights_in(folder: Path) -> dict[str, float]:
    lines = (folder / "weights.txt").read_text().splitlines()
    return {picture: float(number) for number, picture in (line.split(" ", 1) for line in lines)}


def expected(folder: Path) -> Counter:
    """Boxes by class that the weights come to, counted without the program."""
    weights, counts = weights_in(folder), Counter()
    for line in (folder / "train.txt").read_text().split():
        picture = line.removeprefix("./")
        label = folder / picture.replace("images", "labels").replace(".jpg", ".txt")
        for words in label.read_text().splitlines():
            counts[int(words.split()[0])] += weights.get(picture, 1)
    return counts


def test_weights_come_to_the_counts_of_the_plan_of_whole_pictures(cli, fair, tmp_path):
    ended = cli("balance", fair, "--as", "weights", "--out", "w", "--json")
    said = json.loads(ended.out)
    assert ended.code == 0 and said["recipes"] == ["whole", "synthetic"]
    found = expected(tmp_path / "w")
    assert found[0] == found[1] == found[2] >= 6
    assert list(said["after"].values()) == list(said["expected"].values()) == [found[k] for k in range(3)]
    weights = weights_in(tmp_path / "w")
    assert (said["new_images"], said["pictures"]) == (0, 6)
    assert said["draws"] == sum(weights.values()) + 6 - len(weights)
    assert all(value > 1 for value in weights.values())  # who is not listed weighs 1


def test_no_picture_is_made_and_every_one_stays_as_it_is(cli, make, fair, tmp_path):
    assert cli("balance", fair, "--as", "weights", "--out", "w", "--quiet").code == 0
    before = {name: data for name, data in make.tree(fair).items() if name.startswith(("images", "labels/val"))}
    after = make.tree(tmp_path / "w")
    assert {name for name in after if name.startswith("images")} == {n for n in before if n.startswith("images")}
    assert before.items() <= after.items()


def test_data_yaml_names_the_weights_and_every_command_still_reads_the_split(cli, fair, tmp_path):
    assert cli("balance", fair, "--as", "weights", "--out", "w", "--link", "hard", "--quiet").code == 0
    said = yaml.safe_load((tmp_path / "w/data.yaml").read_text())
    assert said["weights"] == "weights.txt" and said["kind"] == "balanced"
    assert (tmp_path / "w/images/train/a.jpg").samefile(fair / "images/train/a.jpg")
    stated = json.loads(cli("stats", "w", "--json").out)
    assert stated["total"]["images"] == 8 and set(stated["expected"].values()) == {expected(tmp_path / "w")[0]}
    drawn = f"drawn by weights.txt, {stated['draws']:g} draws from train:"
    assert drawn in cli("stats", "w").out and "weights.txt" not in cli("stats", fair).out
    checked = cli("check", "w")
    assert checked.code == 0 and "weights" not in checked.out
    assert cli("convert", "w", "--split", "keep", "--to", "coco", "--out", "c", "--quiet").code == 0
    assert cli("balance", "w", "--as", "weights", "--out", "again", "--quiet").code == 0
    assert (tmp_path / "again/weights.txt").read_bytes() == (tmp_path / "w/weights.txt").read_bytes()


def test_a_synthetic_picture_that_is_not_needed_is_left_out(cli, make, fair, tmp_path):
    box = "0.5 0.5 0.2 0.2\n"
    synthetic = [("s1", f"2 {box}"), ("s2", f"0 {box}"), ("s3", f"1 {box}")]
    lines = [{"image": f"images/train/{n}.jpg", "split": "train", "sources": ["a"], "recipe": "copy"} for n in "abcde"]
    for name, text in synthetic:
        make.noise(fair / f"images/train/{name}.jpg", (96, 64))
        make.put(fair / f"labels/train/{name}.txt", text)
        lines.append({"image": f"images/train/{name}.jpg", "split": "train", "sources": ["a"], "recipe": "synthetic"})
    make.put(fair / "manifest.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    ended = cli("balance", fair, "--as", "weights", "--out", "w", "--json")
    said = json.loads(ended.out)
    assert ended.code == 0 and said["synthetic_left_out"] == 1
    assert not (tmp_path / "w/images/train/s2.jpg").exists() and (tmp_path / "w/images/train/s1.jpg").exists()
    found = expected(tmp_path / "w")
    assert [found[k] for k in range(3)] == list(said["expected"].values()) and said["missed"] == 0


def test_weights_of_parts_of_pictures_are_refused(cli, fair, tmp_path):
    ended = cli("balance", fair, "--as", "weights", "--recipes", "whole,erase", "--out", "w")
    assert ended.code == 2 and "--as weights shows whole pictures: leave erase out of --recipes" in ended.err
    assert cli("balance", fair, "--dry-run", "--save-plan", "plan.json", "--quiet").code == 0
    for extra in ((), ("--dry-run",)):
        said = cli("balance", fair, "--as", "weights", "--plan", "plan.json", "--out", "w", "--quiet", *extra).error
        remedy = "plan with --recipes whole,synthetic"
        assert (
            said == f"--as weights: train/a is to appear without some of its boxes, expected whole pictures; {remedy}"
        )
    assert not (tmp_path / "w").exists()


def test_weights_have_no_preview(cli, fair):
    ended = cli("balance", fair, "--as", "weights", "--preview", "x.png")
    assert ended.code == 2 and "--as weights makes no copies: leave --preview out" in ended.err


def test_a_dry_run_of_weights_promises_no_pictures(cli, fair, tmp_path):
    ended = cli("balance", fair, "--as", "weights", "--dry-run", "--json", "--out", "w")
    assert json.loads(ended.out)["new_images"] == 0 and not (tmp_path / "w").exists()


def test_weights_that_are_missing_are_named(cli, fair, tmp_path):
    assert cli("balance", fair, "--as", "weights", "--out", "w", "--quiet").code == 0
    (tmp_path / "w/weights.txt").unlink()
    said = "w/weights.txt: cannot be read as text, expected the weights that data.yaml names; restore it"
    assert cli("stats", "w", "--quiet").error == said


@pytest.mark.parametrize("line", ["4", "x images/a.jpg", "-1 images/a.jpg", "nan images/a.jpg", "inf a.jpg"])
def test_a_line_that_is_no_weight_is_named(make, tmp_path, line):
    path = make.put(tmp_path / "weights.txt", f"2.5 images/train/a b.jpg\n{line}\n")
    with pytest.raises(LayoutError, match=r"weights.txt:2: '.*', expected a number from 0 and a picture"):
        read_weights(path)
    assert read_weights(make.put(path, "2.5 images/train/a b.jpg\n")) == {"images/train/a b.jpg": 2.5}
