"""Where boxes and tracks must be is known: a network set by hand finds squares that move as they are told to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector import cli
from detector.detecting.draw import colour
from detector.video.capture import OpenCapture, frames_of

SIDE, EDGE, FRAMES = 80, 240, 16
BLUE_FOR = (5, 11)  # frames in which the square is blue for once


def left(number: int) -> int:
    return 20 + 6 * number


@pytest.fixture(scope="module")
def seen(squares_pt: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs, one in each format, of a video in which a red square goes right, and is blue for a frame now and then."""
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("squares")
    writer = cv2.VideoWriter(str(folder / "s.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (EDGE, EDGE))
    for number in range(FRAMES):
        picture = np.full((EDGE, EDGE, 3), 90, np.uint8)
        paint = (220, 20, 20) if number in BLUE_FOR else (20, 20, 220)
        picture[60 : 60 + SIDE, left(number) : left(number) + SIDE] = paint
        writer.write(picture)
    writer.release()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind in ("mp4", "webm", "h264"):
            words = ["detect", "s.avi", "--weights", str(squares_pt), "--video-format", kind, "--nms", "0.2", "--quiet"]
            patch.setattr("sys.argv", ["detector", *words])
            cli.main()
    yield folder / "runs" / "detect"


def rows(seen: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (seen / "1" / "s" / "frames.jsonl").read_text().splitlines()]


def test_the_box_is_on_the_square_in_every_frame(seen: Path) -> None:
    for row in rows(seen):
        (box,) = row["boxes"]
        truth = (left(row["frame"]), 60, left(row["frame"]) + SIDE, 60 + SIDE)
        assert box["xyxy"] == pytest.approx(truth, abs=20.1)  # a cell of 8 in 96 is 20 pixels here


def test_it_is_one_track_and_stays_red_while_the_frames_alone_say_blue(seen: Path) -> None:
    boxes = [row["boxes"][0] for row in rows(seen)]
    assert [box["track"] for box in boxes] == [1] * FRAMES
    assert [box["class"] for box in boxes] == ["red"] * FRAMES
    assert [n for n, box in enumerate(boxes) if box["seen"] == "blue"] == list(BLUE_FOR)
    # Tracks count from the third look on: 8 of the first second's 10 frames.
    counts = (seen / "1" / "s" / "counts.csv").read_text()
    assert counts == "seconds,frames,red,blue\n0,10,0.800,0.000\n1,6,1.000,0.000\n"


def test_the_drawn_frame_has_the_colour_of_the_voted_class(seen: Path) -> None:
    capture = OpenCapture(str(seen / "1" / "s" / "boxes.mp4"))
    drawn = {frame.number: frame.picture.astype(int) for frame in frames_of(capture)}
    capture.close()
    assert len(drawn) == FRAMES
    for number in (0, *BLUE_FOR):
        x0, y0, x1, _ = rows(seen)[number]["boxes"][0]["xyxy"]
        edge = drawn[number][round(y0) - 3 : round(y0), round(x0) + 5 : round(x1) - 5].reshape(-1, 3)
        assert np.abs(edge - colour(0)).sum(axis=1).min() < 90  # after VP9's halved colours
        assert np.abs(edge - colour(0)).sum() < np.abs(edge - colour(1)).sum()


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no browser: chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_a_browser_plays_it(seen: Path, page: Any) -> None:
    files = [seen / "1" / "s" / "boxes.mp4", seen / "2" / "s" / "boxes.webm", seen / "3" / "s" / "boxes.mp4"]
    for file in files:
        html = file.with_name("page.html")
        html.write_text(f"<video muted src='{file.name}'></video>")
        page.goto(html.as_uri())
        wide, seconds = page.evaluate(
            """async () => {
              const video = document.querySelector("video"), ended = new Promise(done => video.onended = done);
              await video.play(); await ended;
              return [video.videoWidth, video.currentTime];
            }"""
        )
        assert wide == EDGE and seconds == pytest.approx(FRAMES / 10, abs=0.15), file.name
