"""ONNX models run by onnxruntime (extra `[onnx]`), on the CPU or, with its GPU build, on CUDA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.errors import ExportError
from detector.runtimes.description import KEY, PICTURES, read_description
from detector.runtimes.extras import need
from detector.runtimes.outputs import in_batches


class Session:
    """An .onnx file of ours, open. Threads: as many as torch uses."""

    def __init__(self, path: Path, device: str | None = None, threads: int = 0) -> None:
        self._session = open_session(path, device, threads)
        self.what = read_description(self._session.get_modelmeta().custom_metadata_map.get(KEY), path)
        self.device = torch.device("cpu")  # where the pictures are taken from
        self._half = self._session.get_inputs()[0].type == "tensor(float16)"

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return in_batches(self._run, pictures, self.what)

    def _run(self, pictures: Tensor) -> list[Tensor]:
        given = np.ascontiguousarray(pictures.numpy(), dtype=np.float16 if self._half else np.float32)
        return [torch.from_numpy(out) for out in self._session.run(None, {PICTURES: given})]


def open_session(path: Path, device: str | None = None, threads: int = 0) -> Any:
    """An onnxruntime session. Raises ExportError where the file is no ONNX model or the device is not there."""
    ort = need("onnxruntime")
    providers = _providers(ort.get_available_providers(), device)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3  # what is wrong is raised
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        # Its exceptions have no common ancestor of their own.
        if not (isinstance(error, RuntimeError | ValueError) or type(error).__module__.startswith("onnxruntime")):
            raise
        said = str(error).splitlines()[0][:120]
        raise ExportError(path, f"onnxruntime cannot open it ({said})", "an ONNX model") from error


def _providers(there: list[str], device: str | None) -> list[str]:
    if device is None or device == "cpu":
        return ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in there:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    known = "cpu, or cuda with onnxruntime-gpu installed"
    raise ExportError(f"--device {device}", "not known to this onnxruntime", known)
