"""What an exported model gives back, whichever way it was exported, as boxes and scores; any batch for any model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from detector.detecting.inference import boxes_and_scores
from detector.runtimes.description import Description


def understand(outputs: list[Tensor], what: Description, count: int) -> tuple[Tensor, Tensor]:
    """Outputs of a model for `count` pictures to boxes (count, N, 4) and scores (count, N, C), as `Runtime` says."""
    if what.outputs == "decoded":
        return outputs[0].float(), outputs[1].float()
    if what.outputs == "nms":
        return _apart(outputs[0].float(), len(what.classes), count)
    heads = []
    for raw, anchors in zip(outputs, what.anchors_wh, strict=True):
        batch, _, height, width = raw.shape
        heads.append(raw.reshape(batch, len(anchors), -1, height, width).permute(0, 1, 3, 4, 2))
    return boxes_and_scores(heads, [torch.tensor(a) for a in what.anchors_wh], list(what.strides))


def _apart(rows: Tensor, classes: int, count: int) -> tuple[Tensor, Tensor]:
    """(M, 7) detections of a whole batch to a box and a score row each; pictures with fewer get rows of zeros."""
    most = max((int((rows[:, 0] == i).sum()) for i in range(count)), default=0)
    boxes, scores = torch.zeros(count, most, 4), torch.zeros(count, most, classes)
    for i in range(count):
        own = rows[rows[:, 0] == i]
        boxes[i, : len(own)] = own[:, 3:]
        scores[i, torch.arange(len(own)), own[:, 1].long()] = own[:, 2]
    return boxes, scores


def in_batches(run: Callable[[Tensor], list[Tensor]], pictures: Tensor, what: Description) -> tuple[Tensor, Tensor]:
    """Run a model that takes `what.batch` pictures at a time (0: any number) on as many as there are."""
    if what.batch in (0, len(pictures)):
        return understand(run(pictures), what, len(pictures))
    parts = []
    for chunk in pictures.split(what.batch):
        missing = what.batch - len(chunk)
        full = torch.cat((chunk, chunk.new_zeros(missing, *chunk.shape[1:]))) if missing else chunk
        parts.append(tuple(part[: len(chunk)] for part in understand(run(full), what, what.batch)))
    most = max(boxes.shape[1] for boxes, _ in parts)
    padded = [tuple(torch.nn.functional.pad(t, (0, 0, 0, most - t.shape[1])) for t in part) for part in parts]
    boxes, scores = zip(*padded, strict=True)
    return torch.cat(boxes), torch.cat(scores)
