"""An epoch's verdict: the averaged weights on the validation pictures, and one number that says how good they are.

That number is mAP@0.5; where the validation pictures hold no box, the loss on them, negated; where there are no
such pictures, the epoch's own number, so that the last is the best.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from detector.data.loader import Order, Pictures, loader
from detector.detecting.inference import Thresholds
from detector.judging.evaluate import Scores, evaluate
from detector.judging.found import Found
from detector.loss.settings import LossSettings
from detector.loss.terms import loss
from detector.network.model import Darknet
from detector.training.options import Options


@dataclass(frozen=True)
class Verdict:
    """found: each picture's detections.  loss: only where there is no mAP."""

    scores: Scores | None = None
    found: list[Found] = field(default_factory=list)
    loss: float | None = None

    def value(self, epoch: int) -> float:
        if self.scores is not None and self.scores.map50 is not None:
            return self.scores.map50
        return float(epoch) if self.loss is None else -self.loss


def validate(model: Darknet, val: Pictures | None, classes: tuple[str, ...], options: Options, quiet: bool) -> Verdict:
    if val is None:
        return Verdict()
    batch = int(options.batch)
    scores, found = evaluate(model, val, classes, Thresholds(), batch, options.workers or 0, quiet)
    return Verdict(scores, found, mean_loss(model, val, batch, options.loss) if scores.map50 is None else None)


def mean_loss(model: Darknet, pictures: Pictures, batch: int, how: LossSettings) -> float:
    """The loss in eval mode, a mean over slots."""
    model.eval()
    device, total, slots = next(model.parameters()).device, 0.0, 0
    with torch.inference_mode():
        for one in loader(pictures, Order(len(pictures), batch, 0, shuffled=False), 0):
            heads = model(one.floats(device, torch.contiguous_format))
            terms = loss(
                heads, one.truths.to(device), model.anchors_wh, model.strides, how, regions=one.regions.to(device)
            )
            total, slots = total + float(terms.total) * terms.count, slots + terms.count
    return total / slots
