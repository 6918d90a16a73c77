"""Judge a classifier on a subset of crops, and say what is in pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from detector.atomic import write_atomically
from detector.classify.checkpoint import load
from detector.classify.exported import SUFFIXES, Exported, shares_of
from detector.classify.faces import Face, labels_of, read_faces
from detector.classify.feeding import normalised, squared
from detector.classify.networks import KINDS
from detector.classify.plots import confusion_png
from detector.classify.scores import Scores, score
from detector.data.pictures import read_picture
from detector.errors import DataError, UserError
from detector.training.device import choose_device


def evaluate(model: Path, data: Path, subset: str, *, batch: int, device: str = "auto") -> Scores:
    """Raises DataError where the crops are of other classes than the model."""
    run, faces = Opened(model, device), read_faces(data)
    if run.classes != faces.classes:
        raise DataError(data, f"classes {', '.join(faces.classes)}", f"the model's: {', '.join(run.classes)}")
    chosen = faces.read(subset)
    said = run.shares(chosen, batch).argmax(dim=1).numpy()
    sources, edges = [face.source for face in chosen], [face.edge for face in chosen]
    return score(faces.classes, labels_of(chosen), said, sources, edges)


def write_scores(scores: Scores, folder: Path, title: str) -> None:
    """confusion.png and scores.json, which is written last."""
    write_atomically(folder / "confusion.png", confusion_png(scores.matrix, scores.classes, title))
    content = json.dumps(scores.as_json(), ensure_ascii=False, indent=1)
    write_atomically(folder / "scores.json", content.encode())


class Opened:
    """A classifier for use: a .pt, or an .onnx or .tflite, which its own runtime runs."""

    def __init__(self, path: Path, device: str = "auto") -> None:
        self._exported = Exported(path) if path.suffix.lower() in SUFFIXES.values() else None
        if self._exported:
            self.classes, self.side = self._exported.classes, self._exported.side
            return
        found = load(path)
        self.classes, self.side, self._normal = found.classes, found.img_size, KINDS[found.model].normal
        self._device = choose_device(device)
        self._network = found.build().to(self._device)

    def shares(self, faces: Sequence[Face], batch: int) -> torch.Tensor:
        """(N, C): softmax's share of each class."""
        starts = range(0, len(faces), batch)
        parts = ([squared(read_picture(face.path), self.side) for face in faces[s : s + batch]] for s in starts)
        return torch.cat([self.shares_of(part, batch) for part in parts])

    def shares_of(self, squares: Sequence[np.ndarray], batch: int) -> torch.Tensor:
        """The same for pictures at hand, (side, side, 3) uint8 each."""
        if self._exported:
            return shares_of(self._exported, squares, batch)
        with torch.inference_mode():
            starts = range(0, len(squares), batch)
            given = (normalised(np.stack(squares[s : s + batch]), self._normal) for s in starts)
            return torch.cat([self._network(part.to(self._device)).softmax(dim=1).cpu() for part in given])


@dataclass(frozen=True)
class Said:
    """What is in a picture of one face. scores: the share of each class."""

    path: Path
    name: str
    scores: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        return {"path": str(self.path), "class": self.name, "scores": self.scores}


def predict(model: Path, paths: Sequence[Path], *, batch: int, device: str = "auto") -> list[Said]:
    """paths: pictures of one face each. Raises DataError at one that cannot be read."""
    if not paths:
        raise UserError("SOURCE", "no pictures", "one or more")
    run = Opened(model, device)
    shares = run.shares([Face(path, 0, str(path)) for path in paths], batch)
    found = []
    for path, row in zip(paths, shares.tolist(), strict=True):
        scores = {name: round(value, 5) for name, value in zip(run.classes, row, strict=True)}
        found.append(Said(path, max(scores, key=lambda name: scores[name]), scores))
    return found
