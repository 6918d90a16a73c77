import csv
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

import detector.train as training
from detector.errors import DataError, RunError, TrainingError, UserError
from detector.loss.terms import Terms
from detector.network import checkpoint
from detector.network.anchors import parse
from detector.train import Options, resume, train


@pytest.fixture
def _undrawn(monkeypatch):
    """Drawing takes longer than the runs: one test looks at all pictures, the others go without."""
    for name in ("curves_png", "predictions_png", "first_batches", "labels_png"):
        monkeypatch.setattr(f"detector.training.record.{name}", lambda *given: b"")
    monkeypatch.setattr("detector.training.record.judging_sheets", lambda *given: {})


@pytest.fixture
def options(shapes_split, small_cfg, tmp_path):
    """Six pictures in batches of two: three steps an epoch. In float32, whatever the processor has."""
    folder = shapes_split(train=6, val=3)
    where = {"data": str(folder), "out": str(tmp_path / "runs"), "model": str(small_cfg), "device": "cpu"}
    small = Options(**where, epochs=2, batch=2, img_size=96, amp="off")
    return lambda **more: replace(small, **more)


def same_bits(one: Path, two: Path) -> bool:
    a, b = checkpoint.load(one / "last.pt"), checkpoint.load(two / "last.pt")
    pairs = [(a.weights, b.weights), (a.state["raw"], b.state["raw"])]
    return all(torch.equal(value, y[name]) for x, y in pairs for name, value in x.items())


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


def interrupt_at(monkeypatch, call: int, number: int = signal.SIGINT) -> None:
    """Send this process a signal while it computes its `call`-th loss."""
    real, calls = training.loss, []

    def loss(*given, **more):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return real(*given, **more)

    monkeypatch.setattr(training, "loss", loss)


def test_a_run_leaves_what_it_promises(options, capsys):
    folder = train(options())
    names = {"best.pt", "last.pt", "results.csv", "args.yaml", "curves.png", "predictions.png", "first_batches.png"}
    names |= {"labels.png", "pr-f1.png", "confusion.png", "calibration.png", "misses.png", "false-alarms.png"}
    assert {path.name for path in folder.iterdir()} == names and folder.name == "1"
    rows = results(folder)
    assert list(rows[0]) == [
        "epoch",
        "lr",
        "box",
        "objectness",
        "class",
        "map50",
        "map50_95",
        "ap50_circle",
        "ap50_square",
        "val_loss",
    ]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["box"] == rows[0]["lr"] == "" and float(rows[2]["box"]) > 0 and rows[0]["map50"] != ""
    assert yaml.safe_load((folder / "args.yaml").read_text())["batch"] == 2
    found = checkpoint.load(folder / "best.pt")
    assert (found.classes, found.img_size) == (("circle", "square"), 96) and found.build()
    for name in (name for name in names if name.endswith(".png")):
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 100
    out, err = capsys.readouterr()
    assert "weights: none, from scratch" in err and "--weights yolov3-tiny.weights, from https://" in err
    assert len(re.findall(r"^epoch +\d/2 .*mAP@\.5 \d", out, re.MULTILINE)) == 3


@pytest.mark.usefixtures("_undrawn")
def test_quiet_says_nothing(options, capsys):
    train(options(epochs=1), quiet=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("_undrawn")
def test_a_second_run_has_the_next_number_and_the_same_bits(options):
    one, two = train(options(), quiet=True), train(options(), quiet=True)
    assert two.name == "2" and same_bits(one, two)
    assert (one / "results.csv").read_bytes() == (two / "results.csv").read_bytes()


@pytest.mark.usefixtures("_undrawn")
def test_the_number_of_workers_changes_nothing(options):
    one, two = train(options(), quiet=True), train(options(workers=2), quiet=True)
    assert same_bits(one, two)


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize(("call", "number"), [(2, signal.SIGINT), (3, signal.SIGINT), (5, signal.SIGTERM)])
def test_an_interrupted_run_is_saved_and_goes_on_to_the_same_bits(options, monkeypatch, call, number):
    whole = train(options(), quiet=True)
    with monkeypatch.context() as patch:
        interrupt_at(patch, call, number)
        with pytest.raises(KeyboardInterrupt, match=r"saved .*runs/2; `detector train --resume` goes on"):
            train(options(), quiet=True)
    folder = whole.parent / "2"
    progress = checkpoint.load(folder / "last.pt").state["progress"]
    assert (progress["epoch"], progress["step"]) == divmod(call, 3)
    assert resume(folder, quiet=True) == folder
    assert same_bits(whole, folder)
    assert (whole / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()
    a, b = checkpoint.load(whole / "best.pt"), checkpoint.load(folder / "best.pt")
    assert all(torch.equal(value, b.weights[name]) for name, value in a.weights.items())


@pytest.mark.usefixtures("_undrawn")
def test_so_does_one_in_which_everything_is_drawn_with_workers_and_a_cache_on_disk(options, monkeypatch, tmp_path):
    """Interrupted in its second epoch, which has other fractions, partners and sides than the first."""
    drawn = {
        "augment": "strong",
        "plain_share": 0.0,
        "multi_scale": 0.5,
        "sampler": "repeat-factor",
        "repeat_threshold": 1.0,
    }
    given = options(**drawn, epoch_size=7, workers=1, cache="disk", cache_folder=str(tmp_path / "cache"))
    whole = train(replace(given, workers=0, cache="none"), quiet=True)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 6)  # of four batches an epoch
        with pytest.raises(KeyboardInterrupt):
            train(given, quiet=True)
    assert checkpoint.load(whole.parent / "2" / "last.pt").state["progress"]["step"] == 2
    resume(whole.parent / "2", quiet=True)
    assert same_bits(whole, whole.parent / "2")


@pytest.mark.usefixtures("_undrawn")
def test_a_killed_run_goes_on_to_the_same_bits(options):
    whole = train(options(), quiet=True)
    given = options()
    program = (
        "import os, signal, torch, detector.train as t\n"
        "torch.set_num_threads(1)\n"
        "real, calls = t.loss, []\n"
        "def loss(*given, **more):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(*given, **more)\n"
        "t.loss = loss\n"
        f"t.train(t.{given!r}, quiet=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = whole.parent / "2"
    assert checkpoint.load(folder / "last.pt").state["progress"]["epoch"] == 1
    resume(folder, quiet=True)
    assert same_bits(whole, folder)
    assert (whole / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()


@pytest.mark.usefixtures("_undrawn")
def test_a_run_keeps_its_own_anchors_to_the_end(options, monkeypatch):
    interrupt_at(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        train(options(anchors="auto"), quiet=True)
    monkeypatch.undo()
    folder = resume(Path(options().out) / "1", quiet=True)
    wanted = yaml.safe_load((folder / "args.yaml").read_text())["anchors"]
    found = checkpoint.load(folder / "best.pt").build()
    assert [tuple(wh) for wh in found.anchors_wh[0].tolist()] == [pytest.approx(wh) for wh in parse(wanted)]
    assert parse(wanted) != ((16, 16), (24, 24), (36, 36))
    assert same_bits(train(options(anchors="auto"), quiet=True), folder)


@pytest.mark.usefixtures("_undrawn")
def test_a_number_of_anchors_that_the_heads_cannot_share_stops_before_anything_is_made(options, tmp_path):
    with pytest.raises(UserError, match="anchors: 3 for the 2 heads of yolov3-tiny, expected a multiple of 2"):
        train(options(model="yolov3-tiny", anchors="8,8 9,9 10,10"), quiet=True)
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("_undrawn")
def test_a_finished_run_says_so(options):
    folder = train(options(epochs=1), quiet=True)
    message = (
        r"runs/1: finished already, all 1 epochs, expected a stopped run; to go on from it: detector train --weights"
    )
    with pytest.raises(RunError, match=message):
        resume(folder)
    with pytest.raises(RunError, match=r"holds no state to resume from"):
        (folder / "last.pt").write_bytes((folder / "best.pt").read_bytes())
        resume(folder)


@pytest.mark.usefixtures("_undrawn")
def test_our_own_weights_start_a_run_where_the_last_one_ended(options, capsys):
    first = train(options(), quiet=True)
    second = train(options(epochs=1, weights=str(first / "best.pt")))
    assert "4 of 4 convolutions loaded" in capsys.readouterr().err
    best = max(float(row["map50"]) for row in results(first))
    assert float(results(second)[0]["map50"]) == pytest.approx(best, abs=1e-5)


@pytest.mark.usefixtures("_undrawn")
def test_a_loss_that_is_no_number_stops_the_run_and_names_the_pictures(options, monkeypatch):
    bad = torch.tensor(float("nan"), requires_grad=True)
    monkeypatch.setattr(training, "loss", lambda *given, **more: Terms(bad, bad, bad))
    message = r"epoch 1, batch 1: the loss is nan, expected a finite one; try a lower --lr; pictures: .*\.png, .*\.png"
    with pytest.raises(TrainingError, match=message):
        train(options(), quiet=True)


@pytest.mark.usefixtures("_undrawn")
def test_a_split_without_validation_pictures_still_trains(options, shapes_split, tmp_path):
    folder = shapes_split(train=2, val=0, folder=tmp_path / "noval")
    run = train(options(data=str(folder), epochs=1), quiet=True)
    assert [row["map50"] for row in results(run)] == ["", ""]
    assert (run / "best.pt").is_file() and not (run / "predictions.png").exists()


@pytest.mark.usefixtures("_undrawn")
def test_negatives_alone_cannot_be_trained_on(options, shapes_split, tmp_path):
    folder = shapes_split(train=1, folder=tmp_path / "empty")
    (folder / "labels" / "train" / "0.txt").write_text("")
    with pytest.raises(DataError, match=r"data\.yaml: the training pictures hold no box at all"):
        train(options(data=str(folder)), quiet=True)


@pytest.mark.usefixtures("_undrawn")
def test_an_input_size_must_hold_whole_cells(options):
    with pytest.raises(UserError, match="--img-size: 100, expected a multiple of 8"):
        train(options(img_size=100), quiet=True)


@pytest.mark.usefixtures("_undrawn")
def test_nothing_is_made_before_the_input_is_known_to_be_good(options, shapes_split, tmp_path):
    folder = shapes_split(train=2, folder=tmp_path / "bad")
    (folder / "labels" / "train" / "1.txt").write_text("7 .5 .5 .1 .1\n")
    with pytest.raises(DataError, match=r"labels/train/1\.txt:1: class 7, but there are 2 classes \(0\.\.1\)"):
        train(options(data=str(folder)), quiet=True)
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("_undrawn")
def test_a_run_is_not_resumed_on_other_pictures(options, monkeypatch):
    interrupt_at(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        train(options(), quiet=True)
    data = Path(options().data)
    (data / "images" / "train" / "5.png").unlink()
    with pytest.raises(DataError, match="training pictures: 5, expected the run's 6; put it back, or begin anew"):
        resume(Path(options().out) / "1", quiet=True)


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.slow
def test_eight_pictures_are_learnt_by_heart(options, shapes_split, tmp_path):
    """Each shown as it is: flipped, zoomed and moved there would be far more than eight."""
    folder = shapes_split(train=8, val=0, folder=tmp_path / "eight")
    text = (folder / "data.yaml").read_text().replace("images/val", "images/train")
    (folder / "data.yaml").write_text(text)
    run = train(options(data=str(folder), epochs=60, batch=4, augment="none"), quiet=True)
    assert float(results(run)[-1]["map50"]) > 0.95
