"""How each source of a run is watched: a file to its end, a camera or stream until it ends or somebody stops it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from detector.detecting.inference import Thresholds
from detector.detecting.predict import found_in
from detector.errors import DataError
from detector.judging.found import Found
from detector.runtimes.opening import Opened
from detector.video.arguments import Watching
from detector.video.capture import Frame, OpenCapture, cut_off, frames_of, unreadable
from detector.video.live import Live
from detector.video.pace import Pace
from detector.video.show import Window
from detector.video.sources import title
from detector.video.watch import Watched, watch
from detector.video.write import Writer


@dataclass(frozen=True)
class Viewer:
    """What every source of a run is watched with."""

    opened: Opened
    how: Thresholds
    watching: Watching
    folder: Path
    quiet: bool
    window: Window | None
    stop: Callable[[], bool]

    def say(self, line: str) -> None:
        if not self.quiet:
            tqdm.write(line, file=sys.stderr)

    def warn(self, line: str) -> None:
        """Said to those who want it quiet too."""
        tqdm.write(f"warning: {line}", file=sys.stderr)

    def file(self, path: str, name: str) -> Watched:
        """A video from its beginning to its end."""
        capture = OpenCapture(path)
        try:
            return self._to_the_end(capture, title(path), name)
        finally:
            capture.close()

    def _to_the_end(self, capture: OpenCapture, said: str, name: str) -> Watched:
        total, came = capture.count or None, 0
        if total and self.watching.seconds:
            total = min(total, math.ceil(self.watching.seconds * capture.fps))
        with tqdm(
            total=total, desc=Path(said).name[-30:], unit="frame", disable=self.quiet or None, leave=False
        ) as bar:

            def frames() -> Generator[Frame, None, None]:
                nonlocal came
                for frame in frames_of(capture):
                    if self.stop():
                        return
                    came += 1
                    yield frame
                    bar.update()

            done = self._watch(frames(), said, name, capture.fps, None, self.watching.video is not False)
        if not came and not self.stop():
            raise DataError(said, "no frame can be read", "a video", unreadable(said))
        whole = not (self.stop() or done.closed or self.watching.seconds)
        if whole and cut_off(done.frames, capture.count):
            self.warn(f"{said}: cut off after {done.frames} of {capture.count} frames; what was there is kept")
        return done

    def live(self, source: int | str, name: str) -> Watched:
        """A camera or a stream, until it ends; a URL that says how long it is, as a file."""
        capture = OpenCapture(source)
        said = title(source)
        if isinstance(source, str) and capture.count:
            capture.close()
            return self.file(source, name)
        say, give_up = partial(self._tell, said), self.watching.give_up
        live = Live(capture, lambda: OpenCapture(source), give_up=give_up, say=say)
        pace = Pace(self.watching.fps)
        with tqdm(desc=said[-30:], unit="frame", disable=self.quiet or None, leave=False) as bar:

            def frames() -> Generator[Frame, None, None]:
                for frame in live.frames(self.stop):
                    yield frame
                    bar.update()

            done = self._watch(frames(), said, name, pace.fps, pace, bool(self.watching.video))
        if live.given_up:
            self.warn(f"{said}: no picture for {self.watching.give_up:g} s; what was there is kept")
        return done

    def _tell(self, name: str, line: str) -> None:
        self.say(f"{name}: {line}")

    def _watch(
        self, frames: Generator[Frame, None, None], source: str, name: str, fps: float, pace: Pace | None, video: bool
    ) -> Watched:
        own = self.folder / name
        own.mkdir()
        opened, writer = self.opened, Writer(own / "boxes", fps, self.watching.kind) if video else None

        def look(picture: np.ndarray) -> Found:
            return found_in(opened.run, picture, opened.side, self.how)

        try:
            return watch(
                frames, look, opened.classes, own, source, self.watching, writer=writer, pace=pace, window=self.window
            )
        finally:
            frames.close()  # a thread that reads ends here, whatever happened
            if not any(own.iterdir()):
                own.rmdir()
