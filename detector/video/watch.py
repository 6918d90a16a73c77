"""One source watched from its first frame to its last: look, follow, count, draw, write.

Its folder gets `boxes.mp4` (or .webm), `frames.jsonl`, `counts.csv` and `counts.png`, each whole or not there. Frames
that are not looked at (`every`) are drawn with the boxes of the last that was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from detector.atomic import write_atomically
from detector.detecting.draw import draw_boxes
from detector.judging.found import Found
from detector.video.arguments import Watching
from detector.video.capture import Frame
from detector.video.pace import Pace, Rate
from detector.video.show import Window
from detector.video.summary import Counts, json_line
from detector.video.summary_plot import counts_png
from detector.video.track import Shown, Tracker, untracked
from detector.video.write import Writer


@dataclass(frozen=True)
class Watched:
    """name: of the source.  frames: that came, looked at or not.  seconds: to the last of them.  closed: the window."""

    name: str
    folder: Path
    frames: int
    seconds: float
    counts: Counts
    closed: bool

    def as_json(self) -> dict[str, Any]:
        """source, folder, frames, looked, seconds, and tracks, most and mean at once of each class."""
        return {
            "source": self.name,
            "folder": str(self.folder),
            "frames": self.frames,
            "looked": self.counts.frames,
            "seconds": round(self.seconds, 3),
            "classes": self.counts.as_json(),
        }

    def line(self) -> str:
        """For people."""
        tracked = self.counts.tracks.any()
        there = [
            f"{name} {one['tracks']} (at most {one['most']} at once)" if tracked else f"{name} {one['most']} at once"
            for name, one in self.counts.as_json().items()
        ]
        said = ", ".join(there) or "nothing"
        return f"{self.name}: {self.frames} frames, {self.seconds:.1f} s: {said}: {self.folder}"


def watch(
    frames: Iterable[Frame],
    look: Callable[[np.ndarray], Found],
    classes: tuple[str, ...],
    folder: Path,
    name: str,
    how: Watching,
    *,
    writer: Writer | None,
    pace: Pace | None = None,
    window: Window | None = None,
) -> Watched:
    """Watch `frames`. look: a picture, (H, W, 3) uint8 RGB, to boxes in its pixels.  pace: of what is live."""
    tracker, counts, rate = Tracker(len(classes)), Counts(classes, how.interval), Rate()
    shown, done, seconds, closed = untracked(_nothing()), 0, 0.0, False
    with ExitStack() as files:
        lines = files.enter_context(_lines(folder / "frames.jsonl"))
        if writer:
            files.enter_context(_whole(writer))
        for frame in frames:
            if how.seconds and frame.seconds >= how.seconds:
                break
            if done % how.every == 0:
                found = look(frame.picture)
                shown = tracker.update(found) if how.track else untracked(found)
                counts.add(frame.seconds, shown)
                lines.write(json_line(frame.number, frame.seconds, shown, classes))
            done, seconds = done + 1, frame.seconds
            speed = rate.tick(time.monotonic())
            if writer or window:
                drawn = draw(frame.picture, shown, classes, speed)
                if writer:
                    writer.write(drawn, pace.copies(frame.seconds) if pace else 1)
                if window and not window.show(drawn):
                    closed = True
                    break
    write_atomically(folder / "counts.csv", counts.csv().encode())
    write_atomically(folder / "counts.png", counts_png(counts, name))
    return Watched(name, folder, done, seconds, counts, closed)


def draw(picture: np.ndarray, shown: Shown, classes: tuple[str, ...], speed: float) -> np.ndarray:
    """RGB to BGR, with boxes, and the frames a second that are done in the lower left corner."""
    drawn = draw_boxes(picture, shown.found.xyxy, shown.found.classes, classes, shown.found.scores)
    made = cv2.cvtColor(np.ascontiguousarray(drawn), cv2.COLOR_RGB2BGR)
    scale = max(0.4, max(made.shape[:2]) / 1200)
    place = (round(10 * scale), made.shape[0] - round(12 * scale))
    for paint, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        thick = max(1, round(width * scale))
        cv2.putText(made, f"{speed:.1f} frames/s", place, cv2.FONT_HERSHEY_SIMPLEX, scale, paint, thick, cv2.LINE_AA)
    return made


def _nothing() -> Found:
    return Found(np.zeros((0, 4)), np.zeros(0, dtype=int), np.zeros(0))


@contextmanager
def _whole(writer: Writer) -> Iterator[None]:
    """The writer's file is kept unless something goes wrong."""
    keep = False
    try:
        yield
        keep = True
    finally:
        writer.close(keep)


@contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    """A file to write lines to, which appears when all are written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="\n", buffering=1) as file:
            yield file
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
