"""The newest frame of a source that goes on whether it is read or not: cameras and streams.

A thread reads as fast as frames come and keeps one; who is slow misses frames and never sees old ones, so that what
is shown is late by one frame at most, for ever. Where the source drops, it is opened again after 0.5 s, 1 s, 2 s, ...
up to 15 s, and is over when `give_up` seconds have brought no picture.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from detector.errors import VideoError
from detector.video.capture import Capture, Frame

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
PATIENCE = 0.2  # seconds between two looks at whether to stop


def waits(first: float = FIRST_WAIT, longest: float = LONGEST_WAIT) -> Iterator[float]:
    """Seconds before each attempt to open again: doubled each time, up to `longest`."""
    wait = first
    while True:
        yield wait
        wait = min(2 * wait, longest)


class Live:
    """Frames of what `reopen` opens, from `capture` on, until `stop` says so or it gives up.

    say: told in one line when the source drops and comes back.
    """

    def __init__(
        self,
        capture: Capture,
        reopen: Callable[[], Capture],
        *,
        give_up: float,
        say: Callable[[str], None],
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._capture, self._reopen, self._give_up, self._say = capture, reopen, give_up, say
        self._first_wait = first_wait
        self._new = threading.Condition()
        self._newest: tuple[int, float, np.ndarray] | None = None
        self._over = threading.Event()
        self.read, self.taken, self.drops = 0, 0, 0
        self.given_up = False

    def frames(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Frame]:
        """The newest frame each time it is asked for one; `seconds` is when it was read, since the start."""
        with ThreadPoolExecutor(1, "camera") as pool:
            reading = pool.submit(self._keep_reading)
            try:
                while not stop() and (newest := self._take(reading, stop)) is not None:
                    number, seconds, picture = newest
                    self.taken += 1
                    yield Frame(number, seconds, np.ascontiguousarray(picture[..., ::-1]))
            finally:
                self._over.set()
            reading.result()

    def _take(self, reading: Future[None], stop: Callable[[], bool]) -> tuple[int, float, np.ndarray] | None:
        """The newest frame, waited for; None where there will be none."""
        with self._new:
            while self._newest is None:
                if reading.done() or stop():
                    return None
                self._new.wait(PATIENCE)
            newest, self._newest = self._newest, None
            return newest

    def _keep_reading(self) -> None:
        start, capture = time.monotonic(), self._capture
        try:
            while not self._over.is_set():
                picture = capture.read()
                if picture is not None:
                    with self._new:
                        self._newest = (self.read, time.monotonic() - start, picture)
                        self.read += 1
                        self._new.notify()
                    continue
                capture.close()
                again = self._open_again()
                if again is None:
                    return
                capture = again
        finally:
            capture.close()

    def _open_again(self) -> Capture | None:
        """The source, open; None when it was given up or nobody wants it any more."""
        self.drops += 1
        self._say("the source dropped; opening it again")
        last = time.monotonic() + self._give_up
        for wait in waits(self._first_wait):
            rest = last - time.monotonic()
            if rest <= 0:
                self.given_up = True
                return None
            if self._over.wait(min(wait, rest)):
                return None
            try:
                capture = self._reopen()
            except VideoError:
                continue
            self._say("the source is back")
            return capture
        raise AssertionError  # `waits` has no end
