"""A file of weights, read: the network, the names of its classes, and the size of its squares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from detector.network import checkpoint
from detector.network.cfg import COCO_CLASSES, check_size, coco_names
from detector.network.model import Darknet


@dataclass(frozen=True)
class Weights:
    """A `.pt` or a Darknet file, read.  classes: its own names, those given, or COCO's."""

    model: Darknet
    classes: tuple[str, ...]
    side: int


def read_weights(path: Path, cfg: str, classes: tuple[str, ...] | None, side: int | None) -> Weights:
    """The network in `path`, for squares of `side` (default: as trained, or as the cfg says)."""
    model, ours = checkpoint.open_model(path, cfg, classes)
    names = ours.classes if ours else classes or darknet_names(model.classes)
    found = side or (ours.img_size if ours else model.cfg.net.width)
    check_size(model.cfg, found)
    return Weights(model, names, found)


def darknet_names(count: int) -> tuple[str, ...]:
    """Class names of Darknet weights that come without any: COCO's 80, or numbers."""
    return coco_names() if count == COCO_CLASSES else tuple(f"class {number}" for number in range(count))
