"""Videos, cameras and streams opened by OpenCV, and files read to their end.

Frames are (H, W, 3) uint8, BGR until `Frame`, which is RGB; turned as the file says. FFmpeg's own complaints are
silenced: what matters is said by us. Limit: a source that a network does not deliver is noticed after `TIMEOUT_MS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from detector.errors import VideoError
from detector.video.sources import title

TIMEOUT_MS = 10_000
LEAST_FPS, MOST_FPS, USUAL_FPS = 0.1, 1000.0, 25.0
MISSING = 2  # frames that a container may promise too many without being cut off


@dataclass(frozen=True)
class Frame:
    """number: of the source's frames, from 0.  seconds: since its start.  picture: (H, W, 3) uint8, RGB."""

    number: int
    seconds: float
    picture: np.ndarray


class Capture(Protocol):
    """What gives pictures, one after the other."""

    count: int  # frames in all, 0 where nobody knows
    fps: float

    def read(self) -> np.ndarray | None:
        """The next frame, BGR, or None where there is none."""

    def seconds(self) -> float:
        """Where the frame that was read last stands, as the source says; 0 where it says nothing."""

    def close(self) -> None: ...


class OpenCapture:
    """A file, a camera's number or a URL, open. Raises VideoError where it cannot be."""

    def __init__(self, source: str | int) -> None:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        if isinstance(source, int):
            self._capture = cv2.VideoCapture(source)
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        else:
            times = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
            self._capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, times)
        if not self._capture.isOpened():
            raise VideoError(title(source), "cannot be opened", *_remedy(source))
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if LEAST_FPS <= fps <= MOST_FPS else USUAL_FPS
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = int(count) if 0 < count < 1e9 else 0

    def read(self) -> np.ndarray | None:
        there, picture = self._capture.read()
        return picture if there else None

    def seconds(self) -> float:
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def close(self) -> None:
        self._capture.release()


def _remedy(source: str | int) -> tuple[str, str]:
    if isinstance(source, int):
        return "a camera that no other program uses", "try another number, or close what uses it"
    if "://" in source:
        return "a stream or video that can be reached", "check the address, user and password, and that the sender runs"
    return "a whole video", "a file that was cut off may have lost its index: record it again, or try ffmpeg"


def unreadable(source: str) -> str:
    """What may help with a source that opens and gives no frame."""
    return "download it: its index may lie at its end, out of reach" if "://" in source else "record it again"


def frames_of(capture: Capture) -> Iterator[Frame]:
    """Every frame in turn. Time is the source's own, or goes on by its frames a second where that stands still."""
    number, before = 0, -1.0
    while (picture := capture.read()) is not None:
        seconds = capture.seconds()
        if seconds <= before or (number and not seconds):
            seconds = number / capture.fps if number / capture.fps > before else before + 1 / capture.fps
        yield Frame(number, seconds, np.ascontiguousarray(picture[..., ::-1]))
        number, before = number + 1, seconds


def cut_off(read: int, count: int) -> bool:
    """Whether a file that promised `count` frames and gave `read` has lost its end."""
    return count - read > max(MISSING, count // 50)


def frames_in(path: str) -> int:
    """How many frames a video says it has; 0 where it says nothing or is none."""
    try:
        capture = OpenCapture(path)
    except VideoError:
        return 0
    capture.close()
    return capture.count
