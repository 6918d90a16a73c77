"""The model that comes with the package: how it is found, and that it is the one which its card describes."""

import hashlib
import json

import pytest

from detector import shipped
from detector.errors import RunError
from detector.runs import newest_model
from detector.shipped import advised, named_model, read_card, shipped_model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model and its card, in place of the package's."""
    path = tmp_path / "weights"
    path.mkdir()
    (path / "x.pt").write_bytes(b"weights")
    card = {"format": 1, "version": "9.9", "file": "x.pt", "sha256": hashlib.sha256(b"weights").hexdigest()}
    card |= {"judged": {"val": {"map50": 0.8756}, "test": {"map50": 0.5}}, "confidence": {"cat": 0.5, "dog": 0.25}}
    (path / "card.json").write_text(json.dumps(card))
    monkeypatch.setattr(shipped, "FOLDER", path)
    return path


def test_shipped_names_the_packages_model_and_nothing_else_does(folder, tmp_path, monkeypatch):
    assert named_model(shipped.Path("shipped")) == folder / "x.pt"
    assert named_model(shipped.Path("sub/shipped")) == shipped.Path("sub/shipped")


def test_the_newest_run_goes_before_the_shipped_model(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, why = newest_model()
    assert path == folder / "x.pt"
    said = "model: shipped with detector 9.9 (mAP@0.5 0.876 on val, 0.500 on test; no run in runs/train)"
    assert why == said
    for name in ("1/best.pt", "2/last.pt"):
        (tmp_path / "runs/train" / name).parent.mkdir(parents=True)
        (tmp_path / "runs/train" / name).write_text("")
    assert newest_model() == (shipped.Path("runs/train/1/best.pt"), "model: runs/train/1/best.pt (the only run here)")


def test_without_either_both_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        RunError, match=r"^runs/train: no run with a best\.pt, .*; .*none/card\.json: no model came with"
    ):
        newest_model()


def test_a_file_that_its_card_does_not_describe_is_refused(folder):
    (folder / "x.pt").write_bytes(b"other weights")
    with pytest.raises(RunError, match=r"x\.pt: is not the file that its card describes, expected sha256 "):
        shipped_model()
    (folder / "x.pt").unlink()
    with pytest.raises(RunError, match=r"x\.pt: no such file, expected sha256 .*; install the package again"):
        shipped_model()


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ('{"format": 99}', "is no card of this version")])
def test_a_card_that_cannot_be_read_is_said(folder, text, message):
    (folder / "card.json").write_text(text)
    with pytest.raises(RunError, match=message):
        read_card()


def test_a_card_cannot_lead_out_of_its_folder(folder, tmp_path):
    (tmp_path / "x.pt").write_bytes(b"weights")
    (folder / "x.pt").unlink()
    card = read_card() | {"file": "../x.pt"}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(RunError, match=r"weights/x\.pt: no such file"):
        shipped_model()


def test_the_cards_confidences_are_the_shipped_models_alone(folder, tmp_path):
    assert advised(folder / "x.pt") == (("cat", 0.5), ("dog", 0.25))
    assert advised(tmp_path / "x.pt") == advised(None) == ()
