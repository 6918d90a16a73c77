"""Drawn frames to a video that a browser plays: VP9 by OpenCV's own FFmpeg, or H.264 by PyAV (extra `[video]`).

Written beside and renamed when it is whole. Sides are cut to even numbers, which H.264 needs; frames of another size
than the first are scaled to it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from detector.errors import VideoError

ENDINGS = {"mp4": ".mp4", "webm": ".webm", "h264": ".mp4"}
CODECS = {"mp4": "vp09", "webm": "VP90"}
QUALITY = "23"  # x264's constant rate factor


class Encoder(Protocol):
    def write(self, picture: np.ndarray) -> None:
        """(H, W, 3) uint8, BGR, of the size that it was opened with."""

    def close(self) -> None: ...


class Vp9:
    """By OpenCV. Raises VideoError where its build has no VP9."""

    def __init__(self, path: Path, size_wh: tuple[int, int], fps: float, kind: str) -> None:
        codec = cv2.VideoWriter_fourcc(*CODECS[kind])  # type: ignore[attr-defined, unused-ignore]
        with _silence():  # in .webm it finds the codec by another name than the tag, and says so
            self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, size_wh)
        if not self._writer.isOpened():
            raise VideoError(
                path.parent, f"OpenCV here cannot write VP9 ({kind})", "", "--video-format h264, --no-video"
            )
        self.write = self._writer.write

    def close(self) -> None:
        self._writer.release()


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing that C libraries print to stderr is seen meanwhile."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class H264:
    """By PyAV's x264, some ten times faster (tests/benchmarks/video.py).

    Raises VideoError that names the extra where it is not installed.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int], fps: float) -> None:
        av = need_av()
        self._file: Any = av.open(str(path), "w", options={"movflags": "+faststart"})
        self._stream = self._file.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        self._stream.width, self._stream.height = size_wh
        self._stream.pix_fmt, self._stream.options = "yuv420p", {"crf": QUALITY, "preset": "veryfast"}
        self._frame = av.VideoFrame

    def write(self, picture: np.ndarray) -> None:
        self._file.mux(self._stream.encode(self._frame.from_ndarray(picture, format="bgr24")))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


def need_av() -> Any:
    """PyAV. Raises VideoError that names the extra to install."""
    try:
        import av
    except ImportError as error:
        remedy = 'pip install "balanced-detection[video]"'
        raise VideoError("--video-format h264", f"PyAV cannot be imported ({error})", "", remedy) from error
    return av


def choose_kind(name: str) -> str:
    """ "mp4", "webm" or "h264" for the option `name`. Raises VideoError where h264 is wanted and cannot be had."""
    if name == "auto":
        return "h264" if find_spec("av") else "mp4"
    if name == "h264":
        need_av()
    return name


class Writer:
    """A video at `path` with the ending of its kind; the file appears when it is closed, if a frame was written."""

    def __init__(self, stem: Path, fps: float, kind: str) -> None:
        self.path = stem.with_suffix(ENDINGS[kind])
        self._beside = self.path.with_name(f".{stem.name}.{os.getpid()}.part{self.path.suffix}")
        self._fps, self._kind = fps, kind
        self._encoder: Encoder | None = None
        self._size_wh = (0, 0)

    def write(self, picture: np.ndarray, copies: int = 1) -> None:
        """(H, W, 3) uint8, BGR."""
        if self._encoder is None:
            self._size_wh = (max(2, picture.shape[1] // 2 * 2), max(2, picture.shape[0] // 2 * 2))
            self._encoder = self._open()
        width, height = self._size_wh
        if picture.shape[0] - height in (0, 1) and picture.shape[1] - width in (0, 1):
            fitting = np.ascontiguousarray(picture[:height, :width])
        else:
            fitting = cv2.resize(picture, self._size_wh, interpolation=cv2.INTER_AREA)
        for _ in range(copies):
            self._encoder.write(fitting)

    def _open(self) -> Encoder:
        if self._kind == "h264":
            return H264(self._beside, self._size_wh, self._fps)
        return Vp9(self._beside, self._size_wh, self._fps, self._kind)

    def close(self, keep: bool = True) -> None:
        """Finish the file, or leave none."""
        try:
            if self._encoder is not None:
                self._encoder.close()
                if keep:
                    self._beside.replace(self.path)
        finally:
            self._beside.unlink(missing_ok=True)
