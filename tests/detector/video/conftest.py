"""Small moving pictures, made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ..serve.conftest import squares_pt  # noqa: F401  a network that finds red and blue squares


def moving_square(number: int, size_wh: tuple[int, int] = (96, 64)) -> np.ndarray:
    """A red square on grey, BGR, that goes right by two pixels a frame."""
    picture = np.full((size_wh[1], size_wh[0], 3), 120, np.uint8)
    picture[20:40, 10 + 2 * number : 30 + 2 * number] = (0, 0, 220)
    return picture


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a video of a moving square, of `frames` frames at 10 a second."""

    def write(name: str = "clip.avi", frames: int = 12, size_wh: tuple[int, int] = (96, 64)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "vp09"))
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 10.0, size_wh)
        assert writer.isOpened()
        for number in range(frames):
            writer.write(moving_square(number, size_wh))
        writer.release()
        return path

    return write
