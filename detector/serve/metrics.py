"""What the web application has done, as Prometheus reads it (text format 0.0.4). In memory only; no dependency."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
PREFIX = "detector_"


class Metrics:
    """Counts; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._buckets = [0] * (len(BOUNDS_S) + 1)
        self._seconds = 0.0
        self.dropped = 0
        self.clients = 0

    def answered(self, via: str, seconds: float) -> None:
        """A picture that came `via` live or api, and how long a worker had it."""
        with self._lock:
            self._pictures[via] += 1
            self._buckets[bisect_left(BOUNDS_S, seconds)] += 1
            self._seconds += seconds

    def refused(self, code: str) -> None:
        with self._lock:
            self._refused[code] += 1

    def as_text(self) -> str:
        with self._lock:
            lines = [
                *_counter("pictures_total", "Pictures answered.", "via", self._pictures),
                *_counter("refused_total", "Requests and frames refused.", "code", self._refused),
                *_single("frames_dropped_total", "counter", "Frames that a newer one replaced.", self.dropped),
                *_single("live_clients", "gauge", "Live connections.", self.clients),
                *self._histogram("picture_seconds", "Time of a picture at a worker."),
            ]
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str, text: str) -> list[str]:
        lines, below = _head(name, "histogram", text), 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self._buckets, strict=True):
            below += count
            lines.append(f'{PREFIX}{name}_bucket{{le="{bound}"}} {below}')
        return [*lines, f"{PREFIX}{name}_sum {self._seconds:.6f}", f"{PREFIX}{name}_count {below}"]


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {PREFIX}{name} {text}", f"# TYPE {PREFIX}{name} {kind}"]


def _counter(name: str, text: str, label: str, counts: Counter[str]) -> list[str]:
    rows = [f'{PREFIX}{name}{{{label}="{key}"}} {count}' for key, count in sorted(counts.items())]
    return [*_head(name, "counter", text), *rows]


def _single(name: str, kind: str, text: str, value: int) -> list[str]:
    return [*_head(name, kind, text), f"{PREFIX}{name} {value}"]
