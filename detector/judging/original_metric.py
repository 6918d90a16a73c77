"""The first study's way of scoring, so that its 0.757 can be compared like with like. It is not AP as others mean it.

What is particular about it: only boxes of objectness .5 and more count, each with its best class alone; they are ranked
by objectness; boxes of a class that overlap by more than .5 are merged, weighted by objectness; overlap has a pixel
added to every side, in the pixels of the network's input; a box is right if its class occurs *anywhere* in the picture
and the truth it overlaps most, *of any class*, was not taken before; judging a picture ends once every truth in it is
taken. AP is the area under the curve; the mean is over the classes that have truths.
Limit: needs objectness apart from the classes, which only a network run by torch gives. Crowds, difficult objects and
regions that judge nothing are plain background, as the study knew none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.boxes import Letterbox, decode
from detector.detecting.inference import InTorch
from detector.detecting.runtime import Runtime
from detector.errors import UserError
from detector.judging.average_precision import mean
from detector.judging.found import Found, Truth, as_truth

OBJECTNESS, NMS, LEAST = 0.5, 0.5, 0.5


@dataclass(frozen=True)
class OriginalReport:
    """aps: of each class that has truths."""

    aps: dict[str, float]

    @property
    def mean_ap(self) -> float | None:
        return mean(self.aps.values())

    def as_json(self) -> dict[str, Any]:
        return {"map50": self.mean_ap, "classes": self.aps}

    def table(self) -> str:
        width = max(5, *(len(name) for name in self.aps), 0)
        every = "-" if self.mean_ap is None else f"{self.mean_ap:.6f}"
        lines = [f"{name:{width}} {ap:.6f}" for name, ap in self.aps.items()]
        note = "The first study's scoring (objectness .5, +1 px, any class's truth): for comparison with it alone."
        return "\n".join([f"{'class':{width}} {'AP':>8}", *lines, f"{'mAP':{width}} {every}", note])


def original_batch(run: Runtime, squares: Tensor, boxes: list[Letterbox]) -> list[Found]:
    """Detections in pixels of the square; their scores are objectness, their order that of objectness x class."""
    if not isinstance(run, InTorch):
        raise UserError("--metric original", "an exported model tells no objectness", "a .pt or .weights file")
    with torch.inference_mode():
        heads = run.model(squares)
        parts = [
            torch.cat((decode(raw.float(), anchors, stride), raw[..., 4:].float().sigmoid()), dim=-1).flatten(1, 3)
            for raw, anchors, stride in zip(heads, run.model.anchors_wh, run.model.strides, strict=True)
        ]
        return [merged(one) for one in torch.cat(parts, dim=1).cpu().double()]


def merged(rows: Tensor) -> Found:
    """rows: (N, 5 + C) of xyxy, objectness, class probabilities."""
    rows = rows[rows[:, 4] >= OBJECTNESS]
    probability, number = rows[:, 5:].max(dim=1)
    order = torch.argsort(rows[:, 4] * probability, descending=True, stable=True)
    boxes, weight, label = (part[order].numpy() for part in (rows[:, :4], rows[:, 4], number))
    left, kept = np.arange(len(weight)), []
    while len(left):
        first = left[0]
        joined = (_overlaps(boxes[first], boxes[left]) > NMS) & (label[left] == label[first])
        joined[0] = True
        own = left[joined]
        kept.append(((weight[own, None] * boxes[own]).sum(axis=0) / weight[own].sum(), label[first], weight[first]))
        left = left[~joined]
    if not kept:
        return Found(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    xyxy, numbers, scores = zip(*kept, strict=True)
    return Found(np.stack(xyxy), np.array(numbers), np.array(scores))


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of (4,) with (N, 4), a pixel added to every side."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = (high - low + 1).clip(0).prod(axis=1)
    areas = [(b[..., 2:] - b[..., :2] + 1).prod(axis=-1) for b in (box, others)]
    return shared / (areas[0] + areas[1] - shared + 1e-16)


def original_report(
    detections: Sequence[Found], truths: Sequence[Found | Truth], boxes: Sequence[Letterbox], classes: tuple[str, ...]
) -> OriginalReport:
    """detections: as `original_batch` lists them.  truths: in pixels of the pictures.  boxes: into the squares."""
    rights, known = [], [as_truth(one) for one in truths]
    for found, truth, box in zip(detections, known, boxes, strict=True):
        inside = box.into(torch.from_numpy(truth.xyxy)).numpy()
        rights.append(_right(found, Truth(inside, truth.classes)))
    right = np.concatenate([np.zeros(0, bool), *rights])
    score = np.concatenate([np.zeros(0), *(one.scores for one in detections)])
    number = np.concatenate([np.zeros(0, int), *(one.classes for one in detections)])
    labels = np.concatenate([np.zeros(0, int), *(one.classes for one in known)])
    order = np.argsort(-score, kind="stable")
    right, number = right[order], number[order]
    present = [(name, i) for i, name in enumerate(classes) if (labels == i).any()]
    return OriginalReport({name: _area(right[number == i], int((labels == i).sum())) for name, i in present})


def _right(found: Found, truth: Truth) -> np.ndarray:
    right = np.zeros(len(found.scores), dtype=bool)
    taken: set[int] = set()
    for i, (box, number) in enumerate(zip(found.xyxy, found.classes, strict=True)):
        if len(taken) == len(truth.classes):
            break
        if number not in truth.classes:
            continue
        overlap = _overlaps(box, truth.xyxy)
        best = int(overlap.argmax())
        if overlap[best] >= LEAST and best not in taken:
            right[i] = True
            taken.add(best)
    return right


def _area(right: np.ndarray, truths: int) -> float:
    """Under the curve of precision made monotone. May exceed what recall allows: truths of other classes count."""
    recall = np.concatenate(([0.0], right.cumsum() / (truths + 1e-16), [1.0]))
    precision = np.concatenate(([0.0], right.cumsum() / np.arange(1, len(right) + 1), [0.0]))
    best = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return float(((recall[steps + 1] - recall[steps]) * best[steps + 1]).sum())
