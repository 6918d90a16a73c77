"""How much the web application takes: bytes, pixels, frames a second, uploads and connections at once.

Everything that waits is counted here, so that memory is bounded: `clients` live connections with two frames each, and
`uploads` pictures. A picture is unpacked only by a worker, of which there are `parallel`.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from detector.serve.refusal import RefusedError

KNOWN = 4096  # addresses whose rate is remembered, the longest unseen go first


@dataclass(frozen=True)
class Limits:
    """clients: live connections.  uploads: at once, and of one address.  rate: requests a second of an address."""

    parallel: int = 1
    clients: int = 16
    uploads: int = 16
    uploads_each: int = 4
    upload_bytes: int = 12_000_000
    frame_bytes: int = 2_000_000
    pixels: int = 25_000_000
    rate: float = 30.0
    body_s: float = 20.0
    send_s: float = 10.0
    idle_s: float = 60.0


class Rates:
    """A bucket of tokens an address: `rate` a second, saved up for one second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float | None = None) -> None:
        """Raises RefusedError where the address has asked too often."""
        at = time.monotonic() if now is None else now
        left, before = self._left.pop(address, (self._rate, at))
        left = min(self._rate, left + (at - before) * self._rate)
        self._left[address] = (left - 1 if left >= 1 else left, at)
        if len(self._left) > KNOWN:
            self._left.popitem(last=False)
        if left < 1:
            raise RefusedError(429, "rate", f"more than {self._rate:g} requests a second, try again in a second")


class Places:
    """Places for what is under way: so many in all, so many of one address."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self.taken: Counter[str] = Counter()

    @contextmanager
    def hold(self, address: str) -> Iterator[None]:
        """One place while the block runs. Raises RefusedError where none is free."""
        if self.taken.total() >= self._total or self.taken[address] >= self._each:
            raise RefusedError(503, "busy", "too many at once, try again in a second")
        self.taken[address] += 1
        try:
            yield
        finally:
            self.taken[address] -= 1
            if not self.taken[address]:
                del self.taken[address]
