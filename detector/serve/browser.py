"""The application that looks at no picture: it gives out the page, the model and the runtime, and takes nothing.

There is no address to which a frame could be sent. The model and the runtime carry an ETag of their content, so that
a browser that has them does not load them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response

from detector.serve.guard import ISOLATED, Guard, Rules
from detector.serve.metrics import Metrics
from detector.serve.offer import Offer
from detector.serve.pages import page_app
from detector.serve.refusal import RefusedError
from detector.serve.web_runtime import FOLDER, KINDS, ONNXRUNTIME_WEB

KEPT = "private, no-cache"  # may be kept, but is asked for: 304 where it is the same


def create_browser_app(offer: Offer, rules: Rules) -> Guard:
    """An ASGI application."""
    metrics = Metrics()
    app = page_app(rules, metrics)
    _model(app, offer)
    _runtime(app)
    _nothing(app)
    return Guard(app, rules, metrics.refused, ISOLATED)


def _model(app: FastAPI, offer: Offer) -> None:
    @app.get("/api/model", summary="Classes, what they mean, the network, where pictures are looked at")
    async def model() -> dict[str, Any]:
        return offer.as_json()

    @app.get("/model.onnx", summary="The network, as ONNX", response_class=FileResponse)
    async def network(request: Request) -> Response:
        return _kept(request, offer.model, offer.sha256, "application/octet-stream")


def _runtime(app: FastAPI) -> None:
    @app.get("/runtime/{name}", include_in_schema=False)
    async def runtime(request: Request, name: str) -> Response:
        if name not in ONNXRUNTIME_WEB.files:
            raise RefusedError(404, "runtime", f"not a file of {ONNXRUNTIME_WEB.name}")
        sha256 = ONNXRUNTIME_WEB.files[name][1]
        return _kept(request, FOLDER / name, sha256, KINDS[Path(name).suffix])


def _nothing(app: FastAPI) -> None:
    @app.post("/api/detect", include_in_schema=False)
    async def detect() -> Response:
        text = "this server looks at no pictures (--mode browser): the page does; start it with --mode server"
        raise RefusedError(404, "mode", text)


def _kept(request: Request, path: Path, sha256: str, kind: str) -> Response:
    headers = {"ETag": f'"{sha256}"', "Cache-Control": KEPT}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type=kind)
