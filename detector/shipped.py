"""The model that comes with the package: a file of weights beside `card.json`, which says what it is and its worth.

`detector ship` writes both, the card last. Wherever a model is named, `shipped` names this one; `./shipped` is a file.
A file that is not the one its card describes is refused. Nothing heavy is imported.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from detector.errors import RunError

NAME = "shipped"
FOLDER = Path(__file__).parent / "weights"
CARD = "card.json"
FORMAT = 1


def read_card(folder: Path | None = None) -> dict[str, Any]:
    """The card in `folder`. Raises RunError where there is none, or it is of another version."""
    path = (folder or FOLDER) / CARD
    if not path.is_file():
        raise RunError(path, "no model came with this package", "a card of a model", "train one, or name a file")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(path, f"is not JSON ({error})", "a card of a model", "install the package again") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise RunError(path, "is no card of this version", f"format {FORMAT}", "install the package again")
    return card


def shipped_model(folder: Path | None = None) -> Path:
    """Its file. Raises RunError where there is none, or where it is not the file that the card describes."""
    card = read_card(folder)
    path = (folder or FOLDER) / Path(card["file"]).name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        what = "is not the file that its card describes" if content else "no such file"
        raise RunError(path, what, f"sha256 {card['sha256'][:12]}...", "install the package again")
    return path


def named_model(path: Path) -> Path:
    """`path`, or the shipped model's file where it is called `shipped`."""
    return shipped_model() if str(path) == NAME else path


def is_shipped(path: Path) -> bool:
    """Whether `path` lies in the package, where nothing is written beside it."""
    return path.parent == FOLDER


def advised(path: Path | None) -> tuple[tuple[str, float], ...]:
    """The least confidence of each class that the card advises, if `path` is the shipped model; else none."""
    return tuple(read_card(path.parent)["confidence"].items()) if path and is_shipped(path) else ()


def line_of(path: Path, why: str) -> str:
    """In one line, which model this is, and why it was taken."""
    card = read_card(path.parent)
    worth = ", ".join(f"{one['map50']:.3f} on {name}" for name, one in card["judged"].items())
    return f"model: shipped with detector {card['version']} (mAP@0.5 {worth}; {why})"
