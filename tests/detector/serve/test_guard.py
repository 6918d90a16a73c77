"""Claims about who may ask: hosts, origins, the token."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from starlette.websockets import WebSocketDisconnect

from detector.serve.guard import Rules

HERE = "http://127.0.0.1:8000"
LIVE = "ws://127.0.0.1:8000/live"
STREAM = io.BytesIO()
Image.new("RGB", (64, 48), (220, 20, 20)).save(STREAM, "JPEG")
PICTURE = STREAM.getvalue()


@pytest.mark.parametrize(
    ("headers", "rules", "status"),
    [
        ({}, Rules(), 200),
        ({"origin": HERE}, Rules(), 200),
        ({"origin": "http://evil.example"}, Rules(), 403),
        ({"origin": "null"}, Rules(), 403),
        ({"origin": "https://127.0.0.1:8000"}, Rules(), 403),
        ({"origin": "https://school.example"}, Rules(origins=("https://school.example",)), 200),
        ({"host": "evil.example", "origin": "http://evil.example"}, Rules(), 421),
        ({"host": "localhost:8000"}, Rules(), 200),
        ({"host": "[::1]:8000"}, Rules(), 200),
        ({"host": "[::1"}, Rules(), 421),
        ({"host": "school.example", "origin": "http://school.example"}, Rules(local=False), 200),
    ],
)
def test_only_the_servers_own_page_and_those_named_may_ask(ask, headers, rules, status):
    client = ask(rules)
    assert client.post("/api/detect", content=PICTURE, headers=headers).status_code == status
    if status == 200:
        with client.websocket_connect(LIVE, headers=headers) as live:
            live.send_bytes(PICTURE)
            assert "boxes" in live.receive_text()
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE, headers=headers):
            raise AssertionError("was let in")


def test_with_a_token_nothing_is_told_without_it(ask):
    client = ask(Rules(token="open sesame"))
    for path in ("/api/model", "/metrics", "/docs", "/openapi.json"):
        assert client.get(path).json()["error"] == "token", path
    assert client.post("/api/detect", content=PICTURE).status_code == 401
    assert client.get("/healthz").status_code == 200
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE):
        raise AssertionError("was let in")
    page = client.get("/")
    assert page.status_code == 401 and "<form" in page.text
    assert client.get("/", params={"token": "open sesam"}).status_code == 401
    bearer = {"authorization": "Bearer open sesame"}
    assert client.post("/api/detect", content=PICTURE, headers=bearer).status_code == 200
    assert 'detector_refused_total{code="token"} 6' in client.get("/metrics", headers=bearer).text.splitlines()


def test_the_page_takes_the_token_once_and_keeps_it_from_scripts_and_other_sites(ask):
    client = ask(Rules(token='sesame,;="\\x'))
    first = client.get("/", params={"token": 'sesame,;="\\x'}, follow_redirects=False)
    cookie = first.headers["set-cookie"].lower()
    assert first.status_code == 303 and first.headers["location"] == "/"
    assert "httponly" in cookie and "samesite=strict" in cookie and "secure" not in cookie
    assert 'id="stage"' in client.get("/").text
    with client.websocket_connect(LIVE) as live:
        live.send_bytes(PICTURE)
        assert "boxes" in live.receive_text()
