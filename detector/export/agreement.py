"""How far two runtimes of one network agree on the same pictures: in numbers, and in the boxes that come out.

Boxes agree where they are of one class and overlap by half or more, each with one other at most, best overlap first.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.boxes import Letterbox
from detector.data.pictures import pad, read_picture, shrink
from detector.detecting.inference import Thresholds, detect_batch
from detector.detecting.runtime import Runtime
from detector.judging.average_precision import Found, overlaps

COUNTED = 0.05  # least score of a cell whose coordinates are compared


@dataclass(frozen=True)
class Agreement:
    """box_error: pixels of the input, among cells scored `COUNTED` or more; score_error: among all. None where the
    outputs are not cell by cell.  boxes: found by both, of `ours` and `theirs`.  mean_iou: of those; None without any.
    ms_ours, ms_theirs: median of a picture, alone.
    """

    pictures: int
    box_error: float | None
    score_error: float | None
    ours: int
    theirs: int
    boxes: int
    mean_iou: float | None
    ms_ours: float
    ms_theirs: float

    @property
    def share(self) -> float:
        """2 x both / (ours + theirs); 1 where neither found any."""
        return 2 * self.boxes / (self.ours + self.theirs) if self.ours + self.theirs else 1.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "share": self.share}


def squares(paths: list[Path], side: int) -> tuple[Tensor, list[Letterbox]]:
    """Pictures as the network takes them: (N, 3, side, side) in [0, 1], and how each sits in its square."""
    found, boxes = [], []
    for path in paths:
        picture = read_picture(path)
        boxes.append(Letterbox((picture.shape[1], picture.shape[0]), side))
        found.append(torch.from_numpy(pad(shrink(picture, side), side)))
    return torch.stack(found).permute(0, 3, 1, 2).contiguous().float().div_(255), boxes


def compare(ours: Runtime, theirs: Runtime, pictures: Tensor, boxes: list[Letterbox], how: Thresholds) -> Agreement:
    """`theirs` against `ours`, picture by picture."""
    box_errors, score_errors, pairs, times = [0.0], [0.0], [], []
    alike = True
    with torch.inference_mode():
        for square, box in zip(pictures.split(1), boxes, strict=True):
            (xyxy, scores), mine = _timed(ours, square)
            (their_xyxy, their_scores), their = _timed(theirs, square)
            times.append((mine, their))
            alike = alike and xyxy.shape == their_xyxy.shape
            if alike:
                sure = torch.maximum(scores, their_scores).amax(dim=-1) >= COUNTED
                box_errors += [float((xyxy - their_xyxy)[sure].abs().max())] if sure.any() else []
                score_errors.append(float((scores - their_scores).abs().max()))
            pairs.append(tuple(_with_area(detect_batch(run, square, [box], how)[0]) for run in (ours, theirs)))
    overlapping = [value for a, b in pairs for value in matched(a, b)]
    return Agreement(
        pictures=len(boxes),
        box_error=max(box_errors) if alike else None,
        score_error=max(score_errors) if alike else None,
        ours=sum(len(a.scores) for a, _ in pairs),
        theirs=sum(len(b.scores) for _, b in pairs),
        boxes=len(overlapping),
        mean_iou=float(np.mean(overlapping)) if overlapping else None,
        ms_ours=float(np.median([mine for mine, _ in times])),
        ms_theirs=float(np.median([their for _, their in times])),
    )


def _with_area(found: Found) -> Found:
    """Without boxes that clipping left nothing of: they overlap nothing, not even themselves."""
    kept = (found.xyxy[:, 2:] > found.xyxy[:, :2]).all(axis=1)
    return Found(found.xyxy[kept], found.classes[kept], found.scores[kept])


def matched(a: Found, b: Found) -> list[float]:
    """IoU of each pair of agreeing boxes."""
    table = overlaps(a.xyxy, b.xyxy) * (a.classes[:, None] == b.classes[None])
    found: list[float] = []
    while table.size and table.max() >= 0.5:
        row, column = np.unravel_index(table.argmax(), table.shape)
        found.append(float(table[row, column]))
        table[row], table[:, column] = 0, 0
    return found


def _timed(run: Runtime, square: Tensor) -> tuple[tuple[Tensor, Tensor], float]:
    start = time.perf_counter()
    xyxy, scores = run(square)
    return (xyxy.cpu(), scores.cpu()), (time.perf_counter() - start) * 1e3
