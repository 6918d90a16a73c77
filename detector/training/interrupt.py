"""Ctrl-C between two steps instead of in the middle of one, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_between_steps() -> Iterator[Callable[[], bool]]:
    """Within, the first Ctrl-C (or SIGTERM) only makes the returned function true; the second is Python's own."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(asked)
        return

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
