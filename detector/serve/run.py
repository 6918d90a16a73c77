"""`detector serve`: a model opened, a socket bound, uvicorn run until Ctrl-C."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from detector.detecting.inference import Thresholds
from detector.errors import RunError
from detector.runtimes.opening import open_runtime
from detector.serve import web_runtime
from detector.serve.address import Address, warnings_of
from detector.serve.limits import Limits
from detector.serve.offer import LARGE_BYTES, Offer, as_onnx, check_finding, digest
from detector.serve.verdicts import read_verdicts

if TYPE_CHECKING:
    from detector.serve.guard import Guard

Say = Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """path: the file, and how it is read.  mode: whether it runs here, `server`, or in the page, `browser`."""

    path: Path
    img_size: int | None = None
    cfg: str = "yolov3-tiny"
    device: str | None = None
    runtime: str = "auto"
    mode: str = "server"

    def check(self, how: Thresholds) -> None:
        """Raises RunError, before anything is loaded."""
        if self.mode == "server":
            return
        check_finding(how)
        if self.runtime == "torch" or self.device not in (None, "cpu"):
            what = "--runtime torch" if self.runtime == "torch" else f"--device {self.device}"
            raise RunError(what, "runs nothing with --mode browser: the page does", f"no {what.split()[0]}")
        web_runtime.check()


def serve(
    model: Model, address: Address, limits: Limits, *, how: Thresholds, verdicts: Path | None, quiet: bool
) -> None:
    """Serve the model until Ctrl-C. Raises RunError that names the extra where it is missing."""
    address.check()
    uvicorn = need_web()
    model.check(how)

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    with address.bind() as listening, TemporaryDirectory(prefix="detector-serve-") as folder:
        make = in_server if model.mode == "server" else in_browser
        app = make(model, address, limits, how, verdicts, Path(folder), say)
        server = uvicorn.Server(uvicorn.Config(app, **settings_of(address, limits)))
        for line in warnings_of(address):
            say(f"warning: {line}")
        print(f"serving {model.path} at {address.url(listening.getsockname()[1])}  (Ctrl-C stops)", flush=True)
        with suppress(KeyboardInterrupt):  # uvicorn has ended well by then
            server.run(sockets=[listening])


def in_server(
    model: Model, address: Address, limits: Limits, how: Thresholds, verdicts: Path | None, _: Path, say: Say
) -> Guard:
    """The application that looks at pictures here."""
    from detector.serve.app import create_app
    from detector.serve.engine import Engine

    opened = open_runtime(
        model.path, cfg=model.cfg, side=model.img_size, device=model.device, runtime=model.runtime, say=say
    )
    engine = Engine(opened, how.known_by(opened.classes), read_verdicts(verdicts, opened.classes), limits)
    return create_app(engine, address.rules)


def in_browser(
    model: Model, address: Address, limits: Limits, how: Thresholds, verdicts: Path | None, folder: Path, say: Say
) -> Guard:
    """The application whose page looks at pictures. folder: empty, for as long as it is served."""
    from detector.serve.browser import create_browser_app

    served, what = as_onnx(model.path, model.cfg, model.img_size, folder)
    size = served.stat().st_size
    if size > LARGE_BYTES:
        say(f"warning: {model.path} is {size / 1e6:.0f} MB for every page to load; see `detector quantise`")
    meant = read_verdicts(verdicts, what.classes)
    offer = Offer(
        served, what, how.known_by(what.classes), meant, limits.pixels, digest(served), web_runtime.page_bytes()
    )
    return create_browser_app(offer, address.rules)


def need_web() -> Any:
    """The module uvicorn. Raises RunError that names the extra, where a part of it is missing."""
    try:
        for name in ("fastapi", "websockets"):
            importlib.import_module(name)
        return importlib.import_module("uvicorn")
    except ImportError as error:
        remedy = 'pip install "balanced-detection[web]"'
        raise RunError("detector serve", f"cannot import {error.name}", "", remedy) from error


def settings_of(address: Address, limits: Limits) -> dict[str, Any]:
    """Of uvicorn. No request is logged, and no header of a proxy believed."""
    return {
        "ssl_certfile": address.certfile,
        "ssl_keyfile": address.keyfile,
        "ws": "websockets-sansio",
        "ws_max_size": limits.frame_bytes,
        "ws_per_message_deflate": False,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": 2,
        "limit_concurrency": limits.clients + limits.uploads + 64,
    }
