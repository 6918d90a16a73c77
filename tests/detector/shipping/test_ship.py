"""A run's weights as a small file with a card: what is written, what the card says, and what is refused."""

import json
import os
from dataclasses import asdict

import pytest
import torch
import yaml

from detector import shipped
from detector.data.split import read_split
from detector.errors import DataError, RunError
from detector.network.checkpoint import load
from detector.shipping import judging
from detector.shipping.judging import digest_of
from detector.shipping.origin import command_of
from detector.shipping.ship import ship
from detector.training.options import Options


@pytest.fixture
def run(shapes_split, small_pt, monkeypatch):
    """A run's folder with a network for the split data/shapes, four of whose pictures are val."""
    monkeypatch.setattr(judging, "DRAWS", 5)
    data = shapes_split(train=1, val=4)
    folder = small_pt.parent
    small_pt.rename(folder / "best.pt")
    os.utime(folder / "best.pt", (0, 0))
    options = Options(data=str(data), model="yolov3-tiny", epochs=2, img_size=96, weights="/far/away/coco.weights")
    (folder / "args.yaml").write_text(yaml.safe_dump(asdict(options)))
    (folder / "results.csv").write_text("epoch,map50\n0,\n1,0.5\n2,0.25\n")
    return folder


def write(run, out, **given):
    return ship(run, **{"data": None, "out": out, "about": None, "overwrite": False, "quiet": True} | given)


def test_the_card_says_what_was_measured_and_where_it_comes_from(run, tmp_path):
    (tmp_path / "about.md").write_text("## Limits\n\nIt knows shapes alone.\n")
    done = write(run, tmp_path / "out", about=tmp_path / "about.md")
    card, text = shipped.read_card(tmp_path / "out"), (tmp_path / "out" / "README.md").read_text()
    assert done.card == card and {path.name for path in (tmp_path / "out").iterdir()} == {
        "small-96.pt", "README.md", "card.json"
    }  # fmt: skip
    assert shipped.shipped_model(tmp_path / "out") == tmp_path / "out" / "small-96.pt"
    assert (card["classes"], card["img_size"], list(card["judged"])) == (["circle", "square"], 96, ["val"])
    trained = card["trained"]
    assert (trained["date"], trained["epochs"], trained["best_epoch"]) == ("1970-01-01", 2, 1)
    assert trained["command"] == (
        "detector train --data shapes --img-size 96 --model yolov3-tiny --weights coco.weights --epochs 2"
    )
    assert set(card["confidence"]) == {"circle", "square"} and card["judged"]["val"]["pictures"] == 4
    assert sum(one["truths"] for one in card["judged"]["val"]["classes"].values()) == 8
    assert card["sha256"] in text and "It knows shapes alone." in text and "| circle |" in text
    assert abs(card["stored"]["map50_before"] - card["stored"]["map50_after"]) < 0.02


def test_the_same_run_gives_the_same_bytes_and_nothing_is_overwritten_unasked(run, tmp_path):
    write(run, tmp_path / "a")
    write(run / "best.pt", tmp_path / "b")
    both = [{p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "ab"]
    assert both[0] == both[1]
    with pytest.raises(
        RunError, match=r"a/card\.json: is there already, expected a new folder; give --overwrite or --out"
    ):
        write(run, tmp_path / "a")


def test_replacing_a_model_of_another_name_leaves_no_old_file(run, tmp_path):
    write(run, tmp_path / "a")
    card = shipped.read_card(tmp_path / "a")
    (tmp_path / "a" / "small-96.pt").rename(tmp_path / "a" / "old.pt")
    (tmp_path / "a" / "card.json").write_text(json.dumps(card | {"file": "old.pt"}))
    (tmp_path / "a" / "about.md").write_text("Words that stay.")
    write(run, tmp_path / "a", overwrite=True)
    assert {p.name for p in (tmp_path / "a").iterdir()} == {"small-96.pt", "README.md", "card.json", "about.md"}
    assert "Words that stay." in (tmp_path / "a" / "README.md").read_text()


def test_kernels_are_stored_as_halves_and_read_as_floats(run, tmp_path):
    write(run, tmp_path / "a")
    stored = torch.load(tmp_path / "a" / "small-96.pt", weights_only=True)["weights"]
    before, after = load(run / "best.pt").weights, load(tmp_path / "a" / "small-96.pt").weights
    for name, value in before.items():
        half = value.ndim == 4
        assert stored[name].dtype == (torch.float16 if half else value.dtype)
        assert after[name].dtype == value.dtype
        assert torch.equal(after[name], value.half().float() if half else value)


def test_the_digest_is_of_pictures_and_boxes_and_of_no_name(run, shapes_split, tmp_path):
    labelled = read_split(tmp_path / "data" / "shapes").read("val")
    before = digest_of(labelled)
    assert digest_of(labelled[::-1]) == before
    labels = tmp_path / "data" / "shapes" / "labels" / "val" / "2.txt"
    (tmp_path / "data/shapes/images/val/2.png").rename(tmp_path / "data/shapes/images/val/x.png")
    text = labels.read_text()
    labels.rename(labels.with_name("x.txt"))
    assert digest_of(read_split(tmp_path / "data" / "shapes").read("val")) == before
    labels.with_name("x.txt").write_text(text.replace("0.", "0.0", 1))
    assert digest_of(read_split(tmp_path / "data" / "shapes").read("val")) != before


def test_what_cannot_be_shipped_is_said_before_anything_is_written(run, tmp_path, shapes_split):
    with pytest.raises(RunError, match=r"none\.md: no such file, expected a text about the model"):
        write(run, tmp_path / "a", about=tmp_path / "none.md")
    yaml_path = tmp_path / "data" / "shapes" / "data.yaml"
    text = yaml_path.read_text()
    yaml_path.write_text(text.replace("circle", "disc"))
    with pytest.raises(DataError, match=r"data\.yaml: classes disc, square, expected the model's: circle, square"):
        write(run, tmp_path / "a")
    yaml_path.write_text(text.replace("val: images/val", "test: images/val"))
    with pytest.raises(DataError, match=r"data\.yaml: no val pictures, expected some, to choose confidences on"):
        write(run, tmp_path / "a")
    (run / "results.csv").write_text("epoch,map50\n0,\n")
    with pytest.raises(RunError, match=r"results\.csv: no epoch with a mAP"):
        write(run, tmp_path / "a")
    (run / "args.yaml").unlink()
    with pytest.raises(RunError, match=r"args\.yaml: no such file, expected a run's folder"):
        write(run, tmp_path / "a")
    with pytest.raises(RunError, match=r"none: no such file, expected a run's folder, or weights in one"):
        write(tmp_path / "none", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_command_names_only_what_is_not_as_it_would_be_anyway():
    plain = asdict(Options(data="data/yolo", lr=0.01, weight_decay=0.0005, amp="off", device="cpu", workers=0))
    assert command_of(plain) == "detector train --data data/yolo"
    other = asdict(
        Options(data="a b", lr=0.02, optimizer="adamw", sync_bn=False, compile=True, out="/tmp/x", amp="bf16")
    )
    words = command_of(other)
    assert "--data 'a b'" in words and "--lr 0.02" in words and "--optimizer adamw" in words and "--amp bf16" in words
    assert "--no-sync-bn" in words and "--compile" in words and "/tmp" not in words
