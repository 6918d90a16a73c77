"""Where the web application listens, under which name and certificate, and what is to be said of it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import RunError

if TYPE_CHECKING:
    from detector.serve.guard import Rules


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
    def rules(self) -> Rules:
        """Who may ask."""
        from detector.serve.guard import Rules

        return Rules(self.token, self.origins, self.local)

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
