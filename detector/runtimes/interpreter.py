"""TFLite models run by LiteRT's interpreter (extra `[tflite]`), one picture at a time, on the CPU.

A model that is quantised to its ends takes and gives int8: the scale and zero point of each tensor are applied here.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.errors import ExportError
from detector.runtimes.description import FILE, read_description
from detector.runtimes.extras import need
from detector.runtimes.outputs import in_batches


class Flatbuffer:
    """A .tflite file, open: arrays of floats in and out, whatever it stores. Threads: as many as torch uses."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        litert = need("ai_edge_litert.interpreter")
        try:
            self._model = litert.Interpreter(model_path=str(path), num_threads=threads or torch.get_num_threads())
            self._model.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            said = str(error).splitlines()[0][:120]
            raise ExportError(path, f"LiteRT cannot open it ({said})", "a TFLite model") from error
        self._input = self._model.get_input_details()[0]
        self._outputs = sorted(self._model.get_output_details(), key=lambda one: one["name"])

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        self._model.set_tensor(self._input["index"], _into(pictures.contiguous().numpy(), self._input))
        self._model.invoke()
        return [torch.from_numpy(_out_of(self._model.get_tensor(o["index"]), o)) for o in self._outputs]


class Interpreter:
    """A detector's .tflite, open."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        self.what = read_description(text_in(path), path)
        self.device = torch.device("cpu")
        self._run = Flatbuffer(path, threads)

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return in_batches(self._run, pictures, self.what)


def _into(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """Floats as the tensor stores them."""
    scale, zero = tensor["quantization"]
    if not scale:
        return values.astype(tensor["dtype"])
    limits = np.iinfo(tensor["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(tensor["dtype"])


def _out_of(stored: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """What the tensor stores, as floats."""
    scale, zero = tensor["quantization"]
    return (stored.astype(np.float32) - zero) * scale if scale else stored.astype(np.float32)


def text_in(path: Path) -> str | None:
    """What the file says of itself, if anything."""
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.read(FILE).decode()
    except (zipfile.BadZipFile, KeyError):
        return None
