import json

import pytest
from click.testing import CliRunner

from detector.classify.crops import Cutting, cut_crops
from detector.cli import cli
from detector.errors import ExportError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def classifier(shapes_split, classifier_pt):
    """A .pt that has learnt nothing but says both classes, and pictures."""
    return classifier_pt, shapes_split() / "images" / "val"


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_an_exported_classifier_says_what_the_pt_says(classifier):
    path, pictures = classifier
    done = run("export", path, "--pictures", pictures, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["agrees"] and report["error"] < 1e-4 and report["same"] == report["count"] == 4
    assert json.loads((path.parent / "best.onnx.json").read_text()) == report
    words = ("classify", "predict", pictures, "--json", "--quiet", "--weights")
    ours = json.loads(run(*words, path).stdout)
    theirs = json.loads(run(*words, path.with_suffix(".onnx")).stdout)
    assert [one["class"] for one in ours] == [one["class"] for one in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["scores"] == pytest.approx(other["scores"], abs=1e-4)


def test_an_exported_classifier_is_judged_as_the_pt_is(classifier, tmp_path):
    path, pictures = classifier
    cut_crops(pictures.parents[1], tmp_path / "crops", Cutting())
    assert run("export", path, "--data", tmp_path / "crops", "--count", 3).exit_code == 0
    ours, theirs = (
        run("classify", "evaluate", one, "--data", tmp_path / "crops", "--batch", 3, "--json", "--quiet").stdout
        for one in (path, path.with_suffix(".onnx"))
    )
    assert ours == theirs and sum(map(sum, json.loads(ours)["confusion"])) == 8


def test_the_file_names_its_classes_for_other_programs(classifier):
    import onnx

    path, pictures = classifier
    run("export", path, "--pictures", pictures)
    model = onnx.load(path.with_suffix(".onnx"))
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(said["names"]) == {"0": "circle", "1": "square"} and json.loads(said["imgsz"]) == [64, 64]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "weights"), "--to: a classifier cannot be written as weights, expected onnx or tflite"),
        (("--nms",), "is a classifier, expected none of --nms"),
        (("--img-size", 96), "--img-size: 96, expected 64, as it was trained"),
        (("--out", "x.pt"), "x.pt: does not end in .onnx"),
    ],
)
def test_what_a_classifier_cannot_be_exported_to_is_said(classifier, words, message):
    done = run("export", classifier[0], *words)
    assert isinstance(done.exception, ExportError) and message in str(done.exception)


def test_an_onnx_of_another_kind_is_refused(classifier, small_pt):
    assert run("export", small_pt, "--pictures", classifier[1]).exit_code == 0
    done = run("classify", "predict", classifier[1], "--weights", small_pt.with_suffix(".onnx"))
    assert isinstance(done.exception, ExportError) and "is not a classifier of ours" in str(done.exception)
