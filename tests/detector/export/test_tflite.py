"""TFLite in floats and in 8 bits, in its own runtime; these want the extra [tflite]."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from detector.cli import cli
from detector.errors import ExportError
from detector.export.quantise import Quantising
from detector.export.quantise_run import quantise_file
from detector.export.quantise_tflite import graph_of, quantise
from detector.export.run import export
from detector.export.writing import Target
from detector.runtimes.interpreter import Interpreter, text_in

MISSING = [m for m in ("litert_torch", "ai_edge_litert", "ai_edge_quantizer") if importlib.util.find_spec(m) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the extra [tflite] is not installed ({', '.join(MISSING)})")

SMALL = Quantising(weights="s8", float_first=1)  # three convolutions and a head
SETTLED = {"calibrate": 8, "max_loss": 0.01, "seed": 0, "out": None, "overwrite": False, "quiet": True}
PICTURES = torch.rand(8, 3, 96, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def kept():
    """What was converted, which takes seconds, by the kind of outputs."""
    return {}


@pytest.fixture
def small_tflite(small_pt, kept):
    path = small_pt.with_suffix(".tflite")
    if not kept:
        more = {"cfg": "", "img_size": None, "out": None, "overwrite": False, "data": None, "count": 1}
        kept["report"] = export(small_pt, Target("tflite"), **more, pictures=None)
        kept["bytes"] = path.read_bytes()
    path.write_bytes(kept["bytes"])
    return path


def tensors(content: bytes) -> dict[str, list[tuple[str, np.ndarray]]]:
    """By the kind of node: of each its inputs' types, and its weights."""
    from ai_edge_litert.tools import flatbuffer_utils as flat

    model = flat.read_model_from_bytearray(content)
    graph, found = model.subgraphs[0], {}
    for one in graph.operators:
        types = tuple(flat.type_to_name(graph.tensors[index].type) for index in one.inputs[:2])
        data = model.buffers[graph.tensors[one.inputs[1]].buffer].data if len(one.inputs) > 1 else None
        found.setdefault(flat.opcode_to_name(model, one.opcodeIndex), []).append((types, data))
    return found


def test_tflite_is_the_same_network_in_its_own_runtime(small_tflite, kept):
    report = kept["report"]
    assert report.agrees and report.agreement.boxes == report.agreement.ours > 5
    assert json.loads(text_in(small_tflite))["classes"] == ["circle", "square"]


def test_the_graph_is_in_order_and_ends_in_decoding(small_tflite):
    graph = graph_of(small_tflite.read_bytes())
    there = set(graph.given)
    for node in graph.nodes:
        assert there.issuperset(node.takes)
        there |= set(node.makes)
    assert [node.weighted for node in graph.nodes].count(True) == 4 and not graph.nodes[-1].weighted


@pytest.mark.parametrize(
    "how", [SMALL, replace(SMALL, mode="dynamic"), replace(SMALL, float_first=0, float_heads=False),
            replace(SMALL, per_channel=False)], ids=str,
)  # fmt: skip
def test_eight_bits_say_nearly_the_same(small_tflite, how):
    made = quantise(small_tflite.read_bytes(), how, PICTURES)
    first = 0 if how.float_first else 1
    kinds = [types for types, _ in tensors(made)["CONV_2D"]]
    given = "FLOAT32" if how.mode == "dynamic" else "INT8"
    assert kinds[1:3] == [(given, "INT8")] * 2
    assert kinds[0] == kinds[3] == ((given, "INT8") if first else ("FLOAT32", "FLOAT32"))
    path = small_tflite.with_name("small8.tflite")
    path.write_bytes(made + small_tflite.read_bytes()[small_tflite.read_bytes().index(b"PK\3\4") :])
    before, after = (Interpreter(p)(PICTURES) for p in (small_tflite, path))
    errors = [(a - b).norm() / b.norm() for a, b in zip(after, before, strict=True)]
    assert 1e-6 < max(errors) < 0.15
    assert quantise(small_tflite.read_bytes(), how, PICTURES) == made


def test_decoding_input_and_outputs_stay_floats(small_tflite):
    from ai_edge_litert.interpreter import Interpreter as LiteRT

    model = LiteRT(model_content=quantise(small_tflite.read_bytes(), replace(SMALL, float_heads=False), PICTURES))
    ends = [*model.get_input_details(), *model.get_output_details()]
    assert [one["dtype"] for one in ends] == [np.float32] * 3
    kinds = tensors(quantise(small_tflite.read_bytes(), replace(SMALL, float_first=0, float_heads=False), PICTURES))
    assert {types for kind in ("LOGISTIC", "EXP", "MUL", "ADD", "SUB") for (types, _) in kinds[kind]} <= {
        ("FLOAT32",), ("FLOAT32", "FLOAT32")}  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_many_of_the_first_convolutions_stay_floats(small_tflite, count):
    made = quantise(small_tflite.read_bytes(), replace(SMALL, float_first=count), PICTURES[:2])
    kinds = [types[1] for types, _ in tensors(made)["CONV_2D"]]
    assert kinds == ["FLOAT32" if number < count or number == 3 else "INT8" for number in range(4)]


def test_half_precision_halves_the_file(small_tflite):
    made = quantise(small_tflite.read_bytes(), replace(SMALL, mode="fp16"))
    assert len(made) < 0.75 * small_tflite.stat().st_size
    path = small_tflite.with_name("half.tflite")
    path.write_bytes(made + small_tflite.read_bytes()[small_tflite.read_bytes().index(b"PK\3\4") :])
    (boxes, scores), (xyxy, theirs) = Interpreter(small_tflite)(PICTURES), Interpreter(path)(PICTURES)
    assert (boxes - xyxy).abs().max() < 0.5 and (scores - theirs).abs().max() < 0.01


def test_what_cannot_be_quantised_is_said(small_tflite):
    content = small_tflite.read_bytes()
    with pytest.raises(ExportError, match=r"^--mode static: has no pictures to calibrate on, expected a split"):
        quantise(content, SMALL)
    with pytest.raises(ExportError, match=r"^--weights u8: is a kind of ONNX's, expected s8, TFLite's only one"):
        quantise(content, replace(SMALL, weights="u8"), PICTURES)
    with pytest.raises(ExportError, match=r"^--float-first 3: leaves nothing to quantise, expected fewer conv"):
        quantise(content, replace(SMALL, float_first=3), PICTURES)


def test_the_cost_is_measured_and_the_file_used_like_any_other(small_tflite, shapes_split):
    data = shapes_split()
    words = ("quantise", small_tflite, "--data", data, "--calibrate", 4, "--float-first", 1, "--quiet", "--json")
    done = CliRunner().invoke(cli, [str(word) for word in (*words, "--max-loss", 1)])
    assert done.exit_code == 0, done.output
    cost = json.loads(done.stdout)
    small = small_tflite.with_name("small-int8-static.tflite")
    assert cost["path"] == str(small) and cost["bytes"] == [small_tflite.stat().st_size, small.stat().st_size]
    assert cost["map50"] is not None and cost["agreement"]["ours"] > 20 and cost["warning"] == ""
    kept = json.loads(small.with_name(f"{small.name}.json").read_text(encoding="utf-8"))
    assert kept["how"]["weights"] == "s8" and Interpreter(small).what.precision == "int8-static"
    judged = CliRunner().invoke(cli, ["evaluate", str(small), "--data", str(data), "--quiet", "--json"])
    assert judged.exit_code == 0, judged.output
    assert json.loads(judged.stdout)["map50"] == pytest.approx(cost["map50"][1])
    with pytest.raises(ExportError, match="is int8-static already, expected a float32 model"):
        quantise_file(small, SMALL, data=data, **SETTLED)
    with pytest.raises(ExportError, match=r"x.onnx: does not end in .tflite, expected --out FILE.tflite"):
        quantise_file(small_tflite, SMALL, data=data, **{**SETTLED, "out": small.with_name("x.onnx")})
