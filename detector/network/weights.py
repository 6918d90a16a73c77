"""Darknet's `.weights` and `.conv.N` files: read, written, and put into a network; `transfer.py` takes parts of them.

Format: int32 major, minor, revision; the pictures `seen`, as int64 when major * 10 + minor >= 2, else int32; then
float32, little-endian, convolution after convolution: with batch norm its bias, scale, running mean, running
variance, else its bias; then the kernel (out, in, height, width). `.conv.N` is such a file cut after layer N - 1.
The format names nothing: what a file fits is told by its length alone, and every byte must be accounted for.
Source: Darknet's parser.c (load_weights, load_convolutional_weights).
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from detector.atomic import write_atomically
from detector.errors import WeightsError
from detector.network.cfg import COCO_CLASSES, Cfg, own_cfgs, read_cfg
from detector.network.info import summarise
from detector.network.model import Convolution, Darknet

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


def fitting(cfg: Cfg, count: int) -> tuple[int, int] | None:
    """(convolutions, classes) of a file of `count` floats, were it of `cfg`; None where no number of layers is that."""
    with torch.device("meta"):
        model = Darknet(cfg)
    for classes in (model.classes, COCO_CLASSES):
        lengths = _lengths(model, classes)
        if count in lengths:
            return lengths.index(count) + 1, classes
    base, step = _lengths(model, 0)[-1], _lengths(model, 1)[-1] - _lengths(model, 0)[-1]
    classes, rest = divmod(count - base, step)
    return (len(model.convolutions), classes) if classes >= 1 and rest == 0 else None


def recognise(count: int, cfgs: Iterable[Cfg]) -> tuple[Cfg, int] | None:
    """The first of `cfgs`, for the classes of a file of `count` floats, and how many convolutions of it are there."""
    for cfg in cfgs:
        fit = fitting(cfg, count)
        if fit is not None:
            return cfg.adapt(fit[1]), fit[0]
    return None


def _refusal(path: Path, cfg: Cfg) -> WeightsError:
    whole = summarise(cfg).as_json()["weights_bytes"]
    return WeightsError(
        path,
        f"{path.stat().st_size} bytes: no whole number of layers of {cfg.name}",
        f"{whole} bytes for {cfg.yolos[0].classes} classes, or a prefix ending with a layer",
        "check --model against the weights, or fetch the file again",
    )


def load_prefix(cfg: Cfg, path: Path, elsewhere: bool = False) -> tuple[Darknet, int]:
    """The network that a file was written from, `cfg` for the file's own classes, and of how many layers, from the
    first on, it holds the weights. elsewhere: one of the project's own networks, where `cfg` is none that fits."""
    file = read_darknet(path)
    others = (read_cfg(name) for name in own_cfgs()) if elsewhere else ()
    found = recognise(len(file.floats), itertools.chain((cfg,), others))
    if found is None:
        raise _refusal(path, cfg)
    model, offset = Darknet(found[0]), 0
    for block in model.convolutions[: found[1]]:
        offset = _fill(block, file.floats, offset)
    return model, model.layer_of(model.convolutions[found[1] - 1]) + 1


def load_darknet(model: Darknet, path: Path) -> None:
    """Fill `model` from a Darknet file that holds all of it. In place. Raises WeightsError where the file does not."""
    file = read_darknet(path)
    fit = fitting(model.cfg, len(file.floats))
    if fit is None:
        raise _refusal(path, model.cfg)
    (convolutions, classes), total = fit, len(model.convolutions)
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
