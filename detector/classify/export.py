"""A classifier as ONNX or TFLite, a file that says what it is: run in its own runtime and held against torch.

Input `pictures`: (B, 3, side, side), RGB in [0, 1], squared with grey (`feeding.squared`); the normalisation is inside.
Output `scores`: (B, C), softmax's share of each class. What the file says of itself, `exported.py` says; ONNX's `names`
and `imgsz` are for other programs. TFLite takes one picture at a time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from detector.atomic import write_atomically
from detector.classify.checkpoint import Classifier, load
from detector.classify.exported import FORMAT, SUFFIXES, Exported, shares_of
from detector.classify.faces import read_faces
from detector.classify.feeding import squared
from detector.classify.networks import KINDS, Network
from detector.data.pictures import read_picture
from detector.detecting.predict import find_pictures
from detector.errors import ExportError
from detector.export.onnx_model import OPSET, to_onnx, write_onnx
from detector.export.run import refuse_overwriting
from detector.export.tflite import write_tflite
from detector.export.writing import Target
from detector.runs import own_split
from detector.runtimes.description import FILE, KEY, PICTURES

BATCH = 8
TOLERANCE = 1e-3  # of a share, beyond which a float32 export is not the same network


class Whole(nn.Module):
    """Normalisation, network, softmax."""

    def __init__(self, network: Network, model: str) -> None:
        super().__init__()
        self.network = network.eval()
        mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in KINDS[model].normal)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, pictures: Tensor) -> Tensor:
        given = (pictures - self.get_buffer("mean")) / self.get_buffer("deviation")
        logits = self.network(given)
        assert isinstance(logits, Tensor)
        return logits.softmax(dim=1)


@dataclass(frozen=True)
class Report:
    """error: the greatest of a share.  same: of `count` pictures, in how many the class is the same."""

    path: Path
    error: float
    same: int
    count: int
    pictures: str

    @property
    def agrees(self) -> bool:
        return self.error <= TOLERANCE

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.path.name, "bytes": self.path.stat().st_size, "agrees": self.agrees, "error": self.error,
            "same": self.same, "count": self.count, "pictures": self.pictures,
        }  # fmt: skip

    def lines(self) -> str:
        size = self.path.stat().st_size / 1e6
        said = f"at most {self.error:.2g} in a score, the same class in {self.same} of {self.count}"
        batch = "batch 1" if self.path.suffix == ".tflite" else "any batch"
        return f"{self.path}: {size:.1f} MB, {batch}\nagainst torch on {self.pictures}: {said}"


def export(path: Path, target: Target, *, img_size: int | None, out: Path | None, overwrite: bool,
           data: Path | None, pictures: Path | None, count: int, **_: Any) -> Report:  # fmt: skip
    """Write the classifier `path` as `target` says, run it, compare, write FILE.json, as `export.run.export` does."""
    one = load(path)
    if target.to not in SUFFIXES:
        raise ExportError("--to", f"a classifier cannot be written as {target.to}", " or ".join(SUFFIXES))
    if target.nms or target.raw_heads or target.batch:
        raise ExportError(path, "is a classifier", "none of --nms, --raw-heads and --static, which are a detector's")
    if img_size not in (None, one.img_size):
        raise ExportError("--img-size", str(img_size), f"{one.img_size}, as it was trained")
    suffix = SUFFIXES[target.to]
    written = out or path.with_suffix(suffix)
    if written.suffix != suffix:
        raise ExportError(written, f"does not end in {suffix}", f"--out FILE{suffix}")
    refuse_overwriting(written, overwrite)
    squares, said = _squares(data or own_split(path), pictures, one.img_size, count)
    report = compare(write(one, path, written, target.opset), written, squares, said)
    content = json.dumps(report.as_json(), ensure_ascii=False, indent=1)
    write_atomically(written.with_name(f"{written.name}.json"), content.encode())
    return report


def write(one: Classifier, source: Path, written: Path, opset: int = OPSET) -> Whole:
    """The classifier of the file `source` as `written`, ONNX or TFLite by its ending; and the network that is in it."""
    whole = Whole(one.build(), one.model).eval()
    example = torch.zeros(1, 3, one.img_size, one.img_size)
    said = description(one, source)
    if written.suffix.lower() == ".tflite":
        write_tflite(whole, example, written, {FILE: json.dumps(said, ensure_ascii=False)})
    else:
        made = to_onnx(whole, example, PICTURES, ("scores",), any_batch=True, opset=opset)
        write_onnx(made, written, properties(said))
    return whole


def compare(whole: Whole, written: Path, squares: list[np.ndarray], said: str) -> Report:
    with torch.inference_mode():
        ours = shares_of(whole, squares, BATCH)
    theirs = shares_of(Exported(written), squares, BATCH)
    same = int((ours.argmax(dim=1) == theirs.argmax(dim=1)).sum())
    return Report(written, float((ours - theirs).abs().max()), same, len(squares), said)


def _squares(data: Path | None, pictures: Path | None, side: int, count: int) -> tuple[list[np.ndarray], str]:
    """Pictures to compare on, (S, S, 3) uint8, and in words what they are."""
    if pictures is not None:
        paths, named = find_pictures(pictures), str(pictures)
    elif data is not None:
        paths, named = [face.path for face in read_faces(data).read("val")], f"{data} val"
    else:
        noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        return list(noise), "noise (no pictures: give --data or --pictures)"
    chosen = paths[:: max(1, len(paths) // count)][:count]
    return [squared(read_picture(path), side) for path in chosen], f"{len(chosen)} pictures of {named}"


def description(one: Classifier, source: Path) -> dict[str, Any]:
    """What the file says of itself."""
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    return {"format": FORMAT, "model": one.model, "classes": list(one.classes), "side": one.img_size,
            "source": source.name, "sha256": sha256}  # fmt: skip


def properties(said: dict[str, Any]) -> dict[str, str]:
    """The metadata of an ONNX file."""
    return {
        KEY: json.dumps(said, ensure_ascii=False),
        "names": json.dumps(dict(enumerate(said["classes"])), ensure_ascii=False),
        "imgsz": json.dumps([said["side"], said["side"]]),
    }
