"""A network as a file for another runtime: what is asked for, what the file says of itself, and the writing of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import nn

from detector.detecting.inference import Thresholds
from detector.export.darknet import write_weights
from detector.export.heads import Decoded, Heads
from detector.export.onnx_model import OPSET, suppressing, to_onnx, write_onnx
from detector.export.tflite import write_tflite
from detector.export.torchscript import write_torchscript
from detector.network.model import Darknet
from detector.runtimes.description import FILE, PICTURES, Description
from detector.runtimes.reading import Weights

SUFFIXES = {"onnx": ".onnx", "torchscript": ".torchscript", "tflite": ".tflite", "weights": ".weights"}


@dataclass(frozen=True)
class Target:
    """to: a key of `SUFFIXES`.  nms: overlap and confidence of suppression inside, or None.  batch: 0 for any."""

    to: str
    nms: Thresholds | None = None
    raw_heads: bool = False
    batch: int = 0
    opset: int = OPSET

    @property
    def outputs(self) -> str:
        return "raw" if self.raw_heads else "nms" if self.nms else "decoded"


def write(model: Darknet, what: Description, path: Path, target: Target) -> tuple[Path, ...]:
    """Write `model` as `target` says; returns the files written beside `path`."""
    if target.to == "weights":
        return write_weights(model, path, what.side, what.classes)
    module: nn.Module = Heads(model) if what.outputs == "raw" else Decoded(model, what.side)
    example = torch.zeros(what.batch or 1, model.cfg.net.channels, what.side, what.side)
    if target.to == "torchscript":
        write_torchscript(module, example, path, {FILE: what.as_text()})
    elif target.to == "tflite":
        write_tflite(module, example, path, {FILE: what.as_text()})
    else:
        names = ("boxes", "scores") if what.outputs == "nms" else what.output_names
        made = to_onnx(module, example, PICTURES, names, any_batch=not what.batch, opset=target.opset)
        if target.nms:
            made = suppressing(made, target.nms.confidence, target.nms.overlap)
        write_onnx(made, path, what.as_properties())
    return ()


def describe(weights: Weights, path: Path, outputs: str, batch: int, nms: Thresholds | None = None) -> Description:
    """What the exported file will say of itself."""
    try:
        ours = version("balanced-detection")
    except PackageNotFoundError:
        ours = "unknown"
    anchors = tuple(tuple((float(w), float(h)) for w, h in head.tolist()) for head in weights.model.anchors_wh)
    return Description(
        classes=weights.classes,
        side=weights.side,
        outputs=outputs,
        batch=batch,
        anchors_wh=anchors,
        strides=tuple(weights.model.strides),
        source=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        version=ours,
        confidence=nms.confidence if nms else 0.0,
        overlap=nms.overlap if nms else 1.0,
    )
