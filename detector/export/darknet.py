"""Darknet `.weights` with the `.cfg` they need beside them: its text as it was read, adapted to the classes and size.

Only the values that differ are rewritten, by the lines where their sections begin; comments and training keys stay.
"""

from __future__ import annotations

import re
from pathlib import Path

from detector.atomic import write_atomically
from detector.cfg import Cfg, Convolutional, Yolo
from detector.model import Darknet
from detector.weights import write_darknet


def write_weights(model: Darknet, path: Path, side: int, classes: tuple[str, ...]) -> tuple[Path, Path]:
    """`path`, with .cfg and .names beside it; returns the last two."""
    cfg, names = path.with_suffix(".cfg"), path.with_suffix(".names")
    write_darknet(model, path)
    write_atomically(cfg, cfg_text(model.cfg, side).encode())
    write_atomically(names, "".join(f"{name}\n" for name in classes).encode())
    return cfg, names


def cfg_text(cfg: Cfg, side: int) -> str:
    """The cfg's text with its heads' classes and filters, and with `side` for width and height."""
    lines = cfg.text.splitlines()
    for index, layer in reversed(list(enumerate(cfg.layers))):
        if isinstance(layer, Yolo):
            _set(lines, layer.line, "classes", layer.classes)
            before = cfg.layers[index - 1]
            if isinstance(before, Convolutional):
                _set(lines, before.line, "filters", before.filters)
    _set(lines, cfg.net.line, "width", side)
    _set(lines, cfg.net.line, "height", side)
    return "\n".join(lines) + "\n"


def _set(lines: list[str], head: int, key: str, value: int) -> None:
    """Set `key` in the section whose head is line `head`, from 1. In place."""
    for number in range(head, len(lines)):
        if lines[number].strip().startswith("["):
            break
        if re.match(rf"\s*{key}\s*=", lines[number]):
            lines[number] = f"{key}={value}"
            return
    lines.insert(head, f"{key}={value}")
