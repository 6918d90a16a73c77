"""Claims about the page in a real browser (chromium) with a made camera: `detector serve`, as a user starts it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

SIZE_WH, SIDE = (640, 480), 213
RED_AT, BLUE_AT = (80, 107), (400, 53)
PHONE_WH = (390, 844)
FAKE, ALLOWED = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
VERDICTS = "red: {level: bad, en: Red square, ko: 빨간 사각형}\nblue: {level: good, en: Blue square, ko: 파란 사각형}\n"
# The drawn boxes' left, top, right, bottom in pixels of the frame: where the canvas has the colour of a level.
DRAWN = """colour => {
  const canvas = document.getElementById("boxes"), [w, h] = [canvas.width, canvas.height];
  const data = canvas.getContext("2d").getImageData(0, 0, w, h).data, box = [w, h, 0, 0];
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
    const at = 4 * (y * w + x);
    if (colour.every((v, i) => Math.abs(data[at + i] - v) < 3) && data[at + 3] > 250) {
      box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y);
    }
  }
  return [w, h, ...box];
}"""
BAD, GOOD = [255, 59, 59], [39, 168, 68]


def scene(*, red: bool = False, blue: bool = False, kind: str = "JPEG") -> bytes:
    picture, stream = Image.new("RGB", SIZE_WH, (90, 90, 90)), io.BytesIO()
    pen = ImageDraw.Draw(picture)
    for wanted, colour, (x, y) in ((red, (220, 20, 20), RED_AT), (blue, (20, 20, 220), BLUE_AT)):
        if wanted:
            pen.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), fill=colour)
    picture.save(stream, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return stream.getvalue()


@contextmanager
def serving(model: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server in a process of its own, which Ctrl-C ends well."""
    arguments = ["serve", str(model), "--runtime", "torch", "--quiet", *options]
    code = "import torch; torch.set_num_threads(1); from detector.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        try:
            assert process.stdout
            found = re.search(r"at (http\S+)", process.stdout.readline())
            assert found
            yield found[1], process
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


@pytest.fixture(scope="module")
def address(squares_pt: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    verdicts = tmp_path_factory.mktemp("verdicts") / "verdicts.yaml"
    verdicts.write_text(VERDICTS, encoding="utf-8")
    with serving(squares_pt, "--port", "0", "--verdicts", str(verdicts)) as (url, _):
        yield url


def film(path: Path, frame: bytes) -> str:
    path.write_bytes(frame * 10)
    return f"--use-file-for-fake-video-capture={path}"


def wait_until(page: Any, expression: str) -> None:
    """Playwright's own waiting needs eval, which the page's policy forbids."""
    until = time.monotonic() + 90  # on a busy machine
    while not page.evaluate(expression):
        assert time.monotonic() < until, (expression, page.said)
        page.wait_for_timeout(50)


def assert_over(page: Any, colour: list[int], left_top: tuple[int, int]) -> None:
    width, height, *box = page.evaluate(DRAWN, colour)
    assert (width, height) == SIZE_WH
    expected = (*left_top, left_top[0] + SIDE, left_top[1] + SIDE)
    assert all(abs(a - b) <= 6 for a, b in zip(box, expected, strict=True)), (box, expected)


def test_the_cameras_frames_come_back_with_boxes_over_the_right_places(address, open_page, tmp_path):
    page = open_page(address, FAKE, ALLOWED, film(tmp_path / "a.mjpeg", scene(red=True, blue=True)))
    page.click("#camera")
    wait_until(page, "document.getElementById('verdict').dataset.level === 'bad'")
    assert_over(page, BAD, RED_AT)
    assert_over(page, GOOD, BLUE_AT)
    places = page.evaluate(
        "['video', 'boxes'].map(i => document.getElementById(i).getBoundingClientRect())"
        ".map(r => [r.x, r.y, r.width, r.height])"
    )
    assert places[0] == pytest.approx(places[1], abs=1)
    assert places[0][2] / places[0][3] == pytest.approx(4 / 3, abs=0.01)
    wait_until(page, "parseFloat(document.getElementById('rate').textContent) > 0")
    assert re.fullmatch(r"\d+ ms", page.inner_text("#trip"))
    assert page.inner_text("#verdict").split("\n") == ["✕", "", "Red square × 1"]
    assert [row.inner_text() for row in page.query_selector_all("#counts td")] == ["1", "1"]
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{os.environ['SCREENSHOTS']}/desk.png", full_page=True)
    page.click("[data-language=ko]")
    assert page.get_attribute("html", "lang") == "ko"
    wait_until(page, "document.getElementById('verdict-words').textContent === '빨간 사각형 × 1'")
    page.click("#stop")
    assert page.evaluate("document.activeElement.id") == "camera"
    assert page.inner_text("#verdict-words") == "시작하지 않음"
    assert [line for line in page.said if "willReadFrequently" not in line] == []  # of the reading above


def test_a_camera_that_sees_nothing_gets_no_box(address, open_page, tmp_path):
    page = open_page(address, FAKE, ALLOWED, film(tmp_path / "a.mjpeg", scene()), size_wh=PHONE_WH, locale="ko-KR")
    assert page.get_attribute("html", "lang") == "ko"
    page.click("#camera")
    wait_until(page, "parseFloat(document.getElementById('rate').textContent) > 0")
    assert page.inner_text("#verdict-words") == "찾은 것이 없습니다"
    assert page.evaluate(DRAWN, BAD)[2:] == [640, 480, 0, 0] and page.evaluate(DRAWN, GOOD)[2:] == [640, 480, 0, 0]
    assert page.evaluate("document.scrollingElement.scrollWidth") == PHONE_WH[0]
    buttons = page.evaluate("[...document.querySelectorAll('button, .file')].map(e => e.offsetHeight).filter(h => h)")
    assert min(buttons) >= 44
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{os.environ['SCREENSHOTS']}/phone.png", full_page=True)


@pytest.mark.parametrize(
    ("arguments", "english", "korean"),
    [
        ((), "No camera was found", "카메라를 찾을 수 없습니다"),
        ((FAKE, "--deny-permission-prompts"), "The camera may not be used", "카메라 사용이 거부되었습니다"),
    ],
    ids=["no-camera", "refused"],
)
def test_what_is_wrong_with_the_camera_is_said_in_both_languages(address, open_page, arguments, english, korean):
    page = open_page(address, *arguments)
    page.click("#camera")
    wait_until(page, "document.getElementById('trouble').textContent")
    assert english in page.inner_text("[role=alert]")
    page.click("[data-language=ko]")
    assert korean in page.inner_text("[role=alert]")


def test_a_picture_of_ones_own_is_looked_at_and_a_broken_one_is_said(address, open_page, tmp_path):
    page = open_page(address)
    (tmp_path / "a.png").write_bytes(scene(blue=True, kind="PNG"))
    page.set_input_files("#file", tmp_path / "a.png")
    wait_until(page, "document.getElementById('verdict').dataset.level === 'good'")
    assert_over(page, GOOD, BLUE_AT)
    assert re.search(r": Blue square \d+ %$", page.get_attribute("#boxes", "aria-label"))
    (tmp_path / "b.png").write_bytes(b"no picture")
    page.set_input_files("#file", tmp_path / "b.png")
    wait_until(page, "document.getElementById('trouble').textContent")
    assert page.inner_text("#trouble").startswith("This file cannot be shown by the browser.")
    (tmp_path / "c.gif").write_bytes(scene(red=True, kind="GIF"))
    page.set_input_files("#file", tmp_path / "c.gif")
    wait_until(page, "document.getElementById('trouble').textContent.startsWith('This picture cannot be read')")


def test_a_video_of_ones_own_is_played_by_the_browser_and_only_its_frames_are_sent(address, open_page, tmp_path):
    path = tmp_path / "a.webm"
    frame = cv2.cvtColor(np.asarray(Image.open(io.BytesIO(scene(red=True)))), cv2.COLOR_RGB2BGR)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP90"), 10, SIZE_WH)
    assert writer.isOpened()
    for _ in range(10):
        writer.write(frame)
    writer.release()
    page, posted = open_page(address), []
    page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
    page.set_input_files("#file", path)
    wait_until(page, "document.getElementById('verdict').dataset.level === 'bad'")
    assert_over(page, BAD, RED_AT)
    wait_until(page, "document.getElementById('spoken').textContent === 'Red square × 1'")
    assert posted == []


def test_the_page_for_programs_describes_the_api(address, open_page):
    page = open_page(address)
    page.goto(f"{address}docs")
    page.wait_for_selector("text=POST /api/detect")
    assert "Left, top, right, bottom" in page.inner_text("main") and page.said == []


def test_without_the_token_the_page_asks_for_it(squares_pt, open_page):
    with serving(squares_pt, "--port", "0", "--token", "sesame") as (url, _):
        page = open_page(url, wait="#token")
        page.fill("#token", "wrong")
        page.press("#token", "Enter")
        page.wait_for_selector("#token")
        page.fill("#token", "sesame")
        page.press("#token", "Enter")
        page.wait_for_selector("#counts tr")
        assert page.url == url


def test_where_no_place_is_free_the_page_says_so_and_gets_one_later(squares_pt, open_page, tmp_path):
    camera = (FAKE, ALLOWED, film(tmp_path / "a.mjpeg", scene(red=True)))
    with serving(squares_pt, "--port", "0", "--clients", "1") as (url, _):
        first, second = open_page(url, *camera), open_page(url, *camera)
        first.click("#camera")
        wait_until(first, "document.getElementById('verdict').dataset.level === 'neutral'")
        second.click("#camera")
        wait_until(second, "document.getElementById('trouble').textContent.startsWith('The server is busy')")
        first.click("#stop")
        wait_until(second, "document.getElementById('verdict').dataset.level === 'neutral'")
        assert second.inner_text("#trouble") == ""


def test_a_server_that_goes_and_comes_back_is_found_again(squares_pt, open_page, tmp_path):
    with serving(squares_pt, "--port", "0") as (url, _):
        page = open_page(url, FAKE, ALLOWED, film(tmp_path / "a.mjpeg", scene(red=True)))
        page.click("#camera")
        wait_until(page, "document.getElementById('verdict').dataset.level === 'neutral'")
    wait_until(page, "document.getElementById('trouble').textContent.startsWith('The server does not answer')")
    assert page.inner_text("#connection") == "lost, trying again"
    with serving(squares_pt, "--port", url.rstrip("/").rsplit(":", 1)[1]):
        wait_until(page, "document.getElementById('connection').textContent === 'connected'")
        wait_until(page, "document.getElementById('trouble').textContent === ''")
        wait_until(page, "parseFloat(document.getElementById('rate').textContent) > 0")
