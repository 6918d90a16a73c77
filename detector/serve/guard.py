"""Who may ask: the Host and Origin headers, the token; and the headers that every answer carries.

Pages of other sites must not use a server on the user's own computer: a request that names an Origin must come from
the page that this server gave out (or an `--origin`), and, bound to the computer alone, the Host must be a name of it,
so that a foreign name that resolves to 127.0.0.1 does not pass. Programs send no Origin. The token comes as
`Authorization: Bearer`, or as the cookie that the page gets for `/?token=...`; it is compared in constant time.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.serve.refusal import RefusedError

COOKIE = "detector_token"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPEN = ("/healthz", "/", "/page/")  # the page itself asks for the token
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# Of a page that runs the model itself: WebAssembly, and, shut off from other sites, memory that its threads share.
ISOLATED = HEADERS | {
    "Content-Security-Policy": CONTENT_POLICY.replace(
        "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
REFUSED_BEFORE_ACCEPT = 1008


@dataclass(frozen=True)
class Rules:
    """token: empty for none.  origins: allowed beside the server's own.  local: bound to this computer alone."""

    token: str = ""
    origins: tuple[str, ...] = ()
    local: bool = True

    def check(self, headers: Headers, secure: bool, path: str) -> None:
        """Raises RefusedError."""
        self._check_origin(headers, secure)
        opened = path in OPEN or path.startswith(OPEN[-1])
        if self.token and not opened and not self.knows(given_token(headers)):
            raise RefusedError(401, "token", "wrong or no token; send it as `Authorization: Bearer TOKEN`")

    def knows(self, token: str) -> bool:
        """In constant time."""
        return not self.token or hmac.compare_digest(token.encode(), self.token.encode())

    def _check_origin(self, headers: Headers, secure: bool) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        own = f"{'https' if secure else 'http'}://{host}"
        named = {urlsplit(one).netloc for one in self.origins}
        if self.local and _name(host) not in LOOPBACK and host not in named:
            raise RefusedError(421, "host", f"this server is not called {host[:80]!r}; see --origin")
        if origin is not None and origin.lower() != own.lower() and origin not in self.origins:
            raise RefusedError(403, "origin", f"pages of {origin[:80]} may not use this server; see --origin")


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def given_token(headers: Headers) -> str:
    """The token that a request carries, or nothing."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


class Guard:
    """The application behind `rules`; `refused` is told the code of what they keep out. headers: of every answer."""

    def __init__(
        self, app: ASGIApp, rules: Rules, refused: Callable[[str], None], headers: dict[str, str] = HEADERS
    ) -> None:
        self._app, self._rules, self._refused, self._headers = app, rules, refused, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._rules.check(Headers(scope=scope), scope["scheme"] in ("https", "wss"), scope["path"])
        except RefusedError as refusal:
            self._refused(refusal.code)
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": REFUSED_BEFORE_ACCEPT, "reason": refusal.code})
            else:
                await JSONResponse(refusal.as_json(), refusal.status)(scope, receive, dressed)
            return
        await self._app(scope, receive, dressed)
