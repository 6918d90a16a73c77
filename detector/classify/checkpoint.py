"""A classifier's `.pt`: tensors and plain values alone, saved whole or not at all, loaded without running code.

Holds `format`, `model`, `classes`, `img_size`, `weights` (a state dict with torchvision's names) and, in a run's
`last.pt`, `state`, what `--resume` needs. The normalisation of the input is the model's (`networks.KINDS`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detector.atomic import write_atomically
from detector.classify.networks import KINDS, Network, read_state
from detector.errors import WeightsError

FORMAT = "balanced-detection classifier 1"


@dataclass(frozen=True)
class Classifier:
    """classes: names.  weights: a state dict.  state: to resume with."""

    model: str
    classes: tuple[str, ...]
    img_size: int
    weights: dict[str, Tensor]
    state: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Network:
        """The network, with its weights, for use."""
        network = KINDS[self.model].build(len(self.classes))
        try:
            network.load_state_dict(self.weights)
        except RuntimeError as error:
            raise WeightsError(self.model, "the file's weights do not fit its own model", "a file as saved") from error
        network.eval()
        return network


def save(one: Classifier, path: Path) -> None:
    """Write, atomically."""
    content = {"format": FORMAT, "classes": list(one.classes)}
    content |= {name: getattr(one, name) for name in ("model", "img_size", "weights", "state")}
    stream = io.BytesIO()
    torch.save(content, stream)
    write_atomically(path, stream.getvalue())


def is_classifier(path: Path) -> bool:
    """Whether `path` is a file of ours that holds a classifier; what is wrong with another is for others to say."""
    if not path.is_file() or path.suffix != ".pt":
        return False
    try:
        return read_state(path).get("format") == FORMAT
    except WeightsError:
        return False


def load(path: Path) -> Classifier:
    """Raises WeightsError for anything but a file of ours."""
    content = read_state(path)
    names = ("model", "img_size", "weights", "state")
    if content.get("format") != FORMAT or not {"classes", *names} <= set(content) or content["model"] not in KINDS:
        raise WeightsError(path, "is not a classifier of ours", "a .pt that `detector classify train` wrote")
    return Classifier(classes=tuple(content["classes"]), **{name: content[name] for name in names})
