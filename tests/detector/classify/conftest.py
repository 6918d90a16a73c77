"""Crops of coloured shapes, and the command as a person calls it."""

from __future__ import annotations

import sys

import pytest

from detector import cli


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
