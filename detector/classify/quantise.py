"""`detector quantise` for a classifier: its ONNX or TFLite smaller, and the cost in accuracy, mean F1, size and time.

A `.pt` is exported first, in memory; to TFLite where `--out` ends so. Calibration crops are drawn from train by a seed;
what is judged is val.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.atomic import write_atomically
from detector.classify.checkpoint import load
from detector.classify.export import properties, write
from detector.classify.exported import SUFFIXES, Exported, shares_of
from detector.classify.faces import Face, Faces, labels_of, read_faces
from detector.classify.feeding import squared
from detector.classify.scores import Scores, score
from detector.data.pictures import read_picture
from detector.errors import DataError, ExportError
from detector.export.onnx_model import write_onnx
from detector.export.quantise import MODES, Quantising, quantise
from detector.export.quantise_run import written_to
from detector.export.quantise_tflite import quantise as quantise_tflite
from detector.export.run import refuse_overwriting
from detector.export.tflite import with_texts
from detector.runs import own_split
from detector.runtimes.description import FILE, PICTURES
from detector.runtimes.extras import need

TIMED = 32  # pictures, one at a time


@dataclass(frozen=True)
class Cost:
    """Of `before` and `after`: bytes, milliseconds a picture, accuracy, mean F1.  same: of `count`, classed alike."""

    path: Path
    bytes: tuple[int, int]
    ms: tuple[float, float]
    accuracy: tuple[float, float]
    mean_f1: tuple[float, float]
    same: int
    count: int
    calibrated: int
    max_loss: float

    @property
    def loss(self) -> float:
        """The greater of those of accuracy and mean F1."""
        return max(one[0] - one[1] for one in (self.accuracy, self.mean_f1))

    @property
    def warning(self) -> str:
        if self.loss <= self.max_loss:
            return ""
        remedy = "try a greater --float-first, more pictures by --calibrate, or keep the float model"
        return f"{self.loss:.3f} accuracy or mean F1 lost, more than --max-loss {self.max_loss:g}; {remedy}"

    def as_json(self) -> dict[str, Any]:
        smaller = self.bytes[0] / self.bytes[1]
        return asdict(self) | {"path": str(self.path), "loss": self.loss, "smaller": smaller, "warning": self.warning}

    def lines(self) -> str:
        """For people."""
        rows = [
            ("", "before", "after", ""),
            ("MB", *(f"{one / 1e6:.1f}" for one in self.bytes), f"{self.bytes[0] / self.bytes[1]:.2f}x smaller"),
            ("ms a picture", *(f"{one:.1f}" for one in self.ms), f"{self.ms[0] / self.ms[1]:.2f}x faster"),
        ]
        for name, (before, after) in (("accuracy", self.accuracy), ("mean F1", self.mean_f1)):
            rows.append((name, f"{before:.4f}", f"{after:.4f}", f"{after - before:+.4f}"))
        table = "\n".join(f"{a:13} {b:>8} {c:>8}  {d}".rstrip() for a, b, c, d in rows)
        said = f", calibrated on {self.calibrated} of train" if self.calibrated else ""
        return f"{table}\nthe same class in {self.same} of {self.count} of val{said}: {self.path}"


def quantise_file(path: Path, how: Quantising, *, data: Path | None, calibrate: int, max_loss: float, seed: int,
                  out: Path | None, overwrite: bool, quiet: bool) -> Cost:  # fmt: skip
    """Quantise the classifier in `path`, measure, and write it and what it cost. A bad one is kept."""
    ours = path.suffix.lower() not in SUFFIXES.values()
    suffix = path.suffix.lower() if not ours else ".tflite" if out and out.suffix.lower() == ".tflite" else ".onnx"
    written = written_to(path, out, how, suffix)
    refuse_overwriting(written, overwrite)
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / f"float{suffix}" if ours else path
        if ours:
            write(load(path), path, given)
        before = Exported(given)
        if before.precision != "float32":
            raise ExportError(path, f"is {before.precision} already", "a float32 model")
        faces = _faces(path, data, before)
        drawn = _draw(faces, calibrate, seed) if how.mode == "static" else []
        _write(given, written, how, _pictures(drawn, before.side) if drawn else None, before.said)
        sizes = (given.stat().st_size, written.stat().st_size)
        cost = _measure(before, written, faces, sizes, len(drawn), max_loss)
    content = json.dumps(cost.as_json() | {"how": asdict(how)}, ensure_ascii=False, indent=1)
    write_atomically(written.with_name(f"{written.name}.json"), content.encode())
    return cost


def _write(given: Path, written: Path, how: Quantising, pictures: Tensor | None, said: dict[str, Any]) -> None:
    """`given`, which says `said` of itself, in fewer bits as `written`."""
    said = said | {"precision": MODES[how.mode]}
    if written.suffix.lower() == ".tflite":
        made = quantise_tflite(given.read_bytes(), how, pictures)
        write_atomically(written, with_texts(made, {FILE: json.dumps(said, ensure_ascii=False)}))
    else:
        write_onnx(quantise(need("onnx").load(given), how, pictures, PICTURES), written, properties(said))


def _faces(path: Path, data: Path | None, model: Exported) -> Faces:
    folder = data or own_split(path)
    if folder is None:
        raise ExportError(path, "no crops are known to judge it on", "--data FOLDER")
    faces = read_faces(folder)
    if faces.classes != model.classes:
        raise DataError(folder, f"classes {', '.join(faces.classes)}", f"the model's: {', '.join(model.classes)}")
    return faces


def _draw(faces: Faces, count: int, seed: int) -> list[Face]:
    """`count` crops of train, or all where there are fewer."""
    train = faces.read("train")
    return [train[index] for index in sorted(np.random.default_rng(seed).permutation(len(train))[:count])]


def _squares(faces: Sequence[Face], side: int) -> list[np.ndarray]:
    return [squared(read_picture(face.path), side) for face in faces]


def _pictures(faces: Sequence[Face], side: int) -> torch.Tensor:
    return torch.from_numpy(np.stack(_squares(faces, side))).permute(0, 3, 1, 2).contiguous().float().div_(255)


def _measure(before: Exported, written: Path, faces: Faces, sizes: tuple[int, int], drawn: int, most: float) -> Cost:
    after, val = Exported(written), faces.read("val")
    squares = _squares(val, before.side)
    said = [shares_of(run, squares, 8).argmax(dim=1).numpy() for run in (before, after)]
    first, second = (_score(faces, val, one) for one in said)
    timed = _pictures(val[:TIMED], before.side)
    ms = _milliseconds(before, timed), _milliseconds(after, timed)
    accuracy, mean_f1 = (first.accuracy, second.accuracy), (first.mean_f1, second.mean_f1)
    same = int((said[0] == said[1]).sum())
    return Cost(written, sizes, ms, accuracy, mean_f1, same, len(val), drawn, most)


def _score(faces: Faces, chosen: tuple[Face, ...], said: np.ndarray) -> Scores:
    return score(faces.classes, labels_of(chosen), said, [one.source for one in chosen], [one.edge for one in chosen])


def _milliseconds(run: Exported, pictures: torch.Tensor) -> float:
    """The median of a picture, alone."""
    times = []
    for one in pictures.split(1):
        start = time.perf_counter()
        run(one)
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))
