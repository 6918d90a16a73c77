"""What a run is computed on and how: the device, half precision, the layout of pictures in memory, determinism.

bf16 on a CPU is allowed only where oneDNN computes with it: elsewhere it is emulated, some 25 times slower. It is
taken unasked where the processor has AMX, tiles of bf16, which halve the time of a training step. Channels
last is a sixth faster for tiny on a CPU, slower there for the full network, and faster on a cuda device.
"""

from __future__ import annotations

import os

import torch

from detector.errors import UserError
from detector.network.model import Darknet

SMALL = 20  # convolutions: with fewer a network is "tiny"


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; of "auto" cuda, mps or cpu, the first that is there. Raises UserError if absent."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, present in there.items() if present))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError("--device", repr(name), "cpu, cuda, cuda:0, mps, ...") from error
    beyond = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if beyond or not there.get(device.type, True):
        raise UserError("--device", f"{name} is not there", f"one of {', '.join(k for k, is_ in there.items() if is_)}")
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """ "off", "bf16" or "fp16" for the option `name`. Raises UserError where the device cannot compute with it."""
    if name == "auto":
        if device.type == "cpu":
            return "bf16" if has_bf16_tiles() else "off"
        return "off" if device.type != "cuda" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if name == "fp16" and device.type != "cuda":
        raise UserError("--amp", f"fp16 on {device.type}", "a cuda device", "use --amp off")
    if name == "bf16" and device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise UserError("--amp", "bf16: this processor only emulates it, some 25 times slower", "--amp off")
    if name == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UserError("--amp", "bf16: this device has none", "--amp fp16")
    return name


def has_bf16_tiles() -> bool:
    """Whether this processor multiplies matrices of bf16 in hardware, and torch's library makes use of it."""
    return bool(torch.cpu._is_amx_tile_supported() and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def choose_layout(name: str, device: torch.device, model: Darknet) -> torch.memory_format:
    """The layout of pictures and kernels in memory for the option `name`."""
    small = len(model.convolutions) < SMALL
    last = name == "on" or (name == "auto" and (device.type == "cuda" or (device.type == "cpu" and small)))
    return torch.channels_last if last else torch.contiguous_format


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """A context in which the forward pass computes with `precision`."""
    kind = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, kind, enabled=precision != "off")


def be_deterministic(wanted: bool) -> None:
    """The same bits each time where `wanted`; else whatever is fastest on a cuda device. Of the whole process."""
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.benchmark = not wanted
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("highest" if wanted else "high")
