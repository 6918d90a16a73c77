"""A network and all that moves with it while it learns: optimiser, running average, loss scale, gathered gradients.

A step's gradient is that of the mean over *all* its slots, however its pictures are divided: batches of one device
that are gathered, devices, or both. So four batches of 2 move the weights as one of 8 does (batch norm apart, whose
statistics are each batch's own, unless `--sync-bn` joins those of several cuda devices).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from detector.data.loader import Batch
from detector.loss.terms import Terms
from detector.network import transfer
from detector.network.model import Darknet
from detector.training import optimise
from detector.training.device import autocast, choose_layout
from detector.training.options import Options
from detector.training.ranks import Ranks


class Learner:
    """steps: of an epoch. The options must be settled. Call `begin` before each epoch."""

    def __init__(self, model: Darknet, options: Options, steps: int, ranks: Ranks) -> None:
        self.options, self.ranks, self.transferring = options, ranks, options.transferring
        warm_up = optimise.warm_up_steps(steps, options.epochs) if options.warm_up is None else options.warm_up
        steps *= options.epochs
        self.device, self.layout = ranks.device, choose_layout(options.channels_last, ranks.device, model)
        self.model = model.to(self.device).to(memory_format=self.layout)  # type: ignore[call-overload]
        self.average = optimise.Average(self.model, steps, options.ema_decay)
        groups = transfer.groups(self.model, self.transferring, options.weight_decay or 0.0, options.lr or 0.0)
        self.optimizer = optimise.optimiser(groups, options.optimizer, options.momentum)
        self.schedule = optimise.Schedule(options.schedule, steps, warm_up, options.final_lr)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=options.amp == "fp16")
        self.count = 0.0
        self._frozen: frozenset[int] | None = None
        self._forward: Callable[[Tensor], list[Tensor]] = self.model

    def begin(self, epoch: int) -> None:
        """Training mode, with what is frozen in `epoch` standing still."""
        frozen = transfer.apply_freeze(self.model, self.transferring, epoch)
        if frozen != self._frozen:
            self._frozen, self._forward = frozen, _forward(self.model, self.options, self.ranks)
        self.model.train()

    @contextmanager
    def gathering(self, last: bool) -> Iterator[None]:
        """Around a batch's forward and backward pass; the devices exchange gradients only at a step's `last`."""
        if last or not isinstance(self._forward, DistributedDataParallel):
            yield
        else:
            with self._forward.no_sync():
                yield

    def heads(self, batch: Batch) -> list[Tensor]:
        """The network's raw heads for a batch, float32."""
        with autocast(self.options.amp, self.device):
            found = self._forward(batch.floats(self.device, self.layout))
        return [head.float() for head in found]

    def backward(self, terms: Terms) -> None:
        """Gather the gradient of a batch's terms, as a sum over its slots."""
        self.scaler.scale(terms.total * terms.count).backward()
        self.count += terms.count

    def step(self, number: int) -> float:
        """Move the weights by what was gathered: step `number` of the run, counted from 0. Returns the rate."""
        rate = (self.options.lr or 0.0) * self.schedule(number)
        optimise.set_rate(self.optimizer, rate)
        self.scaler.unscale_(self.optimizer)
        # DistributedDataParallel has divided by the number of processes already.
        (count,) = self.ranks.total(self.count)
        optimise.scale_and_clip(list(self.model.parameters()), self.ranks.size / count, self.options.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(number + 1)
        self.count = 0.0
        return rate

    def state(self) -> dict[str, Any]:
        """What `restore` needs between two steps, apart from the average."""
        return {
            "raw": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any], average: dict[str, Tensor]) -> None:
        self.model.load_state_dict(state["raw"])
        self.average.model.load_state_dict(average)
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def _forward(model: Darknet, options: Options, ranks: Ranks) -> Callable[[Tensor], list[Tensor]]:
    """The network as it is called in training: over several devices, compiled, or itself."""
    called: nn.Module = model
    if ranks.size > 1:
        cuda = ranks.device.type == "cuda"
        if cuda and options.sync_bn:
            called = nn.SyncBatchNorm.convert_sync_batchnorm(called)
        called = DistributedDataParallel(called, device_ids=[ranks.device.index] if cuda else None)
    return torch.compile(called) if options.compile else called
