import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from detector.classify import settle
from detector.classify.checkpoint import load
from detector.classify.compare import Planned
from detector.classify.crops import Cutting, cut_crops
from detector.classify.estimate import Cost, Forecast, Row
from detector.classify.faces import Face, read_faces
from detector.classify.feeding import Features, Pictures, changed
from detector.classify.learner import Learner
from detector.classify.networks import KINDS, build
from detector.classify.options import MODELS, Options
from detector.classify.settle import settled
from detector.classify.train import factors, read_options
from detector.errors import UserError

TRAIN = ("train", "--img-size", 32, "--batch", 8, "--device", "cpu", "--quiet")


@pytest.fixture
def crops(shapes_split, tmp_path):
    cut_crops(shapes_split(train=8, val=4), tmp_path / "crops", Cutting())
    return tmp_path / "crops"


@pytest.fixture
def pretrained(tmp_path):
    """Not trained on anything: a body of drawn kernels."""
    network = build("mobilenet-v2", 10, seed=3)
    torch.save(network.state_dict(), tmp_path / "body.pth")
    return tmp_path / "body.pth"


def test_the_commands_follow_one_another(call, shapes_split, tmp_path):
    shapes_split(train=8, val=4)
    code, out, err = call("crops")
    assert code == 0 and out.endswith("crops: crops\n") and "data: data/shapes (the only split here)" in err
    code, out, _ = call(*TRAIN, "--transfer", "scratch", "--epochs", 2)
    assert (code, out) == (0, "done: runs/classify/1\n")
    run = tmp_path / "runs" / "classify" / "1"
    assert len((run / "results.csv").read_text().splitlines()) == 3
    with Image.open(run / "curves.png") as curves:
        assert curves.width > 500
    assert yaml.safe_load((run / "args.yaml").read_text())["augment"] == "light"
    code, out, _ = call("evaluate", "--sheets", "sheets", "--quiet")
    assert code == 0 and out.startswith("class   faces precision") and "by the face's longer edge" in out
    code, out, _ = call("evaluate", "--json", "--quiet")
    assert sum(map(sum, json.loads(out)["confusion"])) == 8
    assert json.loads((tmp_path / "sheets" / "scores.json").read_text()) == json.loads(out)
    code, out, _ = call("predict", "crops/val", "--json", "--quiet")
    said = json.loads(out)
    assert len(said) == 8 and all(sum(one["scores"].values()) == pytest.approx(1, abs=1e-4) for one in said)


def test_frozen_moves_the_head_alone_not_even_statistics(call, crops, pretrained, tmp_path):
    code, _, err = call(*TRAIN, "--transfer", "frozen", "--weights", pretrained, "--epochs", 2)
    assert (code, err) == (0, "")
    found, source = load(tmp_path / "runs/classify/1/last.pt").weights, torch.load(pretrained, weights_only=True)
    moved = {name for name in source if found[name].shape != source[name].shape}
    moved |= {name for name in source if name not in moved and not torch.equal(found[name], source[name])}
    assert moved == {"classifier.1.weight", "classifier.1.bias"}


def test_finetune_moves_everything_the_body_less(call, crops, pretrained, tmp_path):
    common = ("--transfer", "finetune", "--weights", pretrained, "--epochs", 1, "--augment", "none")
    assert call(*TRAIN, *common, "--body-lr", 0)[0] == 0
    assert call(*TRAIN, *common)[0] == 0
    source = torch.load(pretrained, weights_only=True)
    still, moved = (load(tmp_path / f"runs/classify/{n}/last.pt").state["learner"]["raw"] for n in (1, 2))
    kernel = "features.5.conv.0.0.weight"
    assert torch.equal(still[kernel], source[kernel]) and not torch.equal(moved[kernel], source[kernel])
    statistics = "features.5.conv.0.1.running_mean"
    assert not torch.equal(still[statistics], source[statistics])


@pytest.mark.parametrize("transfer", ["scratch", "frozen"])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(call, crops, pretrained, tmp_path, monkeypatch, transfer):
    words = (*TRAIN, "--transfer", transfer, "--epochs", 3, "--sampler", "balanced")
    words += ("--weights", pretrained) if transfer == "frozen" else ()
    assert call(*words)[0] == 0
    from detector.classify import train

    close, closed = train._Run._close, []

    def stop_after_one(self, *given):
        if closed:
            raise KeyboardInterrupt
        closed.append(close(self, *given))

    monkeypatch.setattr(train._Run, "_close", stop_after_one)
    code, _, err = call(*words)
    assert code == 130 and "1 epochs are saved; go on with `detector classify train --resume" in err
    monkeypatch.setattr(train._Run, "_close", close)
    assert call("train", "--resume", "--quiet")[:2] == (0, "done: runs/classify/2\n")
    one, two = (tmp_path / "runs" / "classify" / name for name in "12")
    assert (one / "results.csv").read_bytes() == (two / "results.csv").read_bytes()
    a, b = load(one / "last.pt").weights, load(two / "last.pt").weights
    assert all(torch.equal(a[name], b[name]) for name in a)
    code, _, err = call("train", "--resume", two)
    assert code == 1 and "all 3 epochs are done" in err


def best_of(run):
    rows = csv.DictReader((run / "results.csv").read_text().splitlines())
    return max(float(row["balanced_accuracy"]) for row in rows)


@pytest.mark.realdata
def test_shapes_are_learnt_by_a_head_alone(call, shapes_split, tmp_path, shared_data):
    weights = shared_data / "weights" / "mobilenet_v2-b0353104.pth"
    if not weights.is_file():
        pytest.skip(f"no {weights}")
    cut_crops(shapes_split(train=20, val=10), tmp_path / "crops", Cutting())
    assert call(*TRAIN, "--transfer", "frozen", "--weights", weights, "--epochs", 10, "--lr", 0.01)[0] == 0
    assert best_of(tmp_path / "runs/classify/1") == 1.0


@pytest.mark.slow
def test_shapes_are_learnt_from_scratch(call, shapes_split, tmp_path):
    cut_crops(shapes_split(train=40, val=10), tmp_path / "crops", Cutting())
    assert call(*TRAIN, "--transfer", "scratch", "--epochs", 12)[0] == 0
    assert best_of(tmp_path / "runs/classify/1") >= 0.9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--transfer", "frozen"), "--transfer: frozen begins from pretrained weights"),
        (("--transfer", "scratch", "--weights", "w"), "--weights: scratch takes none"),
        (("--transfer", "scratch", "--device", "nowhere"), "--device: 'nowhere', expected cpu, cuda"),
        (("--transfer", "scratch", "--img-size", 16), "--img-size: 16 pixels, expected 32 or more for mobilenet-v2"),
        (("--transfer", "scratch", "--batch", 1), "--batch: 1 picture, expected 2 or more: batch norm cannot learn"),
        (("--transfer", "finetune", "--weights", "w"), "w: no such file"),
        (("--transfer", "scratch", "--data", "nowhere"), "nowhere: no folder of crops"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(call, crops, tmp_path, words, message):
    code, out, err = call(*TRAIN, *words)
    assert (code, out) == (1, "") and err.startswith(f"error: {message}") and err.count("\n") == 1
    assert not (tmp_path / "runs" / "classify" / "1").exists()


def test_balanced_showings_give_every_class_as_many():
    faces = [Face(f"{n}", number, "") for n, number in enumerate([0, 0, 0, 0, 0, 0, 2, 2])]
    found = factors("balanced", faces)
    assert found[:6].sum() == pytest.approx(4) and found[6:].sum() == pytest.approx(4)


def test_repeated_showings_follow_the_papers_rule():
    faces = [Face(f"{n}", number, "") for n, number in enumerate([0] * 6 + [1] * 2)]
    found = factors("repeat-factor", faces)
    assert found[:6].tolist() == [1] * 6 and found[6:].tolist() == pytest.approx([2**0.5] * 2)  # sqrt(0.5 / 0.25)


def test_a_sampler_that_is_not_known_is_refused_also_out_of_a_runs_own_file(tmp_path):
    (tmp_path / "args.yaml").write_text("data: crops\ntransfer: scratch\nsampler: repeat\n")
    with pytest.raises(UserError, match="--sampler: 'repeat', expected one of uniform, repeat-factor, balanced"):
        read_options(tmp_path)


def test_every_cure_of_imbalance_can_be_asked_for_at_once(call, crops, tmp_path):
    words = ("--sampler", "repeat-factor", "--class-weights", "effective", "--focal-gamma", 2, "--label-smoothing", 0.1)
    assert call(*TRAIN, "--transfer", "scratch", "--epochs", 1, *words)[0] == 0
    said = yaml.safe_load((tmp_path / "runs/classify/1/args.yaml").read_text())
    assert (said["sampler"], said["class_weights"], said["focal_gamma"]) == ("repeat-factor", "effective", 2)


def test_class_weights_reach_the_loss():
    """One step that sees a class of weight 3 and one of weight 1: the loss is theirs, not the plain one."""
    options = Options("crops", transfer="frozen", weights="w", epochs=1).settled()
    network = build("mobilenet-v2", 2, seed=1)
    given = torch.rand(2, 1280, generator=torch.Generator().manual_seed(0))

    class Source:
        def shown(self, shows):
            return given

    learner = Learner(network, options, 1, torch.tensor([3.0, 1.0]), torch.device("cpu"))
    learner.module[0].p = 0.0  # no dropout
    found = learner.learn(Source(), [], torch.tensor([0, 1]), 0)
    logs = build("mobilenet-v2", 2, seed=1).classifier[1](given).detach().log_softmax(1)
    assert found == pytest.approx(float(-(3 * logs[0, 0] + logs[1, 1]) / 2), rel=1e-4)


def test_the_kinds_of_augmentation_are_what_they_say():
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[:, :2] = 200
    shown = [changed(picture, 8, "flip", np.random.default_rng(seed)) for seed in range(40)]
    assert {one.tobytes() for one in shown} == {picture.tobytes(), picture[:, ::-1].tobytes()}
    assert np.array_equal(changed(picture, 8, "none", np.random.default_rng(0)), picture)
    assert len({changed(picture, 8, "light", np.random.default_rng(seed)).tobytes() for seed in range(9)}) == 9


def test_a_body_that_stands_still_is_computed_for_as_many_showings_as_were_asked_for(crops):
    """Each row that training draws is the body's output for one of the three showings, and all three come up."""
    faces = read_faces(crops).read("train")[:2]
    pictures, network = Pictures(faces, 32, KINDS["mobilenet-v2"].normal, "light", 0), build("mobilenet-v2", 2).eval()
    features = Features(pictures, network, torch.device("cpu"), 2, views=3)
    drawn = {features.shown([(epoch, 1, 0)])[0].numpy().tobytes() for epoch in range(30)}
    with torch.inference_mode():
        each = [network.body(pictures.shown([(view, 0, 0), (view, 1, 0)]))[1].numpy().tobytes() for view in range(3)]
    assert drawn == set(each) and len(drawn) == 3


def test_half_floats_move_a_network_nearly_as_full_ones_do(crops):
    """bf16 holds 8 bits, and batch norm over so few values makes more of it: the loss differs by less than a tenth."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor only emulates bf16")
    faces, losses = read_faces(crops).read("train")[:8], []
    for amp in ("off", "bf16"):
        options = Options("crops", transfer="scratch", epochs=1, img_size=32, amp=amp).settled()
        learner = Learner(build("mobilenet-v2", 2), options, 1, torch.ones(2), torch.device("cpu"))
        pictures = Pictures(faces, 32, KINDS["mobilenet-v2"].normal, "none", 0)
        torch.manual_seed(0)
        truths = torch.tensor([face.number for face in faces])
        losses.append(learner.learn(pictures, [(0, number, 0) for number in range(8)], truths, 0))
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], rel=0.1)


def test_half_precision_is_taken_by_itself_where_the_processor_has_it_and_never_for_depthwise_kernels(monkeypatch):
    monkeypatch.setattr(settle, "choose_precision", lambda name, device: "bf16" if name == "auto" else name)
    found = [settled(Options("c", model=model, transfer="scratch", device="cpu")).amp for model in MODELS]
    assert dict(zip(MODELS, found, strict=True)) == {"mobilenet-v2": "off", "inception-v3": "bf16"}
    assert settled(Options("c", transfer="scratch", device="cpu", amp="bf16")).amp == "bf16"


GRID = ("compare", "--model", "mobilenet-v2", "--img-size", 32, "--batch", 8, "--device", "cpu", "--epochs", 1)


def test_a_grid_is_one_table_and_its_finished_cells_are_not_run_again(call, crops, pretrained, tmp_path):
    words = (*GRID, "--weights", f"mobilenet-v2={pretrained}", "--epochs", "frozen=2")
    code, out, err = call(*words)
    assert code == 0 and "mobilenet-v2-finetune (2 of 3): 1 epochs\n" in err and err.count("epochs\n") == 3
    rows = out.splitlines()
    assert rows[0].startswith("| model | transfer | circle | square | F1, mean |")
    assert [row.split("|")[2].strip() for row in rows[2:]] == ["frozen", "finetune", "scratch"]
    grid = tmp_path / "runs" / "classify" / "compare"
    assert (grid / "table.md").read_text() == out
    assert [row["subset"] for row in json.loads((grid / "table.json").read_text())] == ["val"] * 3
    assert all((grid / f"mobilenet-v2-{mode}" / "confusion.png").is_file() for mode in ("frozen", "finetune"))
    before = {path: path.stat().st_mtime_ns for path in grid.rglob("*.pt")}
    code, again, err = call(*words)
    assert (code, again) == (0, out) and err.count("trained already") == 3
    assert before == {path: path.stat().st_mtime_ns for path in grid.rglob("*.pt")}
    code, _, err = call(*words, "--seed", 1)
    assert code == 1 and "holds a run with other options" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--weights: mobilenet-v2 frozen begins from pretrained weights"),
        (("--weights", "w.pth"), "--weights: 'w.pth', expected MODEL=FILE"),
        (("--epochs", "frozen=many"), "--epochs: 'many', expected a whole number from 1"),
        (("--epochs", "warm=3"), "--epochs: 'warm=3', expected MODE=N"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused_before_it_begins(call, crops, tmp_path, words, message):
    code, _, err = call(*GRID, *words)
    assert code == 1 and err.startswith(f"error: {message}")
    assert not (tmp_path / "runs").exists()


def test_a_grid_of_chosen_cells_says_what_is_left_and_writes_nothing_for_it(call, crops, pretrained, tmp_path):
    words = (*GRID[:1], *GRID[3:], "--weights", f"mobilenet-v2={pretrained}", "--epochs", "frozen=3")
    chosen = ("--cell", "mobilenet-v2-scratch", "--cell", "mobilenet-v2-frozen")
    code, out, _ = call(*words, *chosen, *chosen[:2], "--dry-run", "--quiet")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0 and [line[0] for line in lines] == ["cell", "mobilenet-v2-scratch", "mobilenet-v2-frozen", "all"]
    assert [line[1:3] for line in lines[1:3]] == [["1", "1"], ["3", "3"]]
    assert not (tmp_path / "runs").exists()
    assert call(*words, *chosen[:2], "--quiet")[0] == 0
    code, out, _ = call(*words, *chosen, "--dry-run", "--json", "--quiet")
    done, frozen = json.loads(out)
    assert (done["left"], done["seconds"], frozen["left"]) == (0, 0.0, 3) and frozen["seconds"] > 0
    assert sorted(path.name for path in (tmp_path / "runs/classify/compare").iterdir() if path.is_dir()) == [
        "mobilenet-v2-scratch"
    ]


def test_what_an_estimate_adds_up_is_said_by_the_clock():
    cell = Planned(Options("crops", transfer="scratch", epochs=9), Path("runs/mobilenet-v2-scratch"), 5)
    one = Forecast((Row(cell, Cost(20.0, 900.5).of(cell.left)), Row(cell, 59.6)))
    rows = [line.split() for line in one.table().splitlines()]
    assert rows[1:] == [
        ["mobilenet-v2-scratch", "9", "4", "1:00:22"],
        ["mobilenet-v2-scratch", "9", "4", "0:01:00"],
        ["all", "1:01:22"],
    ]


@pytest.mark.slow
def test_inception_learns_and_says(call, crops, tmp_path):
    words = ("--model", "inception-v3", "--transfer", "scratch", "--epochs", 1, "--img-size", 80)
    assert call("train", *words, "--batch", 8, "--quiet")[0] == 0
    code, out, _ = call("evaluate", "--quiet")
    assert code == 0 and "balanced accuracy" in out
    last = tmp_path / "runs/classify/1/last.pt"
    code, _, err = call("train", "--model", "inception-v3", "--transfer", "frozen", "--weights", last, "--epochs", 1,
                        "--img-size", 80, "--quiet")  # fmt: skip
    assert (code, err) == (0, "")
