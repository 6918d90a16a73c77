"""The classifiers by name: how to build them, what they expect, and what a file of weights brings to them.

A file is torchvision's state dict, or one of our own (`checkpoint.py`). It must hold every tensor of the network,
under torchvision's names; its head goes where its classes are others. Code in a file is never run.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from detector.classify.inception import InceptionV3
from detector.classify.mobilenet import MobileNetV2
from detector.errors import WeightsError

# What torch's unpickler raises at files that are none.
REFUSED: tuple[type[Exception], ...] = (
    pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, AttributeError, TypeError, OverflowError,
    struct.error, MemoryError,
)  # fmt: skip
PARTS = ("weight", "bias")
Network = MobileNetV2 | InceptionV3
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Kind:
    """normal: mean and deviation of each channel of [0, 1] RGB, which the published weights expect.

    heads: the names of the last layers.
    """

    build: Callable[[int], Network]
    normal: tuple[tuple[float, ...], tuple[float, ...]]
    heads: tuple[str, ...]


KINDS = {
    "mobilenet-v2": Kind(MobileNetV2, IMAGENET, ("classifier.1",)),
    "inception-v3": Kind(InceptionV3, HALVES, ("fc", "AuxLogits.fc")),
}


def build(model: str, classes: int, seed: int = 0) -> Network:
    """A network from scratch: the same for the same seed, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = KINDS[model].build(classes)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)
    return network


def read_state(path: Path) -> dict[str, Any]:
    """A file that torch.save wrote, as plain tensors and values. Raises WeightsError for anything else."""
    if not path.is_file():
        raise WeightsError(path, "no such file", "a state dict of torchvision's, or a .pt of `detector classify train`")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except REFUSED as error:
        what = "cannot be read as plain tensors (cut off, or it holds code, which is never run)"
        raise WeightsError(path, what, "a file as torch.save writes it") from error
    if not isinstance(content, dict):
        raise WeightsError(path, "holds no state dict", "names and tensors")
    return content


def load_weights(network: Network, model: str, path: Path, head: bool) -> int:
    """Fill `network` from a file, its heads only where wanted; returns how many classes the file's have. In place."""
    content = read_state(path)
    state = content["weights"] if isinstance(content.get("weights"), dict) else content
    _check(state, network.state_dict(), model, path)
    classes = len(state[f"{KINDS[model].heads[0]}.weight"])
    own = network.state_dict()
    if not head:
        state = state | {f"{one}.{kind}": own[f"{one}.{kind}"] for one in KINDS[model].heads for kind in PARTS}
    elif classes != len(own[f"{KINDS[model].heads[0]}.weight"]):
        raise WeightsError(path, f"its head has {classes} classes", "as many as the network")
    network.load_state_dict(state)
    return classes


def _check(state: dict[str, Any], own: dict[str, Tensor], model: str, path: Path) -> None:
    """Raise WeightsError unless `state` has the tensors of `own`, of the same shapes but for the heads' classes."""
    expected = f"the tensors of {model}, under torchvision's names"
    for what, names in (("lacks", own.keys() - state.keys()), ("also holds", state.keys() - own.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsError(path, f"{what} {min(map(str, names))}{more}", expected, "see --model")
    heads = KINDS[model].heads
    for name, tensor in own.items():
        theirs = state[name].shape if isinstance(state[name], Tensor) else ()
        skip = int(name.rpartition(".")[0] in heads)
        if theirs[skip:] != tensor.shape[skip:] or len(theirs) != tensor.ndim:
            raise WeightsError(path, f"{name} is {tuple(theirs)}", f"{tuple(tensor.shape)}", "see --model")


def parameters(network: nn.Module, auxiliary: bool = True) -> int:
    """How many numbers learn; without the auxiliary head, if so wanted."""
    return sum(p.numel() for name, p in network.named_parameters() if auxiliary or not name.startswith("AuxLogits."))
