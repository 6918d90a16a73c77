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
