"""What both modes have: the page and its parts, health, counts, and refusals as JSON."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from detector.serve.guard import COOKIE, Rules, given_token
from detector.serve.metrics import Metrics
from detector.serve.refusal import RefusedError

PAGE = Path(__file__).parent / "page"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def page_app(rules: Rules, metrics: Metrics, lifespan: Lifespan | None = None) -> FastAPI:
    """An application with the page; what a mode can do is added to it."""
    title, number = "detector serve", version("balanced-detection")
    app = FastAPI(title=title, version=number, docs_url=None, redoc_url=None, lifespan=lifespan)
    _refuse(app, metrics)
    _pages(app, rules)
    _state(app, metrics)
    app.mount("/page", StaticFiles(directory=PAGE))
    return app


def _refuse(app: FastAPI, metrics: Metrics) -> None:
    @app.exception_handler(RefusedError)
    async def refused(_: Request, refusal: RefusedError) -> Response:
        metrics.refused(refusal.code)
        wait = {"Retry-After": "1"} if refusal.status in (429, 503) else None
        return JSONResponse(refusal.as_json(), refusal.status, wait)


def _pages(app: FastAPI, rules: Rules) -> None:
    @app.get("/", include_in_schema=False)
    async def page(request: Request, token: str = "") -> Response:
        if token and rules.knows(token):
            answer = RedirectResponse("/", 303)
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
            return answer
        if not rules.knows(given_token(request.headers)):
            return FileResponse(PAGE / "token.html", 401)
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html")


def _state(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/healthz", summary="Whether the server is up")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics", summary="Counts, as Prometheus reads them", response_class=PlainTextResponse)
    async def counts() -> Response:
        return PlainTextResponse(metrics.as_text(), media_type="text/plain; version=0.0.4")
