"""A classifier and all that moves with it while it learns, in one of three modes.

    frozen    pretrained; the new head alone learns. The body, its batch norm statistics too, stands still, so it is
              computed once a picture
    finetune  pretrained; everything learns, the body at a share of the head's rate
    scratch   everything learns, from random weights

What is judged and kept is the running average of the weights (`optimise.Average`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from detector.classify.feeding import Features, Pictures, Show
from detector.classify.loss import total
from detector.classify.networks import KINDS, Network
from detector.classify.options import Options
from detector.training import optimise
from detector.training.device import autocast

Source = Features | Pictures


class Learner:
    """steps: of an epoch. The options must be settled, `amp` too.  weights: (C,) of the classes, in the loss."""

    def __init__(self, network: Network, options: Options, steps: int, weights: Tensor, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.options, self.device = options, device
        self.weights = weights.to(device)
        self.module: nn.Module = self.network
        if options.transfer == "frozen":
            self.network.eval().requires_grad_(False)
            self.module = self.network.head.requires_grad_(True)
        everything = steps * options.epochs
        self.average = optimise.Average(self.module, everything)
        self.optimizer = optimise.optimiser(self._groups(), "adamw", 0.9)
        warm_up = optimise.warm_up_steps(steps, options.epochs)
        self.schedule = optimise.Schedule("cosine", everything, warm_up)

    def _groups(self) -> list[dict[str, Any]]:
        """Heads and body, of each what is decayed (kernels and matrices) and what is not."""
        lr, share = self.options.lr or 0.0, self.options.body_lr if self.options.transfer == "finetune" else 1.0
        heads = {f"{head}.{kind}" for head in KINDS[self.options.model].heads for kind in ("weight", "bias")}
        learning = [(name, p) for name, p in self.network.named_parameters() if p.requires_grad]
        found: list[dict[str, Any]] = []
        for of_head, own in ((True, 1.0), (False, share)):
            for matrices, decay in ((True, self.options.weight_decay), (False, 0.0)):
                chosen = [p for name, p in learning if (name in heads) == of_head and (p.ndim > 1) == matrices]
                if chosen:
                    found.append({"params": chosen, "weight_decay": decay, "lr": lr * own, "share": own})
        return found

    def learn(self, source: Source, shows: Sequence[Show], truths: Tensor, number: int) -> float:
        """Step `number` of the run, counted from 0, on one batch; returns its loss."""
        self.module.train()
        options = self.options
        # A head alone, on features, gains nothing from half floats.
        with autocast("off" if options.transfer == "frozen" else options.amp, self.device):
            given = self.module(source.shown(shows).to(self.device))
        loss = total(given, truths.to(self.device), self.weights, options.focal_gamma, options.label_smoothing)
        loss.backward()
        optimise.set_rate(self.optimizer, self.rate(number))
        optimise.scale_and_clip(list(self.module.parameters()), 1.0, 10.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(number + 1)
        return float(loss.detach())

    def rate(self, number: int) -> float:
        return (self.options.lr or 0.0) * self.schedule(number)

    def logits(self, source: Source, count: int) -> Tensor:
        """(count, C) of the averaged network, for the first `count` pictures of `source`."""
        return logits_of(self.average.model, source, count, self.options.batch, self.device)

    def weights_to_keep(self) -> dict[str, Tensor]:
        """The averaged network's state dict."""
        whole = copy.deepcopy(self.network)
        (whole.head if self.options.transfer == "frozen" else whole).load_state_dict(self.average.model.state_dict())
        return {name: value.cpu() for name, value in whole.state_dict().items()}

    def state(self) -> dict[str, Any]:
        return {
            "raw": self.module.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["raw"])
        self.average.model.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])


def logits_of(module: nn.Module, source: Source, count: int, batch: int, device: torch.device) -> Tensor:
    """(count, C), on the CPU. The module must be in evaluation mode."""
    with torch.inference_mode():
        starts = range(0, count, batch)
        rows = [module(source.plain(range(s, min(s + batch, count))).to(device)).cpu() for s in starts]
    return torch.cat(rows)
