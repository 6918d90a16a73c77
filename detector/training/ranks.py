"""Several processes as one run: torch's DistributedDataParallel under `torchrun`, one process a device.

    torchrun --standalone --nproc-per-node 4 -m detector.cli train          # one machine
    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m detector.cli train

Rank and size come from torchrun's environment; without it a process is alone and every function here does nothing.
nccl between cuda devices, gloo between CPUs. Rank 0 alone writes and judges; the others wait for what it found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from detector.training.device import choose_device

PATIENCE = timedelta(hours=6)  # while rank 0 judges
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this one is. device: its own."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def total(self, *numbers: float) -> list[float]:
        """Each number summed over the processes."""
        if self.size == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(summed)
        return summed.tolist()

    def any(self, here: bool) -> bool:
        """Whether it is so in any process."""
        return self.total(float(here))[0] > 0

    def shared(self, value: T) -> T:
        """What rank 0 gives as `value`, everywhere."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]


@contextmanager
def join(name: str) -> Iterator[Ranks]:
    """Meet the other processes, if torchrun started any; `name` is the option --device."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks(choose_device(name))
        return
    device = choose_device(name)
    if device.type == "cuda":
        device = choose_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(device, dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
