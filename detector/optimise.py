"""How weights move: parameter groups, the learning rate of each step, and the running average of the weights.

SGD with Nesterov momentum .937; weight decay 5e-4 on convolution kernels only. A transferred body learns as fast as
the heads: at a tenth of their rate, three epochs from COCO's tiny ended at mAP@.5 .34 instead of .46 on face masks.
"""

from __future__ import annotations

import copy
import math

import torch

from detector.model import Darknet

MOMENTUM = 0.937
WEIGHT_DECAY = 5e-4
FINAL_RATE = 0.01
EMA_DECAY = 0.9998


def optimiser(model: Darknet) -> torch.optim.SGD:
    """Two groups: kernels, which are decayed, and the rest."""
    kernels = [parameter for parameter in model.parameters() if parameter.ndim == 4]
    rest = [parameter for parameter in model.parameters() if parameter.ndim != 4]
    groups = [{"params": kernels, "weight_decay": WEIGHT_DECAY}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.0, momentum=MOMENTUM, nesterov=True)


def warm_up_steps(steps_an_epoch: int, epochs: int) -> int:
    """Three epochs or 500 steps, whichever is more, but never over a tenth of the run."""
    return min(max(3 * steps_an_epoch, 500), steps_an_epoch * epochs // 10)


def rate(step: int, steps: int, warm_up: int) -> float:
    """Share of the full learning rate at `step` of `steps`: a linear rise, then half a cosine down to 1 %."""
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    done = (step - warm_up) / max(1, steps - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value


class Average:
    """Running average of a network's weights and batch norm statistics: what is judged and kept.

    Its memory is .9998 a step at most, but never longer than a twentieth of the run, and short at the beginning:
    in a run of 400 steps the 5,000-step average of a long one would still be mostly the first guess.
    """

    def __init__(self, model: Darknet, steps: int) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.longest = min(EMA_DECAY, 1 - 1 / max(2.0, steps / 20))

    @torch.no_grad()
    def update(self, model: Darknet, step: int) -> None:
        """Take in `model` after `step` steps, counted from 1."""
        decay = min(self.longest, (1 + step) / (10 + step))
        new = model.state_dict()
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[name], 1 - decay)
            else:
                value.copy_(new[name])
