"""Commands that run as child processes, several at a time, and end when the suite is stopped."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from detector.experiments.child import start


class StoppedError(Exception):
    """The suite is being stopped: what is under way is not done, and has not failed."""


@dataclass
class Children:
    """threads: for each to compute in.  keep: open files that they inherit."""

    threads: int
    keep: tuple[int, ...] = ()
    stopping: Event = field(default_factory=Event)
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def run(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> int:
        """Run to its end; its exit code, negative for a signal. Raises StoppedError."""
        with self._lock:
            if self.stopping.is_set():
                raise StoppedError
            child = start(command, log, env, self.keep)
            self._running.add(child)
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        if self.stopping.is_set():
            raise StoppedError
        return code

    def stop(self) -> None:
        """Ask all to save and end, and start no more."""
        with self._lock:
            self.stopping.set()
            for child in self._running:
                child.terminate()
