"""The model in the package is the one that its card describes, and the card says what `detector evaluate` says."""

import json
import sys

import pytest

from datatools import cli as datatools
from detector import cli as detector
from detector.data.split import read_split
from detector.network.checkpoint import load
from detector.shipped import FOLDER, read_card, shipped_model
from detector.shipping.judging import digest_of
from detector.shipping.text import card_text


def test_the_packages_model_is_the_one_of_its_card_and_small_and_holds_no_code():
    card, path = read_card(), shipped_model()  # compares sha256
    assert path.stat().st_size == card["bytes"] <= 20e6
    found = load(path)  # refuses whatever is not plain tensors
    assert (list(found.classes), found.img_size, found.state) == (card["classes"], card["img_size"], {})
    assert found.build().eval()(pictures_of(card["img_size"]))[0].shape[0] == 1


def pictures_of(side):
    import torch

    return torch.zeros(1, 3, side, side)


def test_the_packages_card_was_written_from_its_values():
    about = (FOLDER / "about.md").read_text(encoding="utf-8")
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == card_text(read_card(), about)


@pytest.mark.slow
@pytest.mark.realdata
def test_the_card_agrees_with_the_commands_that_it_shows(shared_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").symlink_to(shared_data / "data" / "face-mask-detection")

    def run(program, *words):
        monkeypatch.setattr(sys, "argv", [program.__name__, *words])
        try:
            program.main()
        except SystemExit as stop:
            assert not stop.code, capsys.readouterr().err
        return capsys.readouterr().out

    run(datatools, "convert", "--quiet")
    card = read_card()
    for subset in ("val", "test"):
        said = card["judged"][subset]
        assert digest_of(read_split(tmp_path / "data" / "yolo").read(subset)) == said["digest"]
        told = json.loads(
            run(detector, "evaluate", "shipped", "--split", subset, "--json", "--quiet", "--runtime", "torch")
        )
        assert told["conf"] == card["confidence"] and told["images"] == said["pictures"]
        assert told["map50"] == pytest.approx(said["map50"], abs=0.003)
        for name, score in said["classes"].items():
            assert told["classes"][name]["ap50"] == pytest.approx(score["ap50"], abs=0.005)
            for count in ("tp", "fp", "fn"):  # another processor rounds otherwise
                assert abs(told["classes"][name][count] - score[count]) <= 2
