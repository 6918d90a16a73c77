"""Our own `.pt` files: a dictionary of tensors and plain values, saved whole or not at all, loaded without code.

Holds `format`, `cfg` (the text), `model` (its name), `classes` (names), `img_size`, `weights` (the averaged ones,
to use), and in a run's `last.pt` also `state`, what `--resume` needs. Half floats are read as floats (`halved` stores
kernels so). `torch.load(weights_only=True)` refuses anything that would run code.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detector.atomic import write_atomically
from detector.errors import WeightsError
from detector.network.cfg import parse_cfg, read_cfg
from detector.network.model import Darknet
from detector.network.weights import load_darknet

FORMAT = "balanced-detection checkpoint 1"
KERNEL = 4  # dimensions of a convolution's


@dataclass(frozen=True)
class Checkpoint:
    """model: the cfg's name.  cfg: its text.  classes: names.  weights: a state dict.  state: to resume with."""

    model: str
    cfg: str
    classes: tuple[str, ...]
    img_size: int
    weights: dict[str, Tensor]
    state: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Darknet:
        """The network, with its weights."""
        model = Darknet(parse_cfg(self.cfg, self.model).adapt(len(self.classes)))
        try:
            model.load_state_dict(self.weights)
        except RuntimeError as error:
            raise WeightsError(
                self.model, "the checkpoint's weights do not fit its own cfg", "a file as saved"
            ) from error
        return model


def halved(checkpoint: Checkpoint) -> Checkpoint:
    """The same without its state, kernels as half floats: half the file. What normalises is small and stays as it is.

    Raises WeightsError where a kernel is too large for half a float.
    """
    weights = {name: one.half() if one.ndim == KERNEL else one for name, one in checkpoint.weights.items()}
    for name, one in weights.items():
        if one.is_floating_point() and not bool(one.isfinite().all()):
            raise WeightsError(checkpoint.model, f"{name} cannot be stored as half floats", "finite, below 65504")
    return replace(checkpoint, weights=weights, state={})


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write, atomically."""
    write_atomically(path, packed(checkpoint))


def packed(checkpoint: Checkpoint) -> bytes:
    """The bytes of a file; the same of the same checkpoint."""
    content = {"format": FORMAT, "classes": list(checkpoint.classes)}
    content |= {name: getattr(checkpoint, name) for name in ("model", "cfg", "img_size", "weights", "state")}
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def is_checkpoint(path: Path) -> bool:
    """Whether `path` opens like a file that torch.save wrote (a zip); says nothing about what is in it."""
    if not path.is_file():
        raise WeightsError(path, "no such file", "a .weights, .conv.N or .pt file")
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def load(path: Path) -> Checkpoint:
    """Read one of our files. Raises WeightsError for anything else; code in the file is never run."""
    if not is_checkpoint(path):
        raise WeightsError(path, "is not a checkpoint of ours", "a .pt that `detector train` wrote")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise WeightsError(
            path,
            "cannot be read as plain tensors (cut off, or it holds code, which is never run)",
            "a .pt that `detector train` wrote",
        ) from error
    names = ("model", "cfg", "img_size", "weights", "state")
    ours = isinstance(content, dict) and content.get("format") == FORMAT and {"classes", *names} <= set(content)
    if not ours:
        raise WeightsError(path, "is not a checkpoint of ours", "a .pt that `detector train` wrote")
    halves = {name: one.float() for name, one in content["weights"].items() if one.dtype == torch.float16}
    content["weights"] = {**content["weights"], **halves}
    return Checkpoint(classes=tuple(content["classes"]), **{name: content[name] for name in names})


def open_model(path: Path, cfg: str, classes: tuple[str, ...] | None) -> tuple[Darknet, Checkpoint | None]:
    """A network to use: from one of our files, or from a Darknet file, which needs a cfg and class names.

    Raises WeightsError where a Darknet file does not fill the whole network.
    """
    if is_checkpoint(path):
        found = load(path)
        return found.build(), found
    network = read_cfg(cfg)
    model = Darknet(network.adapt(len(classes)) if classes else network)
    load_darknet(model, path)
    return model, None
