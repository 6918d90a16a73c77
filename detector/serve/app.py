"""The application that looks at pictures here: page, live connection, API. `create_app` makes it; nothing is global.

A picture is the request's whole body, not a form: forms are spooled to disk, and nothing that was sent is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from starlette.requests import ClientDisconnect

from detector.serve.answer import Answer, Refused
from detector.serve.engine import Engine
from detector.serve.guard import Guard, Rules
from detector.serve.limits import Limits, Places, Rates
from detector.serve.live import converse
from detector.serve.pages import page_app
from detector.serve.refusal import RefusedError

BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {"requestBody": {"required": True, "content": dict.fromkeys(("image/jpeg", "image/png"), BINARY)}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": text}
    for status, text in {
        401: "Wrong or no token",
        403: "A page of another site",
        408: "The picture came too slowly",
        413: "Too many bytes",
        422: "Not a picture, or too many pixels",
        429: "Too often",
        503: "Too many at once",
    }.items()
}


def create_app(engine: Engine, rules: Rules) -> Guard:
    """An ASGI application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.close()

    app = page_app(rules, engine.metrics, lifespan)
    _model(app, engine)
    _pictures(app, engine)
    return Guard(app, rules, engine.metrics.refused)


def _model(app: FastAPI, engine: Engine) -> None:
    @app.get("/api/model", summary="Classes, what they mean, the input's size, where pictures are looked at")
    async def model() -> dict[str, Any]:
        limits = {"upload_bytes": engine.limits.upload_bytes, "pixels": engine.limits.pixels}
        classes = engine.verdicts.as_json()
        return {"classes": classes, "side": engine.opened.side, "mode": "server", "limits": limits}


def _pictures(app: FastAPI, engine: Engine) -> None:
    limits = engine.limits
    rates, uploads = Rates(limits.rate), Places(limits.uploads, limits.uploads_each)
    clients = Places(limits.clients, limits.clients)

    @app.post(
        "/api/detect", summary="What is in a picture", response_model=Answer, responses=REFUSALS, openapi_extra=BODY
    )
    async def detect(request: Request) -> Any:
        """The body is the file itself: JPEG, PNG, WebP, BMP or TIFF. It is looked at and forgotten."""
        address = _address(request)
        rates.take(address)
        with uploads.hold(address):
            return await engine.answer(await read_body(request, limits), "api")

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        try:
            with clients.hold(_address(socket)):
                await converse(socket, engine)
        except RefusedError as refusal:
            engine.metrics.refused(refusal.code)
            await socket.accept()
            await socket.close(1013, refusal.code)


def _address(asked: Request | WebSocket) -> str:
    return asked.client.host if asked.client else ""


async def read_body(request: Request, limits: Limits) -> bytes:
    """The request's body. Raises RefusedError where it is too long or comes too slowly."""
    large = RefusedError(413, "large", f"more than {limits.upload_bytes} bytes")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > limits.upload_bytes:
        raise large
    parts = bytearray()
    try:
        async with asyncio.timeout(limits.body_s):
            async for part in request.stream():
                parts += part
                if len(parts) > limits.upload_bytes:
                    raise large
    except ClientDisconnect as error:
        raise RefusedError(400, "gone", "the client went before the picture was whole") from error
    except TimeoutError as error:
        raise RefusedError(408, "slow", f"the picture took longer than {limits.body_s:g} s to arrive") from error
    return bytes(parts)
