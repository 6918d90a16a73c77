"""Darknet `.weights` with the `.cfg` they need beside them: its text as it was read, adapted to the classes and size.

Only the values that differ are rewritten; comments and training keys stay.
"""

from __future__ import annotations

from pathlib import Path

from detector.atomic import write_atomically
from detector.network.cfg import Cfg
from detector.network.cfg_text import changed
from detector.network.model import Darknet
from detector.network.weights import write_darknet


def write_weights(model: Darknet, path: Path, side: int, classes: tuple[str, ...]) -> tuple[Path, Path]:
    """`path`, with .cfg and .names beside it; returns the last two."""
    cfg, names = path.with_suffix(".cfg"), path.with_suffix(".names")
    write_darknet(model, path)
    write_atomically(cfg, cfg_text(model.cfg, side).encode())
    write_atomically(names, "".join(f"{name}\n" for name in classes).encode())
    return cfg, names


def cfg_text(cfg: Cfg, side: int) -> str:
    """The cfg's text, which knows its classes and anchors, with `side` for width and height."""
    return changed(cfg.text, cfg.name, {cfg.net.line: {"width": str(side), "height": str(side)}})
