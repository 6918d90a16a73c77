"""A torch module as a TorchScript file: traced, frozen, with files of text inside. Any batch."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from detector.atomic import write_atomically


def write_torchscript(module: nn.Module, example: Tensor, path: Path, texts: dict[str, str]) -> None:
    """Trace `module` on `example` and write it, whole or not at all."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that TorchScript is the older way, and that shapes become constants: intended
        traced = torch.jit.freeze(torch.jit.trace(module.eval(), example, check_trace=False))
        torch.jit.save(traced, stream, _extra_files=texts)
    write_atomically(path, stream.getvalue())
