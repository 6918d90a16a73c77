"""A classifier's .onnx, run by onnxruntime: what `detector export` makes of a classifier.

It takes (B, 3, side, side), RGB in [0, 1], and gives softmax's shares, (B, C). Its metadata `balanced-detection` is one
JSON object: format, model, classes in order, side, the file of weights it was made from; quantised, also precision.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.errors import ExportError
from detector.runtimes.description import KEY, PICTURES
from detector.runtimes.session import open_session

FORMAT = "classifier 1"


def is_exported_classifier(path: Path) -> bool:
    """Whether `path` is an .onnx of ours, and of a classifier."""
    if path.suffix.lower() != ".onnx" or not path.is_file():
        return False
    text = open_session(path).get_modelmeta().custom_metadata_map.get(KEY, "{}")
    try:
        content: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


class Exported:
    """A classifier's .onnx, open. classes, side, precision: what it says of itself."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ExportError(path, "no such file", "a classifier of ours", "make it with `detector export`")
        self._session = open_session(path)
        text = self._session.get_modelmeta().custom_metadata_map.get(KEY, "{}")
        content: Any = json.loads(text)
        if content.get("format") != FORMAT:
            raise ExportError(path, "is not a classifier of ours", "one that `detector export` wrote")
        self.classes: tuple[str, ...] = tuple(content["classes"])
        self.side: int = content["side"]
        self.precision: str = content.get("precision", "float32")

    def __call__(self, pictures: Tensor) -> Tensor:
        """(B, 3, side, side) in [0, 1] to (B, C)."""
        (scores,) = self._session.run(None, {PICTURES: np.ascontiguousarray(pictures.numpy())})
        return torch.from_numpy(scores)


def shares_of(run: Callable[[Tensor], Tensor], squares: Sequence[np.ndarray], batch: int) -> Tensor:
    """(N, C) for squares of (side, side, 3) uint8."""
    rows = []
    for start in range(0, len(squares), batch):
        given = torch.from_numpy(np.stack(squares[start : start + batch])).permute(0, 3, 1, 2).float().div_(255)
        rows.append(run(given))
    return torch.cat(rows)
