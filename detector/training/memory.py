"""How many pictures fit into memory at once: `--batch auto`, and what is said when it runs out.

On a cuda device a training pass of each size is tried. Elsewhere it is reckoned: what autograd keeps of one picture,
measured, times `BESIDE` for what passes through, against the memory that is free.  Limits: on a CPU the free memory
is a moment's, other programs take their part; so a quarter of it is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from detector.errors import TrainingError
from detector.network.model import Darknet
from detector.training.device import autocast

MOST = 64  # a larger batch gains no speed
SPARE = 0.75  # share of the free memory that a batch may fill
BESIDE = 1.5  # peak of a pass against what autograd keeps: 1.13 to 1.36 measured on yolov3-tiny and yolov3
SIGNS = ("out of memory", "can't allocate memory", "failed to allocate", "not enough memory")


def fitting_batch(model: Darknet, side: int, precision: str) -> int:
    """The largest power of two, at most `MOST`, of pictures that one device can train on at once; at least 1."""
    device = next(model.parameters()).device
    if device.type == "cuda":
        return halved_until(lambda batch: _try(model, side, precision, batch))
    return reckoned(free_bytes(), kept_bytes(model, side, precision))


def halved_until(fits: Callable[[int], bool]) -> int:
    """The first of `MOST`, half of it, ... that `fits`; 1 if none does."""
    batch = MOST
    while batch > 1 and not fits(batch):
        batch //= 2
    return batch


def reckoned(free: int, kept: int) -> int:
    """The largest power of two, at most `MOST`, of pictures of which autograd keeps `kept` bytes each."""
    room = free * SPARE / (kept * BESIDE)
    return min(MOST, 1 << max(0, int(room).bit_length() - 1))


def kept_bytes(model: Darknet, side: int, precision: str) -> int:
    """What autograd keeps of one picture until the backward pass: what it keeps of two, less what of one."""
    training, statistics = model.training, {name: v.clone() for name, v in model.state_dict().items()}
    model.train()
    one, two = (_kept(model, batch, side, precision) for batch in (1, 2))
    model.load_state_dict(statistics)
    model.train(training)
    return two - one


def _kept(model: Darknet, batch: int, side: int, precision: str) -> int:
    """Bytes of all tensors, kernels and their copies in half precision too, by looking."""
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    device = next(model.parameters()).device
    pictures = torch.zeros(batch, 3, side, side, device=device)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), autocast(precision, device):
        heads = model(pictures)  # noqa: F841  what is kept must not be freed meanwhile
    return sum(sizes.values())


def free_bytes() -> int:
    """Memory that this process may still take: the system's or its control group's, whichever is less."""
    table = Path("/proc/meminfo")
    if not table.is_file():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    words = [line.split() for line in table.read_text().splitlines()]
    free = next(int(line[1]) * 1024 for line in words if line[0] == "MemAvailable:")
    limit, used = (Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit.is_file() and used.is_file() and (most := limit.read_text().strip()) != "max":
        free = min(free, int(most) - int(used.read_text()))
    return max(0, free)


def _try(model: Darknet, side: int, precision: str, batch: int) -> bool:
    device = next(model.parameters()).device
    statistics = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        torch.cuda.reset_peak_memory_stats(device)
        with autocast(precision, device):
            heads = model.train()(torch.zeros(batch, 3, side, side, device=device))
        torch.stack([head.float().square().sum() for head in heads]).sum().backward()
        return torch.cuda.max_memory_allocated(device) < 0.9 * torch.cuda.get_device_properties(device).total_memory
    except torch.OutOfMemoryError:
        return False
    finally:
        model.zero_grad(set_to_none=True)
        model.load_state_dict(statistics)
        torch.cuda.empty_cache()


@contextmanager
def explained(model: Darknet, batch: int, side: int, precision: str) -> Iterator[None]:
    """Turn running out of memory into one line with a batch that would fit."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error) for sign in SIGNS):
            raise
        free = _free_of(next(model.parameters()).device)
        lesser = min(batch // 2, reckoned(free, kept_bytes(model, side, precision)))
        remedy = f"try --batch {lesser}, with --nominal-batch {batch} for the same steps" if lesser else ""
        where, what = f"--batch {batch}", f"out of memory at {side} px"
        raise TrainingError(where, what, "", remedy or "try a lower --img-size or a smaller --model") from error


def _free_of(device: torch.device) -> int:
    """On a cuda device all there is: what failed is still held by the error's own trace."""
    return torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else free_bytes()
