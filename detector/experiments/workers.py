"""Commands that run as child processes, several at a time, and end when the suite is stopped."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from detector.experiments.child import environment, start


class StoppedError(Exception):
    """The suite is being stopped: what is under way is not done, and has not failed."""


@dataclass
class Children:
    """threads: for each to compute in.  root: where the packages lie that they run.  keep: open files they inherit."""

    threads: int
    root: Path = Path()
    keep: tuple[int, ...] = ()
    stopping: Event = field(default_factory=Event)
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def run(self, command: Sequence[str], log: Path) -> int:
        """Run to its end; its exit code, negative for a signal; what it says goes into `log`. Raises StoppedError."""
        env = environment(self.threads, self.root)
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
