"""What a frame of a video costs beside the network: following, drawing, encoding. No time is asserted.

    python tests/benchmarks/video.py [--frames 60]

A frame is a made one of 640 x 480 pixels with noise and ten faces of two classes that move; milliseconds a frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from detector.judging.found import Found
from detector.video.track import Shown, Tracker
from detector.video.watch import draw
from detector.video.write import Writer

CLASSES = ("with_mask", "without_mask")
WIDTH, HEIGHT, FACES = 640, 480, 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=60)
    frames = parser.parse_args().frames
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 200, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    found, shown, drawn = [faces(number) for number in range(frames)], list[Shown](), list[np.ndarray]()
    tracker = Tracker(len(CLASSES))
    told("follow", frames, lambda n: shown.append(tracker.update(found[n])))
    told("draw", frames, lambda n: drawn.append(draw(np.roll(ground, 3 * n, 1), shown[n], CLASSES, 10.0)))
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("mp4", "webm", "h264"):
            writer = Writer(Path(folder) / kind, 10.0, kind)

            def write(n: int, writer: Writer = writer, last: int = frames - 1) -> None:
                writer.write(drawn[n])
                if n == last:
                    writer.close()

            told(f"encode {kind}", frames, write)
            print(f"{'':14}{writer.path.stat().st_size / frames / 1024:8.1f} KiB")


def faces(number: int) -> Found:
    x, y = 20 + 60 * np.arange(FACES) + number % 20, 40 + 37 * np.arange(FACES)
    boxes = np.stack((x, y, x + 40, y + 50), axis=1).astype(float)
    return Found(boxes, (np.arange(FACES) + number // 7) % 2, np.linspace(0.9, 0.3, FACES))


def told(name: str, frames: int, work: Callable[[int], object]) -> None:
    start = time.perf_counter()
    for number in range(frames):
        work(number)
    print(f"{name:14}{(time.perf_counter() - start) / frames * 1e3:8.2f} ms")


if __name__ == "__main__":
    main()
