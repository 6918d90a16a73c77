"""`detector export`: weights to a file for another runtime, which is then run on pictures and held against torch.

What was found goes into `<file>.json`. Pictures: those given, else some of a split's val, spread evenly; where there
is neither, one made of noise, and the report says so.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detector.atomic import write_atomically
from detector.boxes import Letterbox
from detector.data.split import read_split
from detector.detecting.inference import Thresholds, as_runtime
from detector.detecting.predict import find_pictures
from detector.errors import ExportError
from detector.export.agreement import Agreement, compare, squares
from detector.export.writing import SUFFIXES, Target, describe, write
from detector.runs import own_split
from detector.runtimes.description import Description
from detector.runtimes.opening import EXPORTED, open_runtime
from detector.runtimes.reading import read_weights
from detector.shipped import is_shipped

SCORE_TOLERANCE, BOX_TOLERANCE = 1e-3, 0.1  # beyond these a float32 export is not the same network
LEAST_SHARE = 0.9  # of boxes in both, with suppression inside, which sees them before they are clipped to the picture


@dataclass(frozen=True)
class Report:
    """What was written and how far it agrees with torch."""

    path: Path
    beside: tuple[Path, ...]
    what: Description
    agreement: Agreement
    pictures: str

    @property
    def agrees(self) -> bool:
        """Whether it is the same network: within the tolerances, or, with suppression inside, box by box."""
        one = self.agreement
        if one.box_error is None or one.score_error is None:
            return one.share >= LEAST_SHARE
        return one.box_error <= BOX_TOLERANCE and one.score_error <= SCORE_TOLERANCE

    def as_json(self) -> dict[str, Any]:
        size = self.path.stat().st_size
        return {
            "file": self.path.name, "bytes": size, "agrees": self.agrees, "pictures": self.pictures,
            "agreement": self.agreement.as_json(), "description": asdict(self.what),
        }  # fmt: skip

    def lines(self) -> str:
        """For people."""
        one, beside = self.agreement, "".join(f", {path.name}" for path in self.beside)
        batch = f"batch {self.what.batch}" if self.what.batch else "any batch"
        first = (
            f"{self.path}: {self.path.stat().st_size / 1e6:.1f} MB, {self.what.outputs} outputs, {self.what.side} px, "
            f"{batch}{beside}"
        )
        errors = "" if one.box_error is None else f"at most {one.box_error:.2g} px and {one.score_error:.2g} in score; "
        iou = "" if one.mean_iou is None else f", mean IoU {one.mean_iou:.4f}"
        return (
            f"{first}\nagainst torch on {self.pictures}: {errors}{one.boxes} boxes in both, of {one.ours} and "
            f"{one.theirs}{iou}\na picture: {one.ms_theirs:.1f} ms, torch {one.ms_ours:.1f} ms"
        )


def export(
    path: Path,
    target: Target,
    *,
    cfg: str,
    img_size: int | None,
    out: Path | None,
    overwrite: bool,
    data: Path | None,
    pictures: Path | None,
    count: int,
) -> Report:
    """Export the weights in `path`, run what came out, compare, and write the report beside it."""
    if path.suffix.lower() in EXPORTED:
        raise ExportError(path, "is an export already", "the .pt or .weights that it was made from")
    if target.raw_heads and target.nms:
        raise ExportError("--raw-heads", "has no boxes that --nms could thin", "one of the two")
    if target.nms and target.to != "onnx":
        raise ExportError("--nms", f"is not part of {target.to}", "--to onnx")
    split = read_split(data) if data else None
    weights = read_weights(path, cfg, split.classes if split else None, img_size)
    written = out or (Path(path.name) if is_shipped(path) else path).with_suffix(SUFFIXES[target.to])
    if written.suffix != SUFFIXES[target.to]:
        raise ExportError(written, f"does not end in {SUFFIXES[target.to]}", f"--out FILE{SUFFIXES[target.to]}")
    for one in (written, *(written.with_suffix(end) for end in (".cfg", ".names") if target.to == "weights")):
        refuse_overwriting(one, overwrite)
    given, boxes, said = look_for(data or own_split(path), pictures, weights.side, count)
    what = describe(weights, path, target.outputs, 1 if target.to == "tflite" else target.batch, target.nms)
    beside = write(weights.model, what, written, target)
    opened = open_runtime(written, cfg=str(beside[0]) if beside else cfg, classes=weights.classes, runtime="auto"
                          if target.to != "weights" else "torch", device="cpu")  # fmt: skip
    how = target.nms or Thresholds()
    agreement = compare(as_runtime(weights.model), opened.run, given, boxes, how)
    report = Report(written, beside, what, agreement, said)
    content = json.dumps(report.as_json(), ensure_ascii=False, indent=1)
    write_atomically(written.with_name(f"{written.name}.json"), content.encode())
    return report


def look_for(data: Path | None, pictures: Path | None, side: int, count: int) -> tuple[Tensor, list[Letterbox], str]:
    """Squares to compare on, how they were letterboxed, and in words what they are."""
    if pictures is not None:
        paths, named = find_pictures(pictures), str(pictures)
    elif data is not None:
        split = read_split(data)
        subset = "val" if split.has("val") else "train"
        paths, named = [one.path for one in split.read(subset)], f"{split.path.parent} {subset}"
    else:
        noise = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        return noise, [Letterbox((side, side), side)], "noise (no pictures: give --data or --pictures)"
    chosen = paths[:: max(1, len(paths) // count)][:count]
    given, boxes = squares(chosen, side)
    return given, boxes, f"{len(chosen)} pictures of {named}"


def refuse_overwriting(path: Path, overwrite: bool) -> None:
    """Raise where `path` is there already, unless it may go, or where its folder is missing."""
    if not path.parent.is_dir():
        raise ExportError(path.parent, "no such folder", "an existing one", "see --out")
    if path.exists() and not overwrite:
        raise ExportError(path, "is there already", "a new file", "give --overwrite or --out")
