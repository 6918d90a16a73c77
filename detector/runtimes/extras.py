"""What is only there with an extra: imported when it is wanted, and said in one line where it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from detector.errors import ExportError

EXTRAS = {
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "onnxruntime.quantization": "onnx",
    "onnxruntime.transformers.float16": "onnx",
    "litert_torch": "tflite",
    "ai_edge_litert.interpreter": "tflite",
    "ai_edge_litert.tools.flatbuffer_utils": "tflite",
    "ai_edge_quantizer.qtyping": "tflite",
    "ai_edge_quantizer.quantizer": "tflite",
}


def need(module: str) -> Any:
    """The module, one of `EXTRAS`. Raises ExportError that names the extra to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        remedy = f'pip install "balanced-detection[{EXTRAS[module]}]"'
        raise ExportError(module.split(".")[0], f"cannot be imported ({error})", "", remedy) from error


def there(module: str) -> bool:
    """Whether `need` would give it."""
    try:
        need(module)
    except ExportError:
        return False
    return True
