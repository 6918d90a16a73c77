"""`detector serve`: a model opened, a socket bound, uvicorn run until Ctrl-C."""

from __future__ import annotations

import importlib
import ipaddress
import socket
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.detecting.inference import Thresholds
from detector.errors import RunError
from detector.runtimes.opening import open_runtime
from detector.serve.limits import Limits
from detector.serve.verdicts import read_verdicts


@dataclass(frozen=True)
class Address:
    """Where to listen.  token: empty for none.  origins: of other pages that may ask."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str = ""
    certfile: Path | None = None
    keyfile: Path | None = None
    origins: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises RunError, before anything is loaded."""
        if not all("!" <= letter <= "~" for letter in self.token):
            raise RunError("--token", "cannot be sent in a header", "letters, digits and signs of ASCII, no spaces")
        if (self.certfile is None) != (self.keyfile is None):
            raise RunError("--certfile", "HTTPS needs a certificate and its key", "--certfile and --keyfile")
        if self.certfile is not None and self.keyfile is not None:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certfile, self.keyfile)
            except OSError as error:
                raise RunError(self.certfile, f"cannot be used ({error})", "a PEM certificate and its key") from error
        for origin in self.origins:
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise RunError("--origin", repr(origin), "a scheme and a host, as https://example.org")

    @property
    def local(self) -> bool:
        """Whether only this computer can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def bind(self) -> socket.socket:
        """Raises RunError where the port is taken or the host is not this computer's."""
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            what = f"cannot listen there ({str(error.strerror).split(' (while')[0]})"
            raise RunError(f"{self.host}:{self.port}", what, "", "see --host and --port") from error

    def url(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certfile else 'http'}://{host}:{port}/"


def serve(
    path: Path,
    address: Address,
    limits: Limits,
    *,
    how: Thresholds,
    verdicts: Path | None,
    img_size: int | None,
    cfg: str,
    device: str | None,
    runtime: str,
    quiet: bool,
) -> None:
    """Serve the model in `path` until Ctrl-C. Raises RunError that names the extra where it is missing."""
    address.check()
    uvicorn = need_web()
    from detector.serve.app import create_app
    from detector.serve.engine import Engine
    from detector.serve.guard import Rules

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    with address.bind() as listening:
        opened = open_runtime(path, cfg=cfg, side=img_size, device=device, runtime=runtime, say=say)
        engine = Engine(opened, how.known_by(opened.classes), read_verdicts(verdicts, opened.classes), limits)
        app = create_app(engine, Rules(address.token, address.origins, address.local))
        server = uvicorn.Server(uvicorn.Config(app, **settings_of(address, limits)))
        for line in warnings_of(address):
            say(f"warning: {line}")
        print(f"serving {path} at {address.url(listening.getsockname()[1])}  (Ctrl-C stops)", flush=True)
        with suppress(KeyboardInterrupt):  # uvicorn has ended well by then
            server.run(sockets=[listening])


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


def warnings_of(address: Address) -> list[str]:
    """What somebody who opens the server to others should know."""
    if address.local:
        return []
    said = []
    if not address.token:
        said.append(f"everybody who reaches {address.host} may use it; see --token")
    if not address.certfile:
        said.append("browsers give the camera to HTTPS pages only, but for this computer's own; see --certfile")
    return said
