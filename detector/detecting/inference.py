"""A network and squares in, detections out: the one way that evaluating and detecting share.

What turns squares into boxes and scores is a `Runtime`: torch here, or an exported model in `detector/runtimes/`.
Everything after it is shared.

A detection's score is objectness x class probability; every class of a cell above the threshold counts, and each
class is thinned for itself. The boxes are clipped to the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from detector.boxes import Letterbox, decode
from detector.detecting.fusion import fused
from detector.detecting.runtime import Runtime
from detector.detecting.suppression import thin
from detector.detecting.tta import VIEWS, seen
from detector.errors import UserError
from detector.judging.found import Found, Least, sure_of
from detector.network.fuse import fuse
from detector.network.model import Darknet
from detector.training.device import choose_layout

MAX_CANDIDATES = 3000  # a picture, before suppression, best first


@dataclass(frozen=True)
class Thresholds:
    """confidence: least score of a detection.  overlap: IoU above which the lesser of two boxes goes.

    method: how boxes are thinned (`suppression`).  agnostic: boxes of unlike classes too.  views: of `tta`.
    by_name: least scores of classes that have their own.  each: of every class in order, by `known_by`.
    """

    confidence: float = 0.25
    overlap: float = 0.45
    method: str = "greedy"
    agnostic: bool = False
    views: str = "none"
    by_name: tuple[tuple[str, float], ...] = ()
    each: tuple[float, ...] = ()

    def known_by(self, classes: tuple[str, ...]) -> Thresholds:
        """The same for a model of `classes`. Raises UserError where a name is none of them."""
        own = dict(self.by_name)
        for name in own:
            if name not in classes:
                raise UserError("--conf", f"{name!r} is no class of the model", f"one of {', '.join(classes)}")
        return replace(self, each=tuple(own.get(name, self.confidence) for name in classes) if own else ())

    @property
    def least(self) -> Least:
        """The least score, of every class or one a class. Raises ValueError before the classes are known."""
        if self.by_name and not self.each:
            raise ValueError("least scores by name, and no classes: see known_by")
        return np.array(self.each) if self.each else self.confidence

    def everywhere(self, confidence: float) -> Thresholds:
        """The same with one least score for every class."""
        return replace(self, confidence=confidence, by_name=(), each=())

    def divided(self, count: int) -> Thresholds:
        """The same with least scores of a `count`-th."""
        by_name = tuple((name, value / count) for name, value in self.by_name)
        each = tuple(value / count for value in self.each)
        return replace(self, confidence=self.confidence / count, by_name=by_name, each=each)


class InTorch:
    """A network run by torch, as it is. The model must be in eval mode."""

    def __init__(self, model: nn.Module) -> None:
        self.model: Any = model
        self.device = next(model.parameters()).device

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        heads: list[Tensor] = self.model(pictures)
        return boxes_and_scores(heads, self.model.anchors_wh, self.model.strides)


def boxes_and_scores(heads: list[Tensor], anchors_wh: list[Tensor], strides: list[int]) -> tuple[Tensor, Tensor]:
    """Raw heads to (B, N, 4) boxes in pixels of the square and (B, N, C) scores, head after head."""
    parts = [_flatten(raw, a, s) for raw, a, s in zip(heads, anchors_wh, strides, strict=True)]
    xyxy, scores = zip(*parts, strict=True)
    return torch.cat(xyxy, dim=1), torch.cat(scores, dim=1)


def as_runtime(model: nn.Module | Runtime) -> Runtime:
    """A network made ready for many pictures: eval mode, batch norms folded, the better layout; a runtime as it is.

    A module that is no Darknet must look like one from outside: raw heads, `anchors_wh`, `strides`.
    """
    if isinstance(model, Darknet):
        fused = fuse(model)
        device = next(fused.parameters()).device
        fused.to(memory_format=choose_layout("auto", device, fused))  # type: ignore[call-overload]
        return InTorch(fused)
    return InTorch(model.eval()) if isinstance(model, nn.Module) else model


def detect_batch(model: nn.Module | Runtime, pictures: Tensor, boxes: list[Letterbox], how: Thresholds) -> list[Found]:
    """Detections in each picture's own pixels, best first.

    pictures: (B, 3, S, S) in [0, 1].  boxes: how each picture sits in its square.  A bare network must be in eval mode.
    """
    run = InTorch(model) if isinstance(model, nn.Module) else model
    with torch.inference_mode():
        # A box that one view alone saw keeps its share of the score: what may still count must not be lost before.
        each = how.divided(len(VIEWS[how.views]))
        views = [
            [select(xyxy[i], scores[i], box, each) for i, box in enumerate(boxes)]
            for xyxy, scores in seen(run, pictures, how.views)
        ]
    return views[0] if len(views) == 1 else [_sure(fused(found), how) for found in zip(*views, strict=True)]


def _sure(found: Found, how: Thresholds) -> Found:
    kept = sure_of(found.scores, found.classes, how.least)
    return Found(found.xyxy[kept], found.classes[kept], found.scores[kept])


def _flatten(raw: Tensor, anchors_wh: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """(B, A * H * W, 4) boxes and (B, A * H * W, C) scores."""
    raw = raw.float()
    scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()
    return decode(raw, anchors_wh, stride).flatten(1, 3), scores.flatten(1, 3)


def select(xyxy: Tensor, scores: Tensor, box: Letterbox, how: Thresholds) -> Found:
    """One picture: (N, 4) pixels of the square and (N, C) scores to detections in its own pixels, best first."""
    flat, least = scores.reshape(-1), how.least
    # A tenth of the time of torch's nonzero; NumPy would compare with a float64 array of thresholds in float64.
    above = torch.from_numpy(np.flatnonzero(scores.numpy() >= np.asarray(least, dtype=np.float32)))
    cell, number, score = above // scores.shape[1], above % scores.shape[1], flat[above]
    if len(score) > MAX_CANDIDATES:
        best = torch.topk(score, MAX_CANDIDATES).indices
        cell, number, score = cell[best], number[best], score[best]
    width, height = box.size_wh
    limit = torch.tensor([width, height, width, height], dtype=xyxy.dtype)
    own = torch.minimum(box.out_of(xyxy[cell]).clamp(min=0), limit)
    own, score, kept = thin(own, score, number, how.overlap, how.method, how.agnostic)
    number = number[kept]
    sure = torch.from_numpy(sure_of(score.numpy(), number.numpy(), np.asarray(least, dtype=np.float32)))
    own, score, number = own[sure], score[sure], number[sure]
    return Found(own.numpy().astype(np.float64), number.numpy(), score.numpy().astype(np.float64))
