"""Time, for a video that is written: how often a live frame is repeated, and how many frames a second are done."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_STILL = 2.0  # seconds that a frame is repeated for at most; what is longer is cut out
SMOOTH = 0.9


@dataclass
class Pace:
    """A video of `fps` frames a second that plays as fast as things happened."""

    fps: float
    written: int = 0
    cut: float = 0.0  # seconds that were left out

    def copies(self, seconds: float) -> int:
        """How often the frame that was seen at `seconds` is to be written: 0 where frames come faster than `fps`.

        The video begins with the first frame, whenever that was.
        """
        if not self.written:
            self.cut = seconds
        due = seconds - self.cut - self.written / self.fps
        if due > LONGEST_STILL:
            self.cut += due - LONGEST_STILL
        wanted = max(0, int((seconds - self.cut) * self.fps + 1e-6) + 1 - self.written)
        self.written += wanted
        return wanted


class Rate:
    """Frames a second of late, by the times at which they were done."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._step: float | None = None

    def tick(self, now: float) -> float:
        """A frame was done at `now`, in seconds; 0 until there are two."""
        if self._last is not None:
            step = max(now - self._last, 1e-6)
            self._step = step if self._step is None else SMOOTH * self._step + (1 - SMOOTH) * step
        self._last = now
        return 1 / self._step if self._step else 0.0
