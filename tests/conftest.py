"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_folder() -> Path:
    """Where the real photographs and weights are: $SHARED_DATA, or `shared` beside this checkout."""
    return Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = shared_folder()
    if not (folder / "data" / "face-mask-detection" / "images").is_dir():
        pytest.skip(f"the real photographs are not at {folder} (set SHARED_DATA)")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that says whether the real photographs were used; CI reads it."""
    count = {"passed": 0, "skipped": 0, "failed": 0}
    for outcome, reports in terminalreporter.stats.items():
        if outcome in count:
            marked = {r.nodeid for r in reports if "realdata" in getattr(r, "keywords", {})}
            count[outcome] += len(marked)
    said = ", ".join(f"{n} {outcome}" for outcome, n in count.items())
    terminalreporter.write_line(f"tests on real photographs: {said}")
