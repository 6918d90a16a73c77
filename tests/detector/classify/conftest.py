"""Crops of coloured shapes, and the command as a person calls it."""

from __future__ import annotations

import sys

import pytest
import torch

from detector import cli
from detector.classify.checkpoint import Classifier, save
from detector.classify.networks import build


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """A function that runs `detector classify ...` in an empty folder; returns exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["detector", "classify", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def classifier_pt(tmp_path):
    """A .pt that has learnt nothing but says both classes."""
    network = build("mobilenet-v2", 2, seed=1).eval()
    with torch.no_grad():
        torch.nn.init.normal_(network.classifier[1].weight, std=2.0, generator=torch.Generator().manual_seed(0))
    path = tmp_path / "classifier" / "best.pt"
    path.parent.mkdir()
    save(Classifier("mobilenet-v2", ("circle", "square"), 64, network.state_dict()), path)
    return path
