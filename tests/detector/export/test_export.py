"""Weights to other runtimes, each run where it belongs and held against torch."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from detector.boxes import suppress
from detector.cli import cli
from detector.detecting.inference import InTorch, Thresholds
from detector.errors import ExportError
from detector.export.darknet import cfg_text
from detector.export.heads import Decoded, Heads
from detector.export.run import export
from detector.export.writing import Target
from detector.network.cfg import parse_cfg, read_cfg
from detector.network.model import Darknet
from detector.runtimes.opening import open_runtime
from detector.runtimes.session import Session

SETTLED = {"cfg": "yolov3-tiny", "img_size": None, "out": None, "overwrite": False, "data": None, "count": 4}


@pytest.fixture
def pictures(shapes_split):
    return shapes_split() / "images" / "val"


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov3-tiny-3l"])
def test_constant_cells_and_anchors_decode_as_the_detector_does(name):
    model = Darknet(read_cfg(name).adapt(2)).eval()
    given = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for ours, theirs in zip(InTorch(model)(given), Decoded(model, 96)(given), strict=True):
            assert ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=1e-4)
        for raw, head in zip(model(given), Heads(model)(given), strict=True):
            batch, anchors, height, width, values = raw.shape
            split = head.reshape(batch, anchors, values, height, width).permute(0, 1, 3, 4, 2)
            assert torch.allclose(raw, split, atol=1e-5)


@pytest.mark.parametrize(
    "target",
    [
        Target("onnx"),
        Target("onnx", raw_heads=True),
        Target("onnx", batch=3),
        Target("onnx", opset=13),
        Target("torchscript"),
        Target("torchscript", raw_heads=True),
        Target("weights"),
    ],
    ids=str,
)
def test_an_export_is_the_same_network_in_its_own_runtime(small_pt, pictures, target):
    report = export(small_pt, target, **SETTLED, pictures=pictures)
    assert report.agrees and report.agreement.pictures == 4
    assert report.agreement.box_error < 1e-3 and report.agreement.score_error < 1e-5
    assert report.agreement.boxes == report.agreement.ours == report.agreement.theirs > 20
    kept = json.loads(report.path.with_name(report.path.name + ".json").read_text(encoding="utf-8"))
    assert kept["agrees"] and kept["bytes"] == report.path.stat().st_size and kept["description"]["side"] == 96


@pytest.mark.parametrize("to", ["onnx", "torchscript"])
def test_the_same_weights_give_the_same_bytes(small_pt, pictures, tmp_path, to):
    files = [tmp_path / f"{number}.{to}" for number in range(2)]
    for file in files:
        export(small_pt, Target(to), **{**SETTLED, "out": file}, pictures=pictures)
    if to == "onnx":
        assert files[0].read_bytes() == files[1].read_bytes()
    else:  # torch names the archive after the file
        one, two = (torch.jit.load(str(file)).state_dict() for file in files)
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_suppression_inside_is_the_detectors_own_rule(small_pt, tmp_path):
    how, plain, inside = Thresholds(0.3, 0.4), tmp_path / "plain.onnx", tmp_path / "inside.onnx"
    for out, nms in ((plain, None), (inside, how)):
        export(small_pt, Target("onnx", nms), **{**SETTLED, "out": out}, pictures=None)
    given = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(5))
    rows = Session(inside)._run(given)[0]
    boxes, scores = Session(plain)(given)
    for picture in range(3):
        cell, number = (scores[picture] > 0.3).nonzero(as_tuple=True)
        score, xyxy = scores[picture][cell, number], boxes[picture][cell]
        kept = suppress(xyxy, score, number, 0.4)
        wanted = torch.cat((number[kept, None].float(), score[kept, None], xyxy[kept]), dim=1)
        own = rows[rows[:, 0] == picture][:, 1:]
        own = own[torch.argsort(own[:, 1], descending=True, stable=True)]
        assert 3 < len(kept) < len(cell) and torch.allclose(own, wanted, atol=1e-4)


def test_a_model_with_suppression_inside_detects_like_one_without(small_pt, pictures):
    report = export(small_pt, Target("onnx", Thresholds(0.25, 0.45)), **SETTLED, pictures=pictures)
    # Not the very same: inside, boxes are thinned before they are clipped to the picture.
    assert report.agrees and report.agreement.share > 0.9 and report.agreement.boxes > 20
    assert report.agreement.box_error is None


def test_opencv_reads_raw_heads(small_pt, small_model, tmp_path):
    import cv2

    out = tmp_path / "raw.onnx"
    export(small_pt, Target("onnx", raw_heads=True), **{**SETTLED, "out": out}, pictures=None)
    given = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    network = cv2.dnn.readNetFromONNX(str(out))
    network.setInput(given.numpy())
    with torch.inference_mode():
        expected = Heads(small_model)(given)[0].numpy()
    assert np.abs(network.forward() - expected).max() < 1e-4


def test_opencv_reads_the_cfg_and_weights_that_are_written(small_pt, small_model, tmp_path):
    import cv2

    report = export(small_pt, Target("weights"), **SETTLED, pictures=None)
    cfg, names = report.beside
    assert names.read_text() == "circle\nsquare\n"
    network = cv2.dnn.readNetFromDarknet(str(cfg), str(report.path))
    given = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    network.setInput(given.numpy())
    found = network.forward()  # rows of cx cy w h objectness, class scores; centres in shares, row by row of cells
    with torch.inference_mode():
        boxes = InTorch(small_model)(given)[0]
    by_cell = boxes.reshape(3, 144, 4).transpose(0, 1).reshape(-1, 4).numpy() / 96
    assert np.abs(found[:, :2] - (by_cell[:, :2] + by_cell[:, 2:]) / 2).max() < 1e-4
    assert np.abs(found[:, 2:4] - (by_cell[:, 2:] - by_cell[:, :2])).max() < 1e-3


def test_a_cfg_is_adapted_where_it_must_be_and_kept_elsewhere():
    cfg = read_cfg("yolov3-tiny").adapt(3)
    text = cfg_text(cfg, 320)
    again = parse_cfg(text, "again")
    assert (again.net.width, again.net.height) == (320, 320)
    assert [layer.classes for layer in again.yolos] == [3, 3]
    assert [again.layers[i - 1].filters for i in again.heads] == [24, 24]
    changed = [
        (a, b) for a, b in zip(cfg.text.splitlines(), text.splitlines(), strict=True) if a.replace(" ", "") != b
        and a.split("=")[0].strip() not in ("width", "height", "classes", "filters")
    ]  # fmt: skip
    assert not [pair for pair in changed if pair[0] != pair[1]]


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        (Target("onnx", Thresholds(), raw_heads=True), {}, r"--raw-heads: has no boxes that --nms could thin"),
        (Target("torchscript", Thresholds()), {}, r"--nms: is not part of torchscript, expected --to onnx"),
        (Target("onnx"), {"out": "x.tflite"}, r"x.tflite: does not end in .onnx"),
        (Target("onnx"), {"out": "none/x.onnx"}, r"none: no such folder, expected an existing one"),
    ],
)
def test_what_cannot_be_exported_is_said(small_pt, target, more, said):
    from pathlib import Path

    given = {name: Path(value) for name, value in more.items()}
    with pytest.raises(ExportError, match=said):
        export(small_pt, target, **{**SETTLED, **given}, pictures=None)
    assert [p.name for p in small_pt.parent.iterdir()] == ["small.pt"]


def test_nothing_is_overwritten_unasked(small_pt):
    out = small_pt.with_suffix(".onnx")
    out.write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"small.onnx: is there already, expected a new file; give --overwrite"):
        export(small_pt, Target("onnx"), **SETTLED, pictures=None)
    assert out.read_bytes() == b"mine"
    assert export(small_pt, Target("onnx"), **{**SETTLED, "overwrite": True}, pictures=None).agrees


def test_an_export_is_not_exported_again(small_pt):
    path = export(small_pt, Target("onnx"), **SETTLED, pictures=None).path
    with pytest.raises(ExportError, match=r"small.onnx: is an export already, expected the .pt or .weights"):
        export(path, Target("torchscript"), **SETTLED, pictures=None)


def test_the_command_writes_the_model_and_says_how_it_agrees(small_pt, pictures):
    done = CliRunner().invoke(cli, ["export", str(small_pt), "--pictures", str(pictures), "--static", "--batch", "2"])
    assert done.exit_code == 0, done.output
    assert "small.onnx" in done.output and "batch 2" in done.output and "against torch on 4 pictures of" in done.output


def test_noise_stands_in_for_pictures_and_is_named(small_pt):
    assert export(small_pt, Target("onnx"), **SETTLED, pictures=None).pictures.startswith("noise (no pictures: give")


@pytest.mark.skipif(importlib.util.find_spec("litert_torch") is not None, reason="the extra [tflite] is installed")
def test_without_the_extra_its_name_is_said(small_pt):
    with pytest.raises(
        ExportError, match=r'litert_torch: cannot be imported .*pip install "balanced-detection\[tflite\]"'
    ):
        export(small_pt, Target("tflite"), **SETTLED, pictures=None)
    assert not small_pt.with_suffix(".tflite").exists()


@pytest.mark.realdata
def test_cocos_tiny_agrees_on_photographs(tiny_weights, shared_data, tmp_path):
    photographs = shared_data / "data" / "face-mask-detection" / "images"
    report = export(tiny_weights, Target("onnx"), **{**SETTLED, "out": tmp_path / "t.onnx"}, pictures=photographs)
    assert report.agrees and report.agreement.boxes == report.agreement.ours > 3
    assert report.agreement.box_error < 0.01 and report.agreement.score_error < 1e-4


def test_an_exported_model_opens_with_its_classes_and_size(small_pt):
    report = export(small_pt, Target("torchscript"), **SETTLED, pictures=None)
    opened = open_runtime(report.path)
    assert (opened.classes, opened.side, opened.kind) == (("circle", "square"), 96, "torchscript")
