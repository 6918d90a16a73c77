"""Sources that go on whether they are read or not: made here, and a camera's server on this machine that drops."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import cv2
import numpy as np
import pytest

from detector.errors import VideoError
from detector.video.capture import OpenCapture
from detector.video.live import Live

from .conftest import moving_square


class Ticking:
    """A frame every `step` seconds, whose pixels are its number; nothing after `frames` of them."""

    count, fps = 0, 25.0

    def __init__(self, step: float, frames: int = 10**6, first: int = 0) -> None:
        self.step, self.frames, self.number = step, frames, first
        self.closed = False

    def read(self):
        time.sleep(self.step)
        if self.number >= self.frames:
            return None
        self.number += 1
        return np.full((2, 2, 3), self.number % 256, np.uint8)

    def seconds(self):
        return 0.0

    def close(self):
        self.closed = True


def never():
    raise VideoError("camera 0", "cannot be opened")


def test_who_is_slow_sees_the_newest_frame_each_time_and_latency_does_not_grow():
    source, behind = Ticking(0.005), []
    live = Live(source, never, give_up=0, say=print)
    for frame in live.frames(stop=lambda: len(behind) >= 20):
        behind.append(live.read - 1 - frame.number)
        time.sleep(0.05)  # ten frames come meanwhile: a queue would be 180 frames behind at the end
    assert sorted(behind)[10] <= 3 and max(behind) < 60, behind  # a busy machine may hold a thread up for a moment
    assert live.read > 40 and live.taken == 20 and source.closed


def test_who_is_fast_sees_every_frame_once():
    taken = threading.Semaphore(1)

    class Patient(Ticking):
        def read(self):
            assert taken.acquire(timeout=10)
            return super().read()

    numbers = []
    for frame in Live(Patient(0, 10), never, give_up=0, say=print).frames():
        numbers.append(frame.number)
        taken.release()
    assert numbers == list(range(10))


def test_times_are_those_of_reading_and_go_up():
    live = Live(Ticking(0.02, 5), never, give_up=0, say=print)
    times = [frame.seconds for frame in live.frames()]
    assert all(b > a for a, b in pairwise(times)) and times[0] >= 0.02 and times[-1] >= 0.1


def test_a_source_that_drops_is_opened_again_and_every_capture_closed():
    first, third, said, tries = Ticking(0.005, 3), Ticking(0.005, 6, first=3), [], []

    def reopen():
        tries.append(time.monotonic())
        if len(tries) == 2:
            return third
        raise VideoError("x", "cannot be opened")

    live = Live(first, reopen, give_up=1, say=said.append, first_wait=0.05)
    numbers = [frame.number for frame in live.frames()]
    assert live.read == 6 and live.drops == 2 and numbers[-1] == 5 and numbers == sorted(set(numbers))
    assert said == [
        "the source dropped; opening it again",
        "the source is back",
        "the source dropped; opening it again",
    ]
    assert live.given_up
    assert tries[1] - tries[0] >= 0.09  # the second wait is twice the first
    assert first.closed and third.closed


def test_a_fault_while_reading_is_not_swallowed():
    class Faulty(Ticking):
        def read(self):
            raise ZeroDivisionError("broken")

    with pytest.raises(ZeroDivisionError, match="broken"):
        list(Live(Faulty(0), never, give_up=0, say=print).frames())


def test_stopping_while_nothing_comes_ends_at_once():
    live = Live(Ticking(0.01, 0), never, give_up=60, say=lambda line: None)
    start = time.monotonic()
    assert list(live.frames(stop=lambda: time.monotonic() - start > 0.3)) == []
    assert time.monotonic() - start < 3


class Camera:
    """An HTTP server of moving JPEGs (multipart/x-mixed-replace) at `port`, 0: any free one."""

    def __init__(self, port: int = 0) -> None:
        over = self._over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                while not over.wait(0.02):
                    coded = cv2.imencode(".jpg", moving_square(number % 20))[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(coded)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + coded + b"\r\n")
                    except OSError:
                        return
                    number += 1

            def log_message(self, *given):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_stream_that_drops_and_comes_back_is_read_on():
    camera = Camera()
    port = camera.port
    url = f"http://127.0.0.1:{port}/"
    said: list[str] = []
    gone: list[Camera] = []
    timer: list[threading.Timer] = []
    back = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if line.endswith("back"):
            back.set()

    def come_back() -> None:
        gone.append(Camera(port))

    capture = OpenCapture(url)
    assert capture.count == 0  # nobody knows how long it is: it is live
    live = Live(capture, lambda: OpenCapture(url), give_up=30, say=say, first_wait=0.1)
    after: list[int] = []
    start = time.monotonic()
    try:
        for frame in live.frames(stop=lambda: len(after) >= 5 or time.monotonic() - start > 30):
            assert frame.picture.shape == (64, 96, 3)
            if frame.number == 5 or (not timer and frame.number > 5):
                camera.stop()
                timer.append(threading.Timer(0.5, come_back))
                timer[0].start()
            if back.is_set():
                after.append(frame.number)
    finally:
        for one in timer:
            one.join()
        for one in gone or [camera]:
            one.stop()
    assert len(after) == 5 and live.drops >= 1
    assert said[:2] == ["the source dropped; opening it again", "the source is back"]


def test_a_stream_that_nobody_sends_is_said_in_one_line():
    camera = Camera()
    camera.stop()
    with pytest.raises(VideoError, match=r"http://127\.0\.0\.1:\d+/: cannot be opened, expected a stream"):
        OpenCapture(f"http://127.0.0.1:{camera.port}/")
