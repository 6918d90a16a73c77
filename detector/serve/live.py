"""A live connection: frames in, an answer to each that was looked at.

The newest frame counts: while one is looked at, a newer replaces what waits, so that latency does not grow and a
client that sends without waiting harms only its own frames. A client that does not read its answers is let go after
`send_s`, one that sends nothing after `idle_s`; neither keeps a worker meanwhile. An answer carries `frame`, the
number of the frame on this connection, from 0.
"""

from __future__ import annotations

import asyncio
import json

from fastapi import WebSocket, WebSocketDisconnect

from detector.serve.engine import Engine
from detector.serve.refusal import RefusedError

GONE, LARGE = 1001, 1009  # close codes of RFC 6455


class Newest:
    """Room for one frame, and its number; `None` ends."""

    def __init__(self) -> None:
        self._frame: tuple[int, bytes] | None = None
        self._ended = False
        self._changed = asyncio.Event()
        self.received = self.dropped = 0

    def put(self, content: bytes) -> None:
        self.dropped += self._frame is not None
        self._frame = (self.received, content)
        self.received += 1
        self._changed.set()

    def end(self) -> None:
        """Nothing more comes; what waits is given up."""
        self._ended = True
        self._changed.set()

    async def take(self) -> tuple[int, bytes] | None:
        await self._changed.wait()
        self._changed.clear()
        frame, self._frame = self._frame, None
        return None if self._ended else frame


async def converse(socket: WebSocket, engine: Engine) -> None:
    """Answer frames until the client goes, or has to."""
    await socket.accept()
    newest = Newest()
    reading = asyncio.create_task(_read(socket, newest, engine))
    engine.metrics.clients += 1
    try:
        await _answer(socket, newest, engine)
    finally:
        engine.metrics.clients -= 1
        engine.metrics.dropped += newest.dropped
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(socket: WebSocket, newest: Newest, engine: Engine) -> None:
    try:
        while True:
            content = await asyncio.wait_for(socket.receive_bytes(), engine.limits.idle_s)
            if len(content) > engine.limits.frame_bytes:
                await socket.close(LARGE, "frame too large")
                return
            newest.put(content)
    except (WebSocketDisconnect, KeyError):  # gone, or text where a frame should be
        return
    except TimeoutError:
        await socket.close(GONE, "idle")
    finally:
        newest.end()


async def _answer(socket: WebSocket, newest: Newest, engine: Engine) -> None:
    """At most `rate` frames a second; what comes faster is replaced by what is newer."""
    clock = asyncio.get_running_loop()
    while (frame := await newest.take()) is not None:
        start = clock.time()
        number, content = frame
        try:
            said = await engine.answer(content, "live")
        except RefusedError as refusal:
            engine.metrics.refused(refusal.code)
            said = dict(refusal.as_json())
        try:
            await asyncio.wait_for(socket.send_text(json.dumps({"frame": number, **said})), engine.limits.send_s)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):  # does not read, or is gone
            return
        await asyncio.sleep(max(0.0, 1 / engine.limits.rate - (clock.time() - start)))
