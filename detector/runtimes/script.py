"""TorchScript models: run by torch alone, without this project's code; from C++ as well."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor

from detector.errors import ExportError
from detector.runtimes.description import FILE, read_description
from detector.runtimes.outputs import in_batches


class Script:
    """A .torchscript file of ours, open."""

    def __init__(self, path: Path, device: str | None = None) -> None:
        extra = {FILE: ""}
        self.device = torch.device(device or "cpu")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript as such
                self._module = torch.jit.load(str(path), map_location=self.device, _extra_files=extra)
        except (RuntimeError, ValueError) as error:
            said = str(error).splitlines()[0][:120]
            raise ExportError(path, f"torch cannot open it ({said})", "a TorchScript model") from error
        text: str | bytes = extra[FILE]
        self.what = read_description(text.decode() if isinstance(text, bytes) else text, path)

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return in_batches(self._run, pictures, self.what)

    def _run(self, pictures: Tensor) -> list[Tensor]:
        with torch.inference_mode():
            return [part.cpu() for part in self._module(pictures)]
