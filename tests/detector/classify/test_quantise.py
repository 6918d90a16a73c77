"""A classifier in 8 bits: what it costs is measured on val, and said."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from detector.classify.crops import Cutting, cut_crops
from detector.classify.exported import Exported
from detector.classify.quantise import Cost
from detector.cli import cli

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def classifier(tmp_path, shapes_split, classifier_pt):
    """A .pt that has learnt nothing but says both classes, and crops."""
    cut_crops(shapes_split(), tmp_path / "crops", Cutting())
    return classifier_pt, tmp_path / "crops"


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def refused(done):
    return str(done.exception)


def test_a_classifiers_pt_and_onnx_come_to_the_same_eight_bits(classifier):
    path, crops = classifier
    words = ("--data", crops, "--calibrate", 6, "--max-loss", 1, "--json", "--quiet")
    done = run("quantise", path, *words)
    assert done.exit_code == 0, done.output
    cost = json.loads(done.stdout)
    small = Path(cost["path"])
    assert small == path.with_name("best-int8-static.onnx") and cost["calibrated"] == 6 and cost["count"] == 8
    assert cost["bytes"][1] == small.stat().st_size and cost["smaller"] > 3
    kept = json.loads(small.with_name(f"{small.name}.json").read_text())
    assert {key: kept[key] for key in cost} == cost and kept["how"]["float_first"] == 4
    assert Exported(small).precision == "int8-static" and Exported(small).classes == ("circle", "square")
    assert run("export", path, "--data", crops, "--count", 2).exit_code == 0
    again = run("quantise", path.with_suffix(".onnx"), *words, "--out", path.with_name("b.onnx"))
    assert again.exit_code == 0 and path.with_name("b.onnx").read_bytes() == small.read_bytes()
    pictures = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    floats, eight = Exported(path.with_suffix(".onnx"))(pictures), Exported(small)(pictures)
    assert np.abs(floats.numpy() - eight.numpy()).max() < 0.25
    judged = json.loads(run("classify", "evaluate", small, "--data", crops, "--json", "--quiet").stdout)
    assert judged["accuracy"] == pytest.approx(cost["accuracy"][1])


def test_a_table_for_people_and_a_loss_that_is_warned_of():
    cost = Cost(Path("a.onnx"), (9000000, 3000000), (4.0, 2.0), (0.9, 0.895), (0.8, 0.75), 7, 8, 6, 0.01)
    assert [row.split() for row in cost.lines().splitlines()[1:5]] == [
        ["MB", "9.0", "3.0", "3.00x", "smaller"],
        ["ms", "a", "picture", "4.0", "2.0", "2.00x", "faster"],
        ["accuracy", "0.9000", "0.8950", "-0.0050"],
        ["mean", "F1", "0.8000", "0.7500", "-0.0500"],
    ]
    assert cost.warning.startswith("0.050 accuracy or mean F1 lost, more than --max-loss 0.01; try")
    assert replace(cost, mean_f1=(0.8, 0.9)).warning == ""


def test_what_cannot_be_quantised_is_said(classifier):
    path, crops = classifier
    words = ("quantise", path, "--calibrate", 2, "--max-loss", 1)
    assert "no crops are known to judge it on, expected --data FOLDER" in refused(run(*words))
    assert "no folder of crops" in refused(run(*words, "--data", crops.parent / "classifier"))
    assert run(*words, "--data", crops).exit_code == 0
    assert "is there already" in refused(run(*words, "--data", crops))
    small = path.with_name("best-int8-static.onnx")
    assert "is int8-static already, expected a float32 model" in refused(run("quantise", small, "--data", crops))
    (crops / "classes.txt").write_text("square\ncircle\n")
    assert "expected the model's: circle, square" in refused(run(*words, "--data", crops, "--overwrite"))
