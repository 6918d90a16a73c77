"""Claims about the API and the live connection: the right boxes, and nothing beyond the limits."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from detector.detecting.inference import Thresholds
from detector.detecting.predict import look
from detector.runtimes.opening import open_runtime
from detector.serve.app import create_app
from detector.serve.engine import Engine
from detector.serve.guard import CONTENT_POLICY, Rules
from detector.serve.limits import Limits
from detector.serve.verdicts import read_verdicts

HERE = "http://127.0.0.1:8000"
LIVE = "ws://127.0.0.1:8000/live"
RED, BLUE, GREY = (220, 20, 20), (20, 20, 220), (90, 90, 90)


def draw(*squares: tuple[tuple[int, int, int], int, int], size_wh: tuple[int, int] = (640, 480)) -> np.ndarray:
    """(H, W, 3) RGB, grey, with squares of a third of the longer edge: colour, left, top."""
    picture = np.full((size_wh[1], size_wh[0], 3), GREY, np.uint8)
    side = max(size_wh) // 3
    for colour, left, top in squares:
        picture[top : top + side, left : left + side] = colour
    return picture


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()


SQUARES = jpeg(draw((RED, 80, 107), (BLUE, 400, 53)))
EXPECTED = {"red": (80, 107, 293, 320), "blue": (400, 53, 613, 266)}


def test_boxes_lie_over_what_is_in_the_picture_and_are_counted(ask):
    answer = ask().post("/api/detect", content=SQUARES)
    said = answer.json()
    assert answer.status_code == 200 and (said["width"], said["height"]) == (640, 480)
    assert {box["class"] for box in said["boxes"]} == {"red", "blue"} and len(said["boxes"]) == 2
    for box in said["boxes"]:
        assert np.allclose(box["xyxy"], EXPECTED[box["class"]], atol=2) and box["score"] > 0.9
    assert said["counts"] == {"red": 1, "blue": 1} and said["level"] == "neutral"


def test_an_empty_picture_has_no_boxes(ask):
    said = ask().post("/api/detect", content=jpeg(draw())).json()
    assert said["boxes"] == [] and said["level"] == "nothing" and said["counts"] == {"red": 0, "blue": 0}


def test_a_turned_photograph_is_looked_at_as_it_is_shown(ask):
    picture, stream = Image.fromarray(draw((RED, 80, 107))), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(stream, "JPEG", exif=exif)
    said = ask().post("/api/detect", content=stream.getvalue()).json()
    assert (said["width"], said["height"]) == (640, 480)
    assert np.allclose(said["boxes"][0]["xyxy"], EXPECTED["red"], atol=2)


@pytest.mark.parametrize(
    ("content", "limits", "status", "code", "said"),
    [
        (b"no picture", {}, 422, "picture", "the picture: not a picture (10 bytes)"),
        (b"", {}, 422, "picture", "the picture: not a picture (0 bytes)"),
        (SQUARES[:3000], {}, 422, "picture", "broken picture"),
        (SQUARES, {"pixels": 640 * 480 - 1}, 422, "picture", "640 x 480 pixels, expected at most 307199"),
        (SQUARES, {"upload_bytes": len(SQUARES) - 1}, 413, "large", f"more than {len(SQUARES) - 1} bytes"),
        (SQUARES, {"uploads": 0}, 503, "busy", "too many at once"),
    ],
)
def test_what_is_beyond_the_limits_is_refused_in_words(ask, content, limits, status, code, said):
    answer = ask(**limits).post("/api/detect", content=content)
    assert answer.status_code == status and answer.json()["error"] == code and said in answer.json()["message"]


def test_a_body_that_does_not_say_its_length_is_refused_when_it_has_grown_too_large(ask):
    sent = []

    def endless():
        for _ in range(1000):
            sent.append(1)
            yield b"x" * 1000

    answer = ask(upload_bytes=20_000).post("/api/detect", content=endless())
    assert answer.status_code == 413 and answer.json()["error"] == "large"


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(ask):
    stream = io.BytesIO()
    Image.new("1", (13_000, 13_000)).save(stream, "PNG")
    assert len(stream.getvalue()) < 100_000
    said = ask().post("/api/detect", content=stream.getvalue())
    assert said.status_code == 422 and "13000 x 13000 pixels" in said.json()["message"]


def test_nothing_that_is_sent_is_written(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")

    def forbidden(*_, **__):
        raise AssertionError("a temporary file")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, forbidden)
    assert len(stream.getvalue()) > 2_000_000
    assert ask().post("/api/detect", content=stream.getvalue()).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_asks_too_often_is_told_when_to_come_again(ask):
    client = ask(rate=1)
    answers = [client.post("/api/detect", content=b"x") for _ in range(8)]
    refused = [one for one in answers if one.status_code == 429]
    assert answers[0].status_code == 422 and refused
    assert refused[0].headers["retry-after"] == "1" and refused[0].json()["error"] == "rate"


def test_every_answer_forbids_foreign_scripts_and_is_not_kept(ask):
    client = ask()
    for path in ("/", "/docs", "/page/main.js", "/healthz", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_POLICY and headers["cache-control"] == "no-store", path
    assert "'unsafe" not in CONTENT_POLICY and "http:" not in CONTENT_POLICY


def test_the_page_and_its_parts_name_no_other_server():
    page = Path(__file__).parents[3] / "detector" / "serve" / "page"
    for path in page.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text and "innerHTML" not in text and "style=" not in text, path.name


def test_the_api_is_described_with_its_answers_and_refusals(ask):
    described = ask().get("/openapi.json").json()
    detect = described["paths"]["/api/detect"]["post"]
    assert set(detect["responses"]) == {"200", "401", "403", "408", "413", "422", "429", "503"}
    assert set(described["components"]["schemas"]["Box"]["properties"]) == {"xyxy", "class", "score"}
    assert detect["requestBody"]["content"]["image/jpeg"]["schema"]["format"] == "binary"


def test_health_model_and_metrics(ask):
    client = ask()
    assert client.get("/healthz").json() == {"status": "ok"}
    model = client.get("/api/model").json()
    assert [one["name"] for one in model["classes"]] == ["red", "blue"] and model["mode"] == "server"
    client.post("/api/detect", content=SQUARES)
    client.post("/api/detect", content=b"x")
    lines = client.get("/metrics").text.splitlines()
    assert 'detector_pictures_total{via="api"} 1' in lines and 'detector_refused_total{code="picture"} 1' in lines
    assert 'detector_picture_seconds_bucket{le="+Inf"} 1' in lines and "detector_picture_seconds_count 1" in lines


def test_live_frames_are_answered_with_their_number_and_a_bad_one_with_its_error(ask):
    client = ask()
    with client.websocket_connect(LIVE) as live:
        answers = []
        for frame in (SQUARES, b"broken", jpeg(draw())):
            live.send_bytes(frame)
            answers.append(json.loads(live.receive_text()))
    assert [one["frame"] for one in answers] == [0, 1, 2]
    assert len(answers[0]["boxes"]) == 2 and answers[1]["error"] == "picture" and answers[2]["boxes"] == []
    assert "detector_live_clients 0" in client.get("/metrics").text.splitlines()


def test_of_frames_sent_without_waiting_the_newest_is_answered_last(ask):
    client = ask(rate=20)
    with client.websocket_connect(LIVE) as live:
        for _ in range(30):
            live.send_bytes(SQUARES)
        numbers = [json.loads(live.receive_text())["frame"]]
        while numbers[-1] != 29:
            numbers.append(json.loads(live.receive_text())["frame"])
    assert numbers == sorted(set(numbers)) and len(numbers) < 30
    metrics = client.get("/metrics").text
    assert f"detector_frames_dropped_total {30 - len(numbers)}\n" in metrics


@pytest.mark.parametrize(
    ("limits", "message", "code"),
    [
        ({"frame_bytes": 10}, {"bytes": b"x" * 11}, 1009),
        ({"idle_s": 0.05}, None, 1001),
    ],
)
def test_a_connection_that_sends_too_much_or_nothing_is_closed(ask, limits, message, code):
    with ask(**limits).websocket_connect(LIVE) as live:
        if message:
            live.send_bytes(message["bytes"])
        with pytest.raises(WebSocketDisconnect) as closed:
            live.receive_text()
    assert closed.value.code == code


def test_one_connection_too_many_is_told_to_come_later(ask):
    client = ask(clients=1)
    with client.websocket_connect(LIVE) as first:
        with client.websocket_connect(LIVE) as second, pytest.raises(WebSocketDisconnect) as closed:
            second.receive_text()
        assert closed.value.code == 1013 and closed.value.reason == "busy"
        first.send_bytes(SQUARES)
        assert len(json.loads(first.receive_text())["boxes"]) == 2
    with client.websocket_connect(LIVE) as third:
        third.send_bytes(SQUARES)
        assert json.loads(third.receive_text())["frame"] == 0


def talk(app, scope, *messages):
    """What an application answers to messages, after which the client is silent and reads no frames' answers."""

    async def go():
        coming, answered = iter(messages), []

        async def receive():
            for message in coming:
                return message
            return await asyncio.Event().wait()

        async def send(message):
            answered.append(message)
            if message["type"] == "websocket.send":
                await asyncio.Event().wait()

        headers = [(b"host", b"127.0.0.1:8000")]
        whole = {"headers": headers, "query_string": b"", "client": ("127.0.0.1", 5), "path_params": {}, **scope}
        await asyncio.wait_for(app(whole, receive, send), 10)
        return answered

    return asyncio.run(go())


def test_a_client_that_does_not_read_its_answers_is_let_go(make_app):
    scope = {"type": "websocket", "scheme": "ws", "path": "/live", "subprotocols": []}
    frame = {"type": "websocket.receive", "bytes": SQUARES}
    answered = talk(make_app(send_s=0.05), scope, {"type": "websocket.connect"}, frame)
    assert [one["type"] for one in answered] == ["websocket.accept", "websocket.send"]


def test_text_where_a_frame_should_be_ends_the_connection(make_app):
    scope = {"type": "websocket", "scheme": "ws", "path": "/live", "subprotocols": []}
    answered = talk(make_app(), scope, {"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"})
    assert [one["type"] for one in answered] == ["websocket.accept"]


def test_an_upload_that_never_ends_is_given_up(make_app):
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/api/detect", "http_version": "1.1"}
    part = {"type": "http.request", "body": b"x", "more_body": True}
    start, body = talk(make_app(body_s=0.05), scope, part)
    assert start["status"] == 408 and json.loads(body["body"])["error"] == "slow"


def test_a_client_that_goes_amid_its_upload_is_counted_and_no_fault_of_ours(make_app):
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/api/detect", "http_version": "1.1"}
    part = {"type": "http.request", "body": b"x", "more_body": True}
    app = make_app()
    talk(app, scope, part, {"type": "http.disconnect"})
    metrics = TestClient(app, base_url=HERE).get("/metrics").text
    assert 'detector_refused_total{code="gone"} 1' in metrics.splitlines()


@pytest.mark.realdata
def test_the_api_finds_what_detect_finds_on_a_photograph(shared_data, tiny_weights):
    photograph = shared_data / "data" / "face-mask-detection" / "images" / "maksssksksss100.jpg"
    opened = open_runtime(tiny_weights, runtime="torch")
    engine = Engine(opened, Thresholds(), read_verdicts(None, opened.classes), Limits())
    client = TestClient(create_app(engine, Rules()), base_url=HERE)
    said = client.post("/api/detect", content=photograph.read_bytes()).json()
    ours = look(opened.run, photograph, opened.side, Thresholds())[0].as_json(opened.classes)
    assert said["boxes"] == ours["boxes"] and said["counts"]["person"] >= 3
