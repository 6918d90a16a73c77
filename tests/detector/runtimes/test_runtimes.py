"""Exported models opened and used like weights: batches, what is refused, and which runtime `auto` takes."""

from __future__ import annotations

import json
import re

import onnx
import pytest
import torch
from click.testing import CliRunner

from detector.cli import cli
from detector.detecting.inference import InTorch
from detector.errors import ExportError, UserError, WeightsError
from detector.export.run import export
from detector.export.writing import Target
from detector.runtimes import cached
from detector.runtimes.description import Description, read_description
from detector.runtimes.opening import open_runtime
from detector.runtimes.outputs import in_batches
from detector.runtimes.reading import darknet_names

SETTLED = {"cfg": "", "img_size": None, "overwrite": False, "data": None, "count": 1, "pictures": None}
FLOATS = Target("onnx")
WHAT = Description(("a", "b"), 64, "nms", 0, (((1.0, 2.0),),), (8,), "x.pt", "0" * 64, "1", confidence=0.3, overlap=0.4)


def made(small_pt, name, target=FLOATS):
    return export(small_pt, target, **SETTLED, out=small_pt.with_name(name)).path


def test_a_description_survives_its_text():
    assert read_description(WHAT.as_text(), "x") == WHAT
    properties = WHAT.as_properties()
    assert json.loads(properties["names"]) == {"0": "a", "1": "b"} and properties["imgsz"] == "[64, 64]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "says nothing of its classes and input"),
        ("{", "its description cannot be read"),
        ('{"format": 1}', "its description cannot be read"),
        ('{"format": 99}', "was made by another version, expected format 1"),
        ("[]", "its description cannot be read"),
    ],
)
def test_a_description_that_is_none_of_ours_is_refused(text, said):
    with pytest.raises(ExportError, match=f"m.onnx: {said}.*make it with `detector export`"):
        read_description(text, "m.onnx")


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_a_model_of_a_fixed_batch_takes_any_number_of_pictures(small_pt, small_model, count):
    opened = open_runtime(made(small_pt, "fixed.onnx", Target("onnx", batch=3)))
    pictures = torch.rand(count, 3, 96, 96, generator=torch.Generator().manual_seed(count))
    with torch.inference_mode():
        for ours, theirs in zip(InTorch(small_model)(pictures), opened.run(pictures), strict=True):
            assert ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=1e-3)


def test_detections_of_a_batch_are_told_apart_by_picture():
    rows = torch.tensor([[0.0, 1, 0.9, 1, 2, 3, 4], [2, 0, 0.8, 5, 6, 7, 8], [2, 1, 0.7, 0, 0, 1, 1]])
    boxes, scores = in_batches(lambda pictures: [rows], torch.zeros(3, 3, 64, 64), WHAT)
    assert boxes.shape == (3, 2, 4) and boxes[2].tolist() == [[5, 6, 7, 8], [0, 0, 1, 1]]
    assert torch.allclose(scores, torch.tensor([[[0, 0.9], [0, 0]], [[0, 0], [0, 0]], [[0.8, 0], [0, 0.7]]]))
    empty = in_batches(lambda pictures: [rows[:0]], torch.zeros(2, 3, 64, 64), WHAT)
    assert [tuple(part.shape) for part in empty] == [(2, 0, 4), (2, 0, 2)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.onnx", None, "no such file, expected a .pt, .weights, .onnx, .torchscript or .tflite file"),
        ("bad.onnx", b"not a model", r"onnxruntime cannot open it \(.*expected an ONNX model"),
        ("empty.onnx", b"", r"onnxruntime cannot open it \(.*expected an ONNX model"),
        ("bad.torchscript", b"not a model", r"torch cannot open it \(.*expected a TorchScript model"),
        ("bad.tflite", b"not a model", "says nothing of its classes and input, expected a model of ours"),
    ],
)
def test_a_file_that_is_no_model_is_said_in_one_line(tmp_path, name, content, said):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: {said}") as caught:
        open_runtime(path)
    assert "\n" not in str(caught.value)


def test_a_foreign_onnx_model_is_refused(tmp_path):
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "theirs.onnx")
    with pytest.raises(ExportError, match=r"theirs.onnx: says nothing of its classes and input"):
        open_runtime(tmp_path / "theirs.onnx")


def test_what_an_exported_model_cannot_do_is_refused(small_pt):
    path = made(small_pt, "m.onnx")
    with pytest.raises(ExportError, match=r"takes pictures of 96 pixels, not 64.*export again with --img-size 64"):
        open_runtime(path, side=64)
    with pytest.raises(ExportError, match=r"m.onnx: cannot be run by --runtime torch, expected --runtime auto"):
        open_runtime(path, runtime="torch")
    with pytest.raises(ExportError, match=r"--device cuda: not known to this onnxruntime"):
        open_runtime(path, device="cuda")


def test_a_missing_extra_is_named(small_pt, monkeypatch):
    path = made(small_pt, "m.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(
        ExportError, match=r'onnxruntime: cannot be imported .*pip install "balanced-detection\[onnx\]"'
    ):
        open_runtime(path)
    assert open_runtime(small_pt, pictures=1000).kind == "torch"


def test_auto_is_torch_for_few_pictures_and_writes_nothing(small_pt):
    assert open_runtime(small_pt, pictures=cached.WORTH - 1).kind == "torch"
    assert [path.name for path in small_pt.parent.iterdir()] == ["small.pt"]


@pytest.mark.parametrize(
    ("clock", "kind", "name"), [([9.0, 4.0], "onnx", "onnxruntime"), ([4.0, 9.0], "torch", "torch")]
)
def test_auto_takes_what_is_faster_for_many_and_says_so(small_pt, monkeypatch, clock, kind, name):
    few = open_runtime(small_pt, pictures=cached.WORTH)
    assert few.kind == "torch" and [path.name for path in small_pt.parent.iterdir()] == [
        "small.pt"
    ]  # in no run's folder
    (small_pt.parent / "args.yaml").write_text("data: data\n")
    monkeypatch.setattr(cached, "_milliseconds", lambda runs, side: clock)
    said: list[str] = []
    assert open_runtime(small_pt, pictures=cached.WORTH, say=said.append).kind == kind
    assert said == [f"runtime: {name} (onnxruntime {clock[1]:.0f} ms, torch {clock[0]:.0f} ms)"]


def test_the_kept_model_is_used_again_until_the_weights_change(small_pt, small_model):
    kept = small_pt.with_name(".small-96.onnx")
    opened = open_runtime(small_pt, runtime="onnx")
    assert opened.kind == "onnx" and kept.is_file()
    first = kept.stat().st_mtime_ns
    open_runtime(small_pt, runtime="onnx")
    assert kept.stat().st_mtime_ns == first
    from detector.network.checkpoint import load, save

    ours = load(small_pt)
    ours.weights["layers.3.conv.bias"] += 1
    save(ours, small_pt)
    pictures = torch.rand(1, 3, 96, 96)
    run = open_runtime(small_pt, runtime="onnx").run
    with torch.inference_mode():
        assert torch.allclose(run(pictures)[1], InTorch(ours.build().eval())(pictures)[1], atol=1e-5)


def test_a_kept_model_that_is_spoilt_is_made_anew(small_pt):
    small_pt.with_name(".small-96.onnx").write_bytes(b"cut off")
    assert open_runtime(small_pt, runtime="onnx").kind == "onnx"


@pytest.mark.parametrize("to", ["onnx", "torchscript"])
def test_evaluate_and_detect_take_an_export_like_a_pt(small_pt, shapes_split, tmp_path, to):
    data = shapes_split(val=3)
    path = made(small_pt, f"m.{to}", Target(to))
    results = []
    for one in (small_pt, path):
        judged = CliRunner().invoke(cli, ["evaluate", str(one), "--data", str(data), "--json", "--quiet"])
        assert judged.exit_code == 0, judged.output
        out = tmp_path / f"out-{one.name}"
        line = ["detect", str(data / "images" / "val"), "--weights", str(one), "--out", str(out), "--json", "--quiet"]
        seen = CliRunner().invoke(cli, line)
        assert seen.exit_code == 0, seen.output
        results.append(
            (json.loads(judged.output)["map50"], re.sub(r"\d+\.\d+", "", seen.output), seen.output.count("xyxy"))
        )
    assert results[0][0] == pytest.approx(results[1][0], abs=1e-6)
    assert results[0][1:] == results[1][1:] and results[0][2] > 20


def test_classes_of_a_model_and_a_split_must_agree(small_pt, shapes_split):
    data = shapes_split(val=2)
    yaml = data / "data.yaml"
    yaml.write_text(yaml.read_text().replace("[circle, square]", "[square, circle]"))
    done = CliRunner().invoke(cli, ["evaluate", str(made(small_pt, "m.onnx")), "--data", str(data), "--quiet"])
    assert done.exit_code != 0 and "classes square, circle, expected the model's: circle, square" in str(done.exception)


def test_a_file_that_is_no_weights_is_still_said():
    with pytest.raises(WeightsError, match="no such file"):
        open_runtime(__import__("pathlib").Path("none.pt"))


def test_names_of_cocos_classes_are_known():
    assert darknet_names(80)[0] == "person" and darknet_names(2) == ("class 0", "class 1")


def test_the_shipped_models_export_is_kept_in_the_users_cache(small_pt, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.shipped.FOLDER", small_pt.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "_milliseconds", lambda runs, side: [9.0, 4.0])
    assert open_runtime(small_pt, pictures=cached.WORTH).kind == "onnx"
    assert [path.name for path in small_pt.parent.iterdir()] == ["small.pt"]
    assert (tmp_path / "cache/balanced-detection/models/.small-96.onnx").is_file()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert open_runtime(small_pt, pictures=cached.WORTH).kind == "torch"
