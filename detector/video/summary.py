"""What a video came to: a JSON line a frame, and how many of each class were there, over time and in all.

`frames.jsonl`: frame, seconds, boxes; a box has xyxy, class (voted), score, track (0 without tracking), and seen: the
class of this frame alone, null where the track was not seen in it.
`counts.csv`: a row for each interval that was looked at: its beginning in seconds, how many frames were looked at, and
for each class how many were there at once, the mean over those frames.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.video.track import Shown


def json_line(number: int, seconds: float, shown: Shown, classes: tuple[str, ...]) -> str:
    """One frame, one line."""
    rows = zip(shown.found.xyxy, shown.found.classes, shown.found.scores, shown.tracks, shown.seen, strict=True)
    boxes = [
        {
            "xyxy": [round(float(v), 2) for v in xyxy],
            "class": classes[int(name)],
            "score": round(float(score), 5),
            "track": int(track),
            "seen": classes[int(seen)] if seen >= 0 else None,
        }
        for xyxy, name, score, track, seen in rows
    ]
    return json.dumps({"frame": number, "seconds": round(seconds, 3), "boxes": boxes}, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Row:
    """seconds: where the interval begins.  frames: looked at.  means: (C,) there at once."""

    seconds: float
    frames: int
    means: tuple[float, ...]


class Counts:
    """Adds up frames. Only boxes of tracks that were seen often enough count, so that a false alarm does not."""

    def __init__(self, classes: tuple[str, ...], interval: float) -> None:
        self.classes, self.interval = classes, interval
        self.frames, self.most = 0, np.zeros(len(classes), dtype=int)
        self._sums: dict[int, np.ndarray] = {}
        self._looked: dict[int, int] = {}
        self._names: dict[int, int] = {}

    def add(self, seconds: float, shown: Shown) -> None:
        now = np.bincount(shown.found.classes[shown.known], minlength=len(self.classes))
        slot = int((seconds + 1e-9) // self.interval)
        self._sums[slot] = self._sums.get(slot, np.zeros(len(self.classes), dtype=int)) + now
        self._looked[slot] = self._looked.get(slot, 0) + 1
        self.most = np.maximum(self.most, now)
        self.frames += 1
        for track, name in zip(shown.tracks[shown.known], shown.found.classes[shown.known], strict=True):
            if track:
                self._names[int(track)] = int(name)

    @property
    def rows(self) -> list[Row]:
        return [
            Row(round(slot * self.interval, 6), self._looked[slot], tuple((sums / self._looked[slot]).tolist()))
            for slot, sums in sorted(self._sums.items())
        ]

    @property
    def tracks(self) -> np.ndarray:
        """(C,) how many were followed, each under the class it was called last."""
        return np.bincount(list(self._names.values()), minlength=len(self.classes)).astype(int)

    @property
    def means(self) -> np.ndarray:
        """(C,) there at once, over all frames."""
        return np.sum([np.zeros(len(self.classes)), *self._sums.values()], axis=0) / max(1, self.frames)

    def csv(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("seconds", "frames", *self.classes))
        table.writerows((f"{r.seconds:g}", r.frames, *(f"{m:.3f}" for m in r.means)) for r in self.rows)
        return text.getvalue()

    def as_json(self) -> dict[str, Any]:
        """By class that was there: tracks, most at once, mean at once."""
        rows = zip(self.classes, self.tracks.tolist(), self.most.tolist(), self.means.tolist(), strict=True)
        return {name: {"tracks": t, "most": m, "mean": round(mean, 3)} for name, t, m, mean in rows if m}
