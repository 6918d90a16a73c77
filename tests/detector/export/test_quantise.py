"""Smaller numbers: what stays in floats, how much smaller, and that a loss is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from detector.cli import cli
from detector.errors import ExportError
from detector.export.graph import first_nodes, split_graph
from detector.export.quantise import Quantising, graph_of, quantise
from detector.export.quantise_run import quantise_file
from detector.export.run import export
from detector.export.writing import Target
from detector.runtimes.session import Session

SMALL = Quantising(float_first=1)  # three convolutions and a head
SETTLED = {"calibrate": 8, "max_loss": 0.01, "seed": 0, "out": None, "overwrite": False, "quiet": True}


@pytest.fixture
def small_onnx(small_pt):
    more = {"cfg": "", "img_size": None, "out": None, "overwrite": False, "data": None, "count": 1}
    return export(small_pt, Target("onnx"), **more, pictures=None).path


def test_what_follows_the_last_convolutions_is_told_from_what_leads_to_them():
    def node(kind, name, given, made):
        return onnx.helper.make_node(kind, given, [made], name=name)

    def tensor(name):
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)

    graph = onnx.helper.make_graph(
        [
            node("Conv", "a", ["x", "w"], "1"),
            node("Relu", "b", ["1"], "2"),
            node("Conv", "c", ["2", "w"], "3"),
            node("Concat", "d", ["2", "2"], "4"),
            node("Conv", "e", ["4", "w"], "5"),
            node("Sigmoid", "f", ["5"], "6"),
            node("Concat", "g", ["3", "6"], "7"),
        ],
        "g", [tensor("x"), tensor("w")], [],
    )  # fmt: skip
    model = graph_of(onnx.helper.make_model(graph))
    last, after = split_graph(model)
    assert sorted(last) == ["c", "e"] and sorted(after) == ["f", "g"]
    assert first_nodes(model, 0) == [] and first_nodes(model, 1) == ["a", "b", "d"]
    assert first_nodes(model, 2) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "how", [SMALL, replace(SMALL, mode="dynamic", weights="u8"), Quantising("static", "u8", False, 0, False)], ids=str
)
def test_eight_bits_say_nearly_the_same(small_onnx, how):
    pictures = torch.rand(8, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    model = onnx.load(small_onnx)
    small = quantise(model, how, pictures)
    kinds = {i.name: i.data_type for i in small.graph.initializer}
    assert kinds["heads.model.layers.1.conv.weight_quantized"] == (
        onnx.TensorProto.UINT8 if how.weights == "u8" else onnx.TensorProto.INT8
    )
    assert {p.key: p.value for p in small.metadata_props} == {p.key: p.value for p in model.metadata_props}
    path = small_onnx.with_name("small8.onnx")
    onnx.save(small, path)
    before, after = (Session(p)(pictures) for p in (small_onnx, path))
    errors = [(a - b).norm() / b.norm() for a, b in zip(after, before, strict=True)]
    assert 1e-6 < max(errors) < 0.15
    again = quantise(model, how, pictures)
    assert again.SerializeToString() == small.SerializeToString()


def test_signed_weights_keep_to_seven_bits_so_that_nothing_saturates(small_onnx):
    pictures = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    most = {}
    for kind in ("s7", "s8"):
        small = quantise(onnx.load(small_onnx), replace(SMALL, weights=kind), pictures)
        stored = {i.name: i for i in small.graph.initializer}["heads.model.layers.1.conv.weight_quantized"]
        most[kind] = np.abs(onnx.numpy_helper.to_array(stored).astype(int)).max()
    assert most["s7"] <= 64 < most["s8"] <= 127


@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_many_of_the_first_convolutions_stay_floats(small_onnx, count):
    small = quantise(onnx.load(small_onnx), replace(SMALL, float_first=count), torch.rand(2, 3, 96, 96))
    floats = {i.name for i in small.graph.initializer}
    kept = [f"heads.model.layers.{number}.conv.weight" in floats for number in range(4)]
    assert kept == [number < count or number == 3 for number in range(4)]


def test_nothing_left_to_quantise_is_said(small_onnx):
    with pytest.raises(ExportError, match=r"^--float-first 3: leaves nothing to quantise, expected fewer conv"):
        quantise(onnx.load(small_onnx), Quantising(float_first=3), torch.rand(2, 3, 96, 96))
    quantise(onnx.load(small_onnx), Quantising(float_first=3, float_heads=False), torch.rand(2, 3, 96, 96))


def test_heads_stay_floats_unless_told(small_onnx):
    model = onnx.load(small_onnx)
    pictures = torch.rand(2, 3, 96, 96)
    kept, not_kept = (quantise(model, replace(SMALL, float_heads=f), pictures) for f in (True, False))
    head = "heads.model.layers.3.conv.weight"
    assert head in {i.name for i in model.graph.initializer}
    assert head in {i.name for i in kept.graph.initializer}
    assert head not in {i.name for i in not_kept.graph.initializer}


def test_half_precision_keeps_the_input_and_halves_the_file(small_onnx):
    small = quantise(onnx.load(small_onnx), Quantising("fp16"))
    path = small_onnx.with_name("half.onnx")
    onnx.save(small, path)
    pictures = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    (boxes, scores), (xyxy, theirs) = Session(small_onnx)(pictures), Session(path)(pictures)
    assert (boxes - xyxy).abs().max() < 0.5 and (scores - theirs).abs().max() < 0.01
    assert path.stat().st_size < 0.6 * small_onnx.stat().st_size


def test_static_without_pictures_and_a_model_without_weights_are_refused(small_onnx):
    with pytest.raises(ExportError, match=r"--mode static: has no pictures to calibrate on, expected a split"):
        quantise(onnx.load(small_onnx), SMALL)
    bare = onnx.helper.make_model(onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [], []))
    with pytest.raises(ExportError, match="no convolution or matrix product"):
        quantise(bare, Quantising("static"), torch.zeros(1, 3, 8, 8))


def test_the_cost_is_measured_written_and_a_loss_warned_of(small_onnx, shapes_split):
    data = shapes_split()
    cost = quantise_file(small_onnx, SMALL, data=data, **SETTLED)
    assert cost.path.name == "small-int8-static.onnx" and cost.calibrated == 8
    assert cost.bytes == (small_onnx.stat().st_size, cost.path.stat().st_size) and cost.bytes[1] < cost.bytes[0]
    assert cost.map50 is not None and cost.agreement.ours > 20
    kept = json.loads(cost.path.with_name(cost.path.name + ".json").read_text(encoding="utf-8"))
    assert kept["how"] == {"mode": "static", "weights": "s7", "per_channel": True, "float_first": 1,
                           "float_heads": True}  # fmt: skip
    assert kept["map50"] == list(cost.map50) and Session(cost.path).what.precision == "int8-static"
    bad = replace(cost, map50=(0.8, 0.7))
    assert "0.100 mAP@0.5 lost, more than --max-loss 0.01" in bad.warning
    assert replace(cost, map50=(0.8, 0.795)).warning == ""
    unlike = replace(cost, map50=None, agreement=replace(cost.agreement, ours=10, theirs=10, boxes=5))
    assert "0.500 of the boxes differ (no mAP" in unlike.warning


def test_calibration_pictures_come_from_train_by_the_seed(small_onnx, shapes_split):
    data = shapes_split(train=12)
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        more = {**SETTLED, "seed": seed, "calibrate": 2, "out": small_onnx.with_name(f"{name}.onnx")}
        files.append(quantise_file(small_onnx, SMALL, data=data, **more).path.read_bytes())
    assert files[0] == files[1] != files[2]


def test_what_cannot_be_quantised_is_said(small_onnx, small_pt, shapes_split):
    data = shapes_split()
    with pytest.raises(ExportError, match=r"small.pt: is no .onnx or .tflite, expected one that `detector exp"):
        quantise_file(small_pt, Quantising(), data=data, **SETTLED)
    with pytest.raises(ExportError, match=r"none.onnx: no such file"):
        quantise_file(small_onnx.with_name("none.onnx"), Quantising(), data=data, **SETTLED)
    with pytest.raises(ExportError, match=r"no split is known to judge it on, expected --data FOLDER"):
        quantise_file(small_onnx, Quantising(), data=None, **SETTLED)
    with pytest.raises(ExportError, match=r"x.tflite: does not end in .onnx, expected --out FILE.onnx"):
        quantise_file(small_onnx, Quantising(), data=data, **{**SETTLED, "out": small_onnx.with_name("x.tflite")})
    done = quantise_file(small_onnx, replace(SMALL, mode="dynamic"), data=data, **SETTLED)
    with pytest.raises(ExportError, match="is int8-dynamic already, expected a float32 model"):
        quantise_file(done.path, Quantising(), data=data, **SETTLED)
    with pytest.raises(ExportError, match="is there already"):
        quantise_file(small_onnx, replace(SMALL, mode="dynamic"), data=data, **SETTLED)


def test_the_command_prints_before_and_after(small_onnx, shapes_split):
    line = [
        "quantise",
        str(small_onnx),
        "--data",
        str(shapes_split()),
        "--calibrate",
        "4",
        "--float-first",
        "1",
        "--max-loss",
        "1",
        "--quiet",
    ]
    done = CliRunner().invoke(cli, line)
    assert done.exit_code == 0, done.output
    rows = [row.split()[0] for row in done.output.splitlines()]
    assert rows[:5] == ["before", "MB", "ms", "mAP@0.5", "boxes"] and "warning" not in done.output
