"""How weights move: the optimiser, the learning rate of each step, and the running average of the weights.

SGD with Nesterov momentum, or AdamW; weight decay on convolution kernels only. A transferred body learns as fast as
the heads: at a tenth of their rate, three epochs from COCO's tiny ended at mAP@.5 .34 instead of .46 on face masks.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)
RATES = {"sgd": 0.01, "adamw": 0.001}
DECAYS = {"sgd": 5e-4, "adamw": 0.05}
STEPS_AT = (0.8, 0.9)  # of the run: where `step` divides the rate by ten, as Darknet's cfgs do


def optimiser(groups: list[dict[str, Any]], name: str, momentum: float) -> torch.optim.Optimizer:
    """For the groups of `transfer.groups`. name: sgd or adamw, whose first beta is `momentum`."""
    # Fused: one pass over the weights instead of one an operation.
    fused = groups[0]["params"][0].device.type in ("cpu", "cuda")
    if name == "adamw":
        return torch.optim.AdamW(groups, betas=(momentum, 0.999), fused=fused)
    optimizer = torch.optim.SGD(groups, momentum=momentum, nesterov=momentum > 0, fused=fused)
    if momentum:
        # Of a first step that the loss scale skips, torch's fused SGD would keep a buffer that nothing was written to.
        for parameter in (one for group in groups for one in group["params"]):
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def warm_up_steps(steps_an_epoch: int, epochs: int) -> int:
    """Three epochs or 500 steps, whichever is more, but never over a tenth of the run."""
    return min(max(3 * steps_an_epoch, 500), steps_an_epoch * epochs // 10)


@dataclass(frozen=True)
class Schedule:
    """The learning rate of each of `steps`. kind: cosine, linear, step or constant.  last: share at the end."""

    kind: str
    steps: int
    warm_up: int
    last: float = 0.01

    def __call__(self, step: int) -> float:
        """Share of the full rate at `step`, counted from 0: a linear rise, then what `kind` says."""
        if step < self.warm_up:
            return (step + 1) / (self.warm_up + 1)
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        match self.kind:
            case "cosine":
                return self.last + (1 - self.last) * (1 + math.cos(math.pi * done)) / 2
            case "linear":
                return self.last + (1 - self.last) * (1 - done)
            case "step":
                return 0.1 ** sum(step >= at * self.steps for at in STEPS_AT)
        return 1.0


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """`value` for every group, times the group's own `share`."""
    for group in optimizer.param_groups:
        group["lr"] = value * group["share"]


def scale_and_clip(parameters: Sequence[nn.Parameter], factor: float, largest: float) -> None:
    """Multiply every gradient by `factor`, then shorten all together to norm `largest` (0: any). In place.

    Both are one multiplication: the norm is of the gradients as they stand.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    scale: float | Tensor = factor
    if largest:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) * abs(factor)
        scale = factor * (largest / (norm + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(gradients, scale)


class Average(Generic[Module]):
    """Running average of a network's weights and batch norm statistics: what is judged and kept.

    Its memory is `longest` a step at most, but never longer than a twentieth of the run, and short at the beginning:
    in a run of 400 steps the 5,000-step average of a long one would still be mostly the first guess. At 0 it is
    the network itself, copied.
    """

    def __init__(self, model: Module, steps: int, longest: float = 0.9998) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.longest = min(longest, 1 - 1 / max(2.0, steps / 20))
        self._pairs = _paired(self.model, model, floating=True)
        self._counts = _paired(self.model, model, floating=False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network after `step` steps, counted from 1."""
        decay = min(self.longest, (1 + step) / (10 + step))
        torch._foreach_lerp_(*self._pairs, 1 - decay)
        for own, new in zip(*self._counts, strict=True):
            own.copy_(new)


def _paired(average: nn.Module, model: nn.Module, floating: bool) -> tuple[list[Tensor], list[Tensor]]:
    new = model.state_dict()
    chosen = [(v, new[name]) for name, v in average.state_dict().items() if v.is_floating_point() == floating]
    return [own for own, _ in chosen], [other for _, other in chosen]
