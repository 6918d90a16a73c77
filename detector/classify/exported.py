"""A classifier's .onnx or .tflite, run by onnxruntime or LiteRT: what `detector export` makes of a classifier.

It takes (B, 3, side, side), RGB in [0, 1], and gives softmax's shares, (B, C); TFLite one picture at a time. It says of
itself, in the metadata `balanced-detection` or the zip after the flatbuffer, one JSON object: format, model, classes in
order, side, the file of weights it was made from; quantised, also precision.
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
from detector.runtimes.interpreter import Flatbuffer, text_in
from detector.runtimes.session import open_session

FORMAT = "classifier 1"
SUFFIXES = {"onnx": ".onnx", "tflite": ".tflite"}


def is_exported_classifier(path: Path) -> bool:
    """Whether `path` is an .onnx or .tflite of ours, and of a classifier."""
    return path.suffix.lower() in SUFFIXES.values() and path.is_file() and _said_in(path).get("format") == FORMAT


def _said_in(path: Path) -> dict[str, Any]:
    """What the file says of itself; nothing where it is none of ours."""
    flat = path.suffix.lower() == ".tflite"
    text = text_in(path) if flat else open_session(path).get_modelmeta().custom_metadata_map.get(KEY)
    try:
        content: Any = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


class Exported:
    """A classifier's file, open. said: what it says of itself, of that: classes, side, precision."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ExportError(path, "no such file", "a classifier of ours", "make it with `detector export`")
        self.said = _said_in(path)
        if self.said.get("format") != FORMAT:
            raise ExportError(path, "is not a classifier of ours", "one that `detector export` wrote")
        self._run = _in_flatbuffer(path) if path.suffix.lower() == ".tflite" else _in_session(path)
        self.classes: tuple[str, ...] = tuple(self.said["classes"])
        self.side: int = self.said["side"]
        self.precision: str = self.said.get("precision", "float32")

    def __call__(self, pictures: Tensor) -> Tensor:
        """(B, 3, side, side) in [0, 1] to (B, C)."""
        return self._run(pictures)


def _in_session(path: Path) -> Callable[[Tensor], Tensor]:
    session = open_session(path)

    def run(pictures: Tensor) -> Tensor:
        (scores,) = session.run(None, {PICTURES: np.ascontiguousarray(pictures.numpy())})
        return torch.from_numpy(scores)

    return run


def _in_flatbuffer(path: Path) -> Callable[[Tensor], Tensor]:
    model = Flatbuffer(path)
    return lambda pictures: torch.cat([model(one)[0] for one in pictures.split(1)])


def shares_of(run: Callable[[Tensor], Tensor], squares: Sequence[np.ndarray], batch: int) -> Tensor:
    """(N, C) for squares of (side, side, 3) uint8."""
    rows = []
    for start in range(0, len(squares), batch):
        given = torch.from_numpy(np.stack(squares[start : start + batch])).permute(0, 3, 1, 2).float().div_(255)
        rows.append(run(given))
    return torch.cat(rows)
