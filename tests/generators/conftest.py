"""A small sample, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.sample.make import plan, write


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four pictures from seed 0."""
    out = tmp_path_factory.mktemp("sample") / "raw"
    write(plan(24, 0), out, quiet=True)
    return out
