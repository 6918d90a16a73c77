"""What a finished run finds in the val pictures: its last averaged weights, read once, every picture in order.

The last epoch's running average, not the best epoch on val: a maximum over epochs of the very figure that is reported
would flatter every run, and by chance some more than others.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from detector.data.loader import Pictures
from detector.data.split import Labelled, absolute, read_split
from detector.detecting.inference import Thresholds, detect_batch
from detector.experiments.records import LEAST, OVERLAP, Found, PictureFound
from detector.judging.evaluate import run_model
from detector.judging.found import truths_of
from detector.runtimes.opening import open_runtime

BATCH = 8
HOW = Thresholds(LEAST, OVERLAP)


class Val:
    """The val part that all runs are judged on, decoded once for each side of the network's input."""

    def __init__(self, folder: Path) -> None:
        split = read_split(folder)
        self.classes, self._labelled = split.classes, split.read("val")
        self._known: dict[int, Pictures] = {}
        self._lock = Lock()

    @property
    def labelled(self) -> list[Labelled]:
        return self._labelled

    def pictures(self, side: int) -> Pictures:
        with self._lock:
            if side not in self._known:
                self._known[side] = Pictures(self._labelled, side)
            return self._known[side]


def judge(weights: Path, val: Val, device: str) -> Found:
    """Detections of the checkpoint `weights` in every picture of `val`."""
    opened = open_runtime(weights, device=device, runtime="torch")
    pictures = val.pictures(opened.side)
    every = run_model(
        opened.run, pictures, lambda run, squares, boxes: detect_batch(run, squares, boxes, HOW), BATCH, 0, True
    )
    shown = [
        PictureFound(Path(absolute(one.path)), size_wh, truth, found)
        for one, size_wh, truth, found in zip(
            pictures.labelled, pictures.sizes_wh, truths_of(pictures), every, strict=True
        )
    ]
    return Found(val.classes, tuple(shown))
