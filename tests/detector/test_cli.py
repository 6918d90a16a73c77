import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
import yaml

from detector import cli, shipped
from detector.network.cfg import read_cfg
from detector.network.checkpoint import Checkpoint, save
from detector.network.model import Darknet, initialise
from detector.network.weights import write_darknet
from detector.training.options import Options


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """A function that runs `detector ...` in an empty folder, without a shipped model; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "none")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["detector", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        return (code, *capsys.readouterr())

    return run


TRAIN = ("train", "--epochs", 1, "--batch", 4, "--img-size", 96, "--device", "cpu", "--model")


def test_the_bare_commands_follow_one_another(call, shapes_split, small_cfg, tmp_path):
    shapes_split()
    code, out, err = call(*TRAIN, small_cfg)
    assert (code, out.splitlines()[-1]) == (0, "done: runs/train/1")
    assert "data: data/shapes (the only split here)" in err
    code, out, err = call("evaluate", "--quiet")
    assert code == 0 and out.startswith("class ") and err == ""
    code, out, _ = call("evaluate", "--json", "--quiet")
    assert {"map50", "map50_95", "images", "conf", "nms", "classes", "coco", "thresholds"} <= set(json.loads(out))
    code, out, _ = call("evaluate-all", "--quiet")
    assert code == 0 and out.splitlines()[1].split()[:2] == ["*", "best.pt"] and "2 judged now" in out
    code, out, err = call("detect", "data/shapes/images/val", "--txt", "--conf", 0)
    assert (
        code == 0
        and out.endswith("4 pictures: runs/detect/1\n")
        and "model: runs/train/1/best.pt (the only run here)" in err
    )
    assert len(list((tmp_path / "runs" / "detect" / "1" / "labels").iterdir())) == 4
    code, out, _ = call("detect", "data/shapes/images/val/0.png", "--json", "--quiet")
    assert [entry["path"] for entry in json.loads(out)] == ["data/shapes/images/val/0.png"]


@pytest.fixture
def weights(shapes_split, small_cfg, tmp_path):
    """A network that has learnt nothing, as x.pt, and a split."""
    shapes_split(train=1, val=3)
    model = Darknet(read_cfg(small_cfg))
    initialise(model, torch.Generator().manual_seed(0))
    save(Checkpoint(str(small_cfg), model.cfg.text, ("circle", "square"), 96, model.state_dict()), tmp_path / "x.pt")
    return tmp_path / "x.pt"


def test_each_measure_prints_its_own_report(call, weights):
    judge = ("evaluate", "x.pt", "--data", "data/shapes", "--quiet", "--runtime", "torch", "--metric")
    code, out, _ = call(*judge, "darknet")
    assert code == 0 and "class_id = 0, name = circle, ap = " in out and "mean average precision (mAP@0.50) = " in out
    assert out.startswith(" detections_count = ")
    code, out, _ = call(*judge, "voc", "--tta", "flip", "--nms-method", "diou")
    assert code == 0 and "AP 11-point" in out
    code, out, _ = call(*judge, "original")
    assert code == 0 and "first study's scoring" in out
    for metric in ("darknet", "voc", "original"):
        code, out, _ = call(*judge, metric, "--json")
        assert code == 0 and json.loads(out)["metric"] == metric and json.loads(out)["images"] == 3


def test_evaluate_writes_what_is_asked_for_and_overwrites_nothing(call, weights, tmp_path):
    (tmp_path / "costs.yaml").write_text("missed: 2\n")
    words = ("evaluate", "x.pt", "--data", "data/shapes", "--quiet", "--runtime", "torch", "--sheets", "seen")
    words += ("--per-image", "rows/x.csv", "--bootstrap", 5, "--want-recall", 0.9, "--cost", "costs.yaml")
    code, out, _ = call(*words, "--bins", "20,30")
    assert code == 0 and "20-30" in out and "95% of 5 draws" in out and "expected cost a picture" in out
    assert len((tmp_path / "rows" / "x.csv").read_text().splitlines()) == 4
    files = {"pr-f1.png", "confusion.png", "calibration.png", "misses.png", "false-alarms.png"}
    assert {path.name for path in (tmp_path / "seen").iterdir()} == files
    code, _, err = call(*words)
    assert code == 1 and err == "error: rows/x.csv: is there already, expected a new place; or give --overwrite\n"
    code, out, _ = call(*words, "--overwrite", "--json")
    told = json.loads(out)
    assert code == 0 and set(told) >= {"bootstrap", "costs", "confusion", "false_alarms"}
    assert [row["truths"] for row in told["per_image"]] == [2, 2, 2]
    missed = sum(row["fn"] for row in told["per_image"])
    assert len(told["misses"]) == missed == sum(one["fn"] for one in told["classes"].values())
    assert all(set(one) == {"picture", "xyxy", "class", "score", "why"} for one in told["misses"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--metric", "darknet", "--tta", "flip"), "--metric darknet: finds boxes its own way, expected no --tta"),
        (("--metric", "original", "--sheets", "s"), "--metric original: makes no files, expected no --per-image"),
        (("--corrected",), "--corrected: with --metric coco, expected --metric darknet"),
        (("--bins", "30,20"), "--bins: 30,20, expected rising numbers above 0"),
        (("--sheets", "x.pt", "--overwrite"), "x.pt: is a file, expected a folder to write into, for --sheets"),
        (("--per-image", "data"), "data: is a folder, expected a file to write, for --per-image"),
        (("--cost", "none.yaml"), "none.yaml: no such file, expected YAML of missed, false_alarm, confused"),
    ],
)
def test_what_does_not_go_together_is_one_line_and_exit_1(call, weights, words, message):
    code, out, err = call("evaluate", "x.pt", "--data", "data/shapes", "--runtime", "torch", "--quiet", *words)
    assert (code, out) == (1, "") and err.startswith(f"error: {message}") and err.count("\n") == 1


def test_bins_that_are_no_numbers_are_wrong_usage(call):
    code, _, err = call("evaluate", "--bins", "small")
    assert code == 2 and "'small', expected numbers with commas between, as 16,32,96" in err


def test_resume_takes_the_newest_run_and_no_other_options(call, shapes_split, small_cfg):
    shapes_split()
    call(*TRAIN, small_cfg, "--quiet")
    code, _, err = call("train", "--resume")
    assert code == 1 and "error: runs/train/1: finished already, all 1 epochs" in err
    code, _, err = call("train", "--resume", "runs/train/1", "--epochs", 3)
    assert code == 2 and "--resume keeps the run's own options; drop --epochs" in err


def test_evaluate_wants_the_models_classes(call, shapes_split, small_cfg, tmp_path):
    shapes_split()
    model = Darknet(read_cfg(small_cfg))
    save(Checkpoint(str(small_cfg), model.cfg.text, ("cat", "dog"), 96, model.state_dict()), tmp_path / "x.pt")
    code, _, err = call("evaluate", "x.pt", "--data", "data/shapes")
    assert code == 1 and "data.yaml: classes circle, square, expected the model's: cat, dog" in err


def test_darknet_weights_are_judged_and_used_with_a_cfg(call, shapes_split, small_cfg, tmp_path):
    shapes_split()
    model = Darknet(read_cfg(small_cfg))
    initialise(model, torch.Generator().manual_seed(0))
    write_darknet(model, tmp_path / "x.weights")
    code, out, _ = call("evaluate", "x.weights", "--model", small_cfg, "--quiet", "--json")
    assert code == 0 and list(json.loads(out)["classes"]) == ["circle", "square"]
    code, out, _ = call("detect", "data/shapes/images/val/0.png", "--weights", "x.weights", "--model", small_cfg)
    assert code == 0 and "in 1 pictures" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("train",),
            "error: data: no split here, expected data/<name>/data.yaml; run `datatools convert`, or give --data",
        ),
        (("train", "--data", "none"), "error: none: no such file, expected a data.yaml"),
        (("train", "--resume"), "error: runs/train: no run with a last.pt"),
        (("evaluate",), "error: runs/train: no run with a best.pt"),
        (("evaluate", "none.pt", "--data", "."), "error: data.yaml: no such file"),
        (("detect", "none.jpg", "--weights", "none.pt"), "error: none.jpg: no such file or folder"),
    ],
)
def test_the_users_mistakes_are_one_line_and_exit_1(call, words, message):
    code, out, err = call(*words)
    assert (code, out) == (1, "") and err.startswith(message) and err.count("\n") == 1


def test_a_broken_picture_is_skipped_and_counted_on_request(call, shapes_split, small_cfg, tmp_path):
    folder = shapes_split(train=1, val=2)
    call(*TRAIN, small_cfg, "--quiet")
    (folder / "images" / "val" / "0.png").write_bytes(b"")
    code, _, err = call("detect", "data/shapes/images/val", "--quiet")
    assert code == 1 and err.startswith("error: data/shapes/images/val/0.png: not a picture (0 bytes)")
    assert not list((tmp_path / "runs" / "detect").iterdir())
    code, out, err = call("detect", "data/shapes/images/val", "--quiet", "--on-error", "skip")
    assert code == 0 and "in 1 pictures" in out and err.endswith("\n1 skipped\n")


def test_wrong_usage_exits_2(call):
    code, _, err = call("train", "--epochs", "none")
    assert code == 2 and "Invalid value for '--epochs'" in err


def test_a_full_or_forbidden_folder_is_one_line(call, shapes_split, small_cfg, tmp_path):
    shapes_split(train=1, val=1)
    (tmp_path / "file").write_text("")
    code, _, err = call(*TRAIN, small_cfg, "--out", "file", "--quiet")
    assert code == 1 and err.startswith("error: ") and "file" in err and err.count("\n") == 1


def test_a_fault_of_ours_shows_its_traceback_and_exits_3(call, monkeypatch):
    monkeypatch.setattr(cli, "chosen_split", lambda *given: 1 / 0)
    code, _, err = call("train")
    assert code == 3 and "Traceback" in err and "ZeroDivisionError" in err


def test_a_missing_system_library_is_named_with_its_remedy(call, monkeypatch):
    def missing(*given):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(cli, "chosen_split", missing)
    code, _, err = call("train")
    said = "error: OpenCV: the system's libGL.so.1 is missing; install it (Debian: apt-get install libgl1)\n"
    assert (code, err) == (1, said)


def test_an_interruption_exits_130_and_says_what_was_saved(call, monkeypatch):
    def stop(*given):
        raise KeyboardInterrupt("saved runs/train/1; `detector train --resume` goes on")

    monkeypatch.setattr(cli, "chosen_split", stop)
    code, _, err = call("train")
    assert code == 130 and err.strip() == "interrupted; saved runs/train/1; `detector train --resume` goes on"


@pytest.mark.parametrize("words", [(), ("train",), ("evaluate",), ("evaluate-all",), ("detect",)])
def test_help_imports_nothing_heavy(words):
    program = (
        f"import sys; sys.argv = ['detector', *{words!r}, '--help']\n"
        "from detector.cli import main\n"
        "main()\n"
        "heavy = {'torch', 'cv2', 'numpy', 'PIL', 'matplotlib', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: detector" in done.stdout


def test_a_model_that_was_shipped_is_judged_and_used_by_its_name_and_without_one(call, weights, tmp_path, monkeypatch):
    (tmp_path / "args.yaml").write_text(yaml.safe_dump(asdict(Options(data="data/shapes", img_size=96))))
    (tmp_path / "results.csv").write_text("epoch,map50\n1,0.5\n")
    monkeypatch.setattr("detector.shipping.judging.DRAWS", 5)
    code, out, err = call("ship", "x.pt", "--quiet")
    assert (code, err) == (0, "") and out.startswith("shipped/small-96.pt: 0.") and "card: shipped/README.md" in out
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "shipped")
    card = shipped.read_card()
    code, out, err = call("evaluate", "--json")
    told = json.loads(out)
    assert code == 0 and "model: shipped with detector " in err
    assert (told["conf"], round(told["map50"], 6)) == (card["confidence"], card["judged"]["val"]["map50"])
    code, out, _ = call("detect", "data/shapes/images/val/0.png", "--weights", "shipped", "--conf", "0,circle=1")
    assert code == 0 and "boxes in 1 pictures" in out
    found = json.loads((tmp_path / "runs/detect/1/detections.json").read_text())
    assert {one["class"] for one in found[0]["boxes"]} == {"square"}
    code, out, _ = call("info", "shipped")
    assert code == 0 and out.startswith("# small, 96 px: mAP@0.5 ") and "parameters" in out
    assert json.loads(call("info", "shipped", "--json")[1])["card"] == card
    code, _, err = call("train", "--epochs", 1, "--img-size", 96, "--model", "small.cfg", "--weights", "shipped")
    assert code == 0 and "weights: shipped: 4 of 4 convolutions loaded" in err


@pytest.mark.parametrize("value", ["", "0.2,0.3", "circle=.2,circle=.3", "=.2", "circle=x", "1.2", "nan=.2,x=nan"])
def test_a_confidence_that_is_none_is_wrong_usage(call, value):
    code, _, err = call("detect", "x.png", "--conf", value)
    assert code == 2 and "Invalid value for '--conf'" in err


def test_a_class_that_the_model_does_not_know_is_said(call, weights):
    code, _, err = call("detect", "data/shapes/images/val/0.png", "--weights", "x.pt", "--conf", "cat=0.5")
    assert (code, err) == (1, "error: --conf: 'cat' is no class of the model, expected one of circle, square\n")
    code, _, err = call("evaluate", "x.pt", "--data", "data/shapes", "--metric", "darknet", "--conf", "circle=0.5")
    assert code == 1 and "--metric darknet: counts at one confidence, expected --conf with a number alone" in err
    code, _, err = call("evaluate", "x.pt", "--data", "data/shapes", "--agnostic", "--conf", "circle=0.5")
    assert code == 1 and "error: --agnostic: boxes are thinned here before" in err
