"""A classifier as TFLite, in floats and in 8 bits; these want the extra [tflite]."""

import importlib.util
import json

import pytest
import torch
from click.testing import CliRunner

from detector.classify.crops import Cutting, cut_crops
from detector.classify.exported import Exported
from detector.cli import cli
from detector.errors import ExportError

MISSING = [m for m in ("litert_torch", "ai_edge_litert", "ai_edge_quantizer") if importlib.util.find_spec(m) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the extra [tflite] is not installed ({', '.join(MISSING)})")


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_a_classifier_in_tflite_says_what_the_pt_says_and_in_eight_bits_nearly(classifier_pt, shapes_split, tmp_path):
    crops = tmp_path / "crops"
    cut_crops(shapes_split(), crops, Cutting())
    done = run("export", classifier_pt, "--to", "tflite", "--data", crops, "--count", 3, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["agrees"] and report["error"] < 1e-4 and report["same"] == report["count"] > 2
    flat = classifier_pt.with_suffix(".tflite")
    ours, theirs = (
        run("classify", "evaluate", one, "--data", crops, "--batch", 3, "--json", "--quiet").stdout
        for one in (classifier_pt, flat)
    )
    assert ours == theirs and sum(map(sum, json.loads(ours)["confusion"])) == 8
    words = ("--data", crops, "--calibrate", 6, "--max-loss", 1, "--json", "--quiet")
    done = run("quantise", flat, *words)
    assert done.exit_code == 0, done.output
    cost, small = json.loads(done.stdout), flat.with_name("best-int8-static.tflite")
    assert cost["path"] == str(small) and cost["bytes"][1] == small.stat().st_size and cost["smaller"] > 3
    assert Exported(small).precision == "int8-static" and Exported(small).classes == ("circle", "square")
    pictures = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert (Exported(flat)(pictures) - Exported(small)(pictures)).abs().max() < 0.25
    judged = json.loads(run("classify", "evaluate", small, "--data", crops, "--json", "--quiet").stdout)
    assert judged["accuracy"] == pytest.approx(cost["accuracy"][1])
    refused = run("quantise", flat, *words, "--out", flat.with_name("x.onnx")).exception
    assert isinstance(refused, ExportError) and "does not end in .tflite, expected --out FILE.tflite" in str(refused)


def test_a_pt_is_quantised_to_tflite_where_the_output_is_named_so(classifier_pt, shapes_split, tmp_path):
    cut_crops(shapes_split(), tmp_path / "crops", Cutting())
    out = tmp_path / "small.tflite"
    words = ("--mode", "dynamic", "--data", tmp_path / "crops", "--max-loss", 1, "--json", "--quiet", "--out", out)
    done = run("quantise", classifier_pt, *words)
    assert done.exit_code == 0, done.output
    cost = json.loads(done.stdout)
    assert cost["bytes"][1] == out.stat().st_size and cost["smaller"] > 3 and cost["calibrated"] == 0
    assert Exported(out).precision == "int8-dynamic" and Exported(out).said["source"] == "best.pt"
