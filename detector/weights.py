"""Darknet's `.weights` and `.conv.N` files: read, written, and put into a network; `transfer.py` takes parts of them.

Format: int32 major, minor, revision; the pictures `seen`, as int64 when major * 10 + minor >= 2, else int32; then
float32, little-endian, convolution after convolution: with batch norm its bias, scale, running mean, running
variance, else its bias; then the kernel (out, in, height, width). `.conv.N` is such a file cut after layer N - 1.
The format names nothing: what a file fits is told by its length alone, and every byte must be accounted for.
Source: Darknet's parser.c (load_weights, load_convolutional_weights).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from detector.atomic import write_atomically
from detector.cfg import COCO_CLASSES
from detector.errors import WeightsError
from detector.model import Convolution, Darknet

VERSION = (0, 2, 5)


@dataclass(frozen=True)
class DarknetFile:
    """version: major, minor, revision.  seen: pictures trained on.  floats: (n,) float32."""

    version: tuple[int, int, int]
    seen: int
    floats: np.ndarray


def read_darknet(path: Path) -> DarknetFile:
    """Read header and floats. Raises WeightsError where the file is no such file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(20)
        if len(head) < 16:
            raise WeightsError(path, f"{size} bytes", "a Darknet file: a header of 16 or 20 bytes, then floats")
        major, minor, revision = struct.unpack("<3i", head[:12])
        if not (0 <= major < 1000 and 0 <= minor < 1000 and 0 <= revision < 1000):
            raise WeightsError(
                path,
                "is neither a Darknet .weights file nor one of our .pt",
                "a file that Darknet or `detector train` wrote",
            )
        wide = major * 10 + minor >= 2
        length = 20 if wide else 16
        seen = struct.unpack("<q" if wide else "<i", head[12:length])[0] if len(head) >= length else -1
        if (size - length) % 4 or size <= length:
            raise WeightsError(
                path,
                f"{size} bytes",
                f"a header of {length} and a whole number of 4-byte floats",
                "the file is cut off: fetch it again",
            )
        file.seek(length)
        return DarknetFile((major, minor, revision), seen, np.frombuffer(file.read(), dtype="<f4"))


def _tensors(block: Convolution) -> list[Tensor]:
    """The block's tensors in file order; the very tensors, to be read or filled."""
    if isinstance(block.norm, nn.BatchNorm2d):
        norm = block.norm
        found = [norm.bias, norm.weight, norm.running_mean, norm.running_var, block.conv.weight]
    else:
        found = [block.conv.bias, block.conv.weight]
    return [tensor for tensor in found if tensor is not None]


def _floats(block: Convolution) -> int:
    return sum(tensor.numel() for tensor in _tensors(block))


def write_darknet(model: Darknet, path: Path, seen: int = 0, layers: int | None = None) -> None:
    """Write `.weights`, or with `layers` the prefix that Darknet calls `.conv.<layers>`. Atomic."""
    blocks = [layer for layer in list(model.layers)[:layers] if isinstance(layer, Convolution)]
    stream = io.BytesIO()
    stream.write(struct.pack("<3iq", *VERSION, seen))
    for block in blocks:
        for tensor in _tensors(block):
            stream.write(tensor.detach().cpu().numpy().astype("<f4").tobytes())
    write_atomically(path, stream.getvalue())


def _lengths(model: Darknet, classes: int) -> list[int]:
    """Floats in the file after each convolution, were the network one of `classes` classes."""
    heads = {id(block): len(head.mask) for head, block in zip(model.cfg.yolos, model.head_convolutions, strict=True)}
    counts, total = [], 0
    for block in model.convolutions:
        filters = heads.get(id(block), 0) * (5 + classes)
        total += filters * (_floats(block) // block.conv.out_channels) if filters else _floats(block)
        counts.append(total)
    return counts


def fitting(model: Darknet, count: int) -> tuple[int, int] | None:
    """(convolutions, classes) of the file of `count` floats; None where no whole number of layers is that long."""
    for classes in (model.classes, COCO_CLASSES):
        lengths = _lengths(model, classes)
        if count in lengths:
            return lengths.index(count) + 1, classes
    base, step = _lengths(model, 0)[-1], _lengths(model, 1)[-1] - _lengths(model, 0)[-1]
    classes, rest = divmod(count - base, step)
    return (len(model.convolutions), classes) if classes >= 1 and rest == 0 else None


def _fitted(model: Darknet, path: Path, file: DarknetFile) -> tuple[int, int]:
    """What `fitting` found. Raises WeightsError unless the file's length is that of whole layers of this network."""
    fit = fitting(model, len(file.floats))
    if fit is None:
        whole = 4 * _lengths(model, model.classes)[-1] + 20
        raise WeightsError(
            path,
            f"{path.stat().st_size} bytes: no whole number of layers of {model.cfg.name}",
            f"{whole} bytes for {model.classes} classes, or a prefix ending with a layer",
            "check --model against the weights, or fetch the file again",
        )
    return fit


def load_prefix(model: Darknet, path: Path) -> tuple[Darknet, int]:
    """The network that a file was written from, were it `model` for the file's own classes; and of how many layers,
    from the first on, it holds the weights."""
    file = read_darknet(path)
    convolutions, classes = _fitted(model, path, file)
    other, offset = Darknet(model.cfg.adapt(classes)), 0
    for block in other.convolutions[:convolutions]:
        offset = _fill(block, file.floats, offset)
    return other, other.layer_of(other.convolutions[convolutions - 1]) + 1


def load_darknet(model: Darknet, path: Path) -> None:
    """Fill `model` from a Darknet file that holds all of it. In place. Raises WeightsError where the file does not."""
    file = read_darknet(path)
    convolutions, classes = _fitted(model, path, file)
    total = len(model.convolutions)
    if (convolutions, classes) != (total, model.classes):
        held = f"{convolutions} of {total} convolutions" if convolutions < total else f"heads for {classes} classes"
        raise WeightsError(
            path, f"holds {held}", f"all of {model.cfg.name} for {model.classes} classes", "train from it first"
        )
    offset = 0
    for block in model.convolutions:
        offset = _fill(block, file.floats, offset)


def _fill(block: Convolution, floats: np.ndarray, offset: int) -> int:
    with torch.no_grad():
        for tensor in _tensors(block):
            part = floats[offset : offset + tensor.numel()].astype(np.float32)
            tensor.copy_(torch.from_numpy(part).view_as(tensor))
            offset += tensor.numel()
    return offset
