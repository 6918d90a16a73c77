"""Claims about `--mode browser` in a real browser: the page finds what Python finds, and sends nothing."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import uvicorn
from PIL import Image, ImageDraw

from detector.boxes import Letterbox
from detector.data.pictures import pad, shrink
from detector.detecting.inference import Thresholds, select
from detector.detecting.predict import look
from detector.errors import RunError
from detector.judging.found import overlaps
from detector.runtimes.description import Description
from detector.runtimes.opening import open_runtime
from detector.runtimes.outputs import understand
from detector.serve import web_runtime
from detector.serve.browser import create_browser_app
from detector.serve.guard import Rules
from detector.serve.offer import Offer, as_onnx, digest
from detector.serve.verdicts import read_verdicts

FAKE, ALLOWED = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
RED, BLUE, GREY = (220, 20, 20), (20, 20, 220), (90, 90, 90)
LAST = "async () => (await import('/page/main.js')).last"
SQUARE = """async ([pixels, width, height, side]) => {
  const { toSquare } = await import("/page/letterbox.js");
  return [...toSquare({ data: Uint8ClampedArray.from(pixels), width, height }, side)];
}"""
DECODED = """async ([outputs, network, width, height]) => {
  const { decode } = await import("/page/decode.js");
  for (const one of Object.values(outputs)) one.data = Float32Array.from(one.data);
  return decode(outputs, network, width, height);
}"""
CONNECTION = "async ([state, what]) => (await import('/page/connection.js')).showConnection(state, what)"
SIZES = ((200, 117, 96), (192, 97, 96), (96, 64, 96), (50, 80, 96), (3, 7, 32), (301, 1, 32))
PATIENCE_S = 180  # the runtime's 14 MB are compiled once, which takes long on a busy machine


@pytest.fixture(autouse=True)
def _runtime() -> None:
    try:
        web_runtime.check()
    except RunError as error:
        pytest.skip(f"no web runtime: {error}")


def scene(path: Path, *squares: tuple[tuple[int, int, int], int, int], size_wh: tuple[int, int] = (640, 480)) -> Path:
    picture = Image.new("RGB", size_wh, GREY)
    side, pen = max(size_wh) // 3, ImageDraw.Draw(picture)
    for colour, x, y in squares:
        pen.rectangle((x, y, x + side - 1, y + side - 1), fill=colour)
    picture.save(path)
    return path


def film(path: Path, picture: Path) -> str:
    stream = io.BytesIO()
    Image.open(picture).save(stream, "JPEG", quality=95)
    path.write_bytes(stream.getvalue() * 10)
    return f"--use-file-for-fake-video-capture={path}"


def wait_until(page: Any, expression: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        assert time.monotonic() < until, (expression, page.inner_text("#trouble"), page.said)
        page.wait_for_timeout(50)


def seen(page: Any, file: Path) -> dict[str, Any]:
    """What the page says of a picture of the user's."""
    page.set_input_files("#file", file)
    until = time.monotonic() + PATIENCE_S
    while (found := page.evaluate(LAST)) is None:
        assert time.monotonic() < until and not page.inner_text("#trouble"), (page.inner_text("#trouble"), page.said)
        page.wait_for_timeout(50)
    return found


def wait_for_another(page: Any) -> None:
    """Until the answer shown is another than now."""
    page.evaluate("async () => { self.was = (await import('/page/main.js')).last; }")
    wait_until(page, "(async () => (await import('/page/main.js')).last !== self.was)()")


def assert_agree(found: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    """The same boxes, each with its partner: class, IoU above 0.95, score."""
    names = [[box["class"] for box in one["boxes"]] for one in (found, expected)]
    assert sorted(names[0]) == sorted(names[1]), (found, expected)
    if not names[0]:
        return
    boxes = [np.array([box["xyxy"] for box in one["boxes"]]) for one in (found, expected)]
    scores = [np.array([box["score"] for box in one["boxes"]]) for one in (found, expected)]
    same = np.array(names[0])[:, None] == np.array(names[1])[None]
    table = overlaps(*boxes) * same
    partners = table.argmax(axis=1)
    assert sorted(partners) == list(range(len(partners)))
    assert table.max(axis=1).min() > 0.95
    assert np.abs(scores[0] - scores[1][partners]).max() <= tolerance


@pytest.fixture
def serve_page(tmp_path: Path) -> Callable[..., Any]:
    """A function that serves a model in this process: its address, and every request as `METHOD path`."""

    @contextmanager
    def make(given: Path, **changed: Any) -> Iterator[tuple[str, list[str]]]:
        folder, asked = tmp_path / "served", []
        folder.mkdir()
        served, what = as_onnx(given, "", None, folder)
        meant, size = read_verdicts(None, what.classes), web_runtime.page_bytes()
        offer = Offer(served, what, Thresholds(), meant, 10**7, digest(served), size)
        app = create_browser_app(replace(offer, **changed), Rules())

        async def recorded(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "lifespan":
                asked.append(f"{scope.get('method', scope['type'])} {scope['path']}")
            await app(scope, receive, send)

        server = uvicorn.Server(uvicorn.Config(recorded, port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/", asked
        finally:
            server.should_exit = True
            thread.join()

    return make


def test_frames_are_looked_at_in_the_page_and_none_is_sent(squares_pt, serve_page, open_page, tmp_path):
    picture = scene(tmp_path / "a.png", (RED, 80, 107), (BLUE, 400, 53))
    with serve_page(squares_pt) as (url, asked):
        page = open_page(url, FAKE, ALLOWED, film(tmp_path / "a.mjpeg", picture))
        requests, sockets = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("websocket", lambda socket: sockets.append(socket.url))
        assert "No picture leaves it" in page.inner_text("#mode")
        page.click("#camera")
        wait_until(page, "document.getElementById('verdict').dataset.level === 'neutral'")
        before, so_far = len(asked), len(requests)
        for _ in range(3):
            wait_for_another(page)
        found = page.evaluate(LAST)
        assert asked[before:] == [] and requests[so_far:] == [] and sockets == [], "something was asked for meanwhile"
        assert {line.split()[0] for line in asked} == {"GET"} and "GET /model.onnx" in asked
        assert page.evaluate("self.crossOriginIsolated")
        assert re.fullmatch(r"ready, \d of the processor's cores", page.inner_text("#connection"))
    expected = {"red": (80, 107, 293, 320), "blue": (400, 53, 613, 266)}
    assert {box["class"] for box in found["boxes"]} == set(expected) and len(found["boxes"]) == 2
    for box in found["boxes"]:
        assert np.allclose(box["xyxy"], expected[box["class"]], atol=4)
    assert found["counts"] == {"red": 1, "blue": 1}
    wait_for_another(page)  # though the server has gone
    assert page.said == []


def test_the_square_is_the_servers_to_a_step_of_a_byte(squares_pt, serve_page, open_page):
    rng = np.random.default_rng(0)
    with serve_page(squares_pt) as (url, _):
        page = open_page(url)
        for width, height, side in SIZES:
            picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            pixels = np.dstack((picture, np.full((height, width), 255, np.uint8))).ravel().tolist()
            found = page.evaluate(SQUARE, [pixels, width, height, side])
            expected = pad(shrink(picture, side), side).transpose(2, 0, 1).ravel()
            apart = np.abs(np.array(found) * 255 - expected)
            assert apart.max() <= 1.001, (width, height, apart.max())
            few = 0.01 if max(width, height) > side else 0.15  # OpenCV enlarges by shares of 1/2048
            assert (apart > 0.5).mean() < few, (width, height, (apart > 0.5).mean())


@pytest.mark.parametrize("agnostic", [False, True])
def test_boxes_are_decoded_and_thinned_as_in_python(squares_pt, serve_page, open_page, agnostic):
    how = Thresholds(0.3, 0.45, agnostic=agnostic, by_name=(("b", 0.5),)).known_by(("a", "b"))
    generator = torch.Generator().manual_seed(0)
    heads = [torch.randn(1, 3 * 7, cells, cells, generator=generator) * 2 for cells in (3, 6)]
    anchors = (((40.0, 30.0), (60.0, 60.0), (20.0, 70.0)), ((10.0, 14.0), (20.0, 20.0), (30.0, 16.0)))
    what = Description(("a", "b"), 96, "raw", 1, anchors, (32, 16), "", "", "")
    xyxy, scores = understand(heads, what, 1)
    rows = torch.cat((torch.zeros(135, 1), torch.arange(135)[:, None] % 2, scores.amax(2).T, xyxy[0]), dim=1)
    given = {"raw": heads, "decoded": [xyxy, scores], "nms": [rows]}
    with serve_page(squares_pt) as (url, _):
        page = open_page(url)
        for kind, tensors in given.items():
            one = replace(what, outputs=kind)
            described = [{"data": t.ravel().tolist(), "dims": list(t.shape)} for t in tensors]
            outputs = dict(zip(one.output_names, described, strict=True))
            network = {"outputs": kind, "side": 96, "anchors_wh": anchors, "strides": (32, 16), "most": 3000}
            network |= {"confidence": how.each, "overlap": how.overlap, "agnostic": agnostic}
            for size_wh in ((640, 480), (97, 333)):
                found = page.evaluate(DECODED, [outputs, network, *size_wh])
                boxes, values = understand(tensors, one, 1)
                expected = select(boxes[0], values[0], Letterbox(size_wh, 96), how)
                assert [box["number"] for box in found] == expected.classes.tolist() and len(found) > 10
                assert np.allclose([box["score"] for box in found], expected.scores, atol=1e-5)
                assert np.allclose([box["xyxy"] for box in found], expected.xyxy, atol=1e-2)


def test_a_picture_of_ones_own_is_looked_at_in_the_page_as_python_does(squares_pt, serve_page, open_page, tmp_path):
    opened = open_runtime(squares_pt, runtime="torch")
    with serve_page(squares_pt) as (url, asked):
        page = open_page(url)
        for number, size_wh in enumerate(((640, 480), (480, 641), (66, 50), (1500, 1000))):
            squares = (RED, 0, size_wh[1] // 5), (BLUE, size_wh[0] // 2, 0)
            path = scene(tmp_path / f"{number}.png", *squares, size_wh=size_wh)
            found, expected = seen(page, path), look(opened.run, path, opened.side, Thresholds())[0]
            assert (found["width"], found["height"]) == size_wh
            assert_agree(found, expected.as_json(opened.classes), 0.002)
        assert re.fullmatch(r"\d+ ms", page.inner_text("#trip"))
        assert {line.split()[0] for line in asked} == {"GET"}
        (tmp_path / "broken.png").write_bytes(b"no picture")
        page.set_input_files("#file", tmp_path / "broken.png")
        wait_until(page, "document.getElementById('trouble').textContent.startsWith('This file cannot be shown')")


def test_what_keeps_the_model_from_running_is_said_in_both_languages(squares_pt, serve_page, open_page, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no model at all")
    with serve_page(squares_pt, model=tmp_path / "bad.onnx") as (url, _):
        page = open_page(url)
        wait_until(page, "document.getElementById('trouble').textContent")
        assert page.inner_text("#trouble").startswith("The browser cannot open the model. It may be too large")
        assert page.inner_text("#connection") == "not loaded" and not page.is_visible("#progress")
        page.click("[data-language=ko]")
        assert page.inner_text("#trouble").startswith("브라우저가 모델을 열 수 없습니다.")
        page.evaluate(CONNECTION, ["open", 1])
        assert page.inner_text("#note").startswith("브라우저가 이 페이지에 프로세서 코어를 하나만")
        page.evaluate("async () => { WebAssembly.validate = () => false; }")
        page.set_input_files("#file", scene(tmp_path / "a.png"))
        wait_until(page, "document.getElementById('trouble').textContent.includes('(SIMD)')")
        page.evaluate(CONNECTION, ["loading", {"loaded": 9_000_000, "total": 50_000_000}])
        assert page.inner_text("#loading-words") == "모델을 불러오는 중: 50 MB 중 9 MB"
        assert page.evaluate("document.getElementById('progress').position") == 0.18


@pytest.mark.realdata
def test_on_photographs_the_page_finds_what_the_command_finds(shared_data, tiny_weights, open_page):
    pictures = sorted((shared_data / "data" / "face-mask-detection" / "images").glob("*.jpg"))[::150]
    command = [
        sys.executable,
        "-m",
        "detector.cli",
        "serve",
        str(tiny_weights),
        "--mode",
        "browser",
        "--port",
        "0",
        "--quiet",
    ]
    opened, found = open_runtime(tiny_weights, runtime="torch"), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            page = open_page(re.search(r"at (http\S+)", process.stdout.readline())[1], wait="#mode[data-mode=browser]")
            for path in pictures:
                expected = look(opened.run, path, opened.side, Thresholds())[0].as_json(opened.classes)
                assert_agree(seen(page, path), expected, 0.01)
                found += len(expected["boxes"])
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
    assert found >= 5
