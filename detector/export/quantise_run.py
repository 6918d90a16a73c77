"""`detector quantise`: an exported ONNX or TFLite model made smaller, and what that cost: size, time, mAP, boxes.

Calibration pictures are drawn from the split's train by a seed, letterboxed like every picture; what is judged is val.
Where the split's classes are the model's, both models are judged by `evaluate`; else only their boxes are compared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from detector.atomic import write_atomically
from detector.data.loader import Pictures
from detector.data.split import Split, read_split
from detector.detecting.inference import Thresholds
from detector.errors import ExportError
from detector.export.agreement import Agreement, compare, squares
from detector.export.onnx_model import write_onnx
from detector.export.quantise import MODES, Quantising, quantise
from detector.export.quantise_tflite import quantise as quantise_tflite
from detector.export.run import refuse_overwriting
from detector.export.tflite import with_texts
from detector.judging.evaluate import evaluate
from detector.runs import own_split
from detector.runtimes.description import FILE, Description
from detector.runtimes.extras import need
from detector.runtimes.interpreter import Interpreter
from detector.runtimes.session import Session

COMPARED = 32  # pictures whose boxes and times are compared


@dataclass(frozen=True)
class Cost:
    """Of `before` and `after`: bytes, and mAP@0.5 on val (None where the split has other classes). max_loss: of mAP."""

    path: Path
    bytes: tuple[int, int]
    map50: tuple[float, float] | None
    agreement: Agreement
    pictures: str
    calibrated: int
    max_loss: float

    @property
    def loss(self) -> float:
        """Of mAP@0.5; without one, the share of boxes on which the two disagree."""
        return self.map50[0] - self.map50[1] if self.map50 else 1 - self.agreement.share

    @property
    def warning(self) -> str:
        """What the user must not overlook; empty where all is well."""
        if self.loss <= self.max_loss:
            return ""
        what = "mAP@0.5 lost" if self.map50 else "of the boxes differ (no mAP: the split has other classes)"
        remedy = "try a greater --float-first, more pictures by --calibrate, or keep the float model"
        return f"{self.loss:.3f} {what}, more than --max-loss {self.max_loss:g}; {remedy}"

    def as_json(self) -> dict[str, Any]:
        content = asdict(self) | {"path": str(self.path), "agreement": self.agreement.as_json()}
        return content | {"loss": self.loss, "smaller": self.bytes[0] / self.bytes[1], "warning": self.warning}

    def lines(self) -> str:
        """For people."""
        one, (before, after) = self.agreement, self.bytes
        rows = [
            ("", "before", "after", ""),
            ("MB", f"{before / 1e6:.1f}", f"{after / 1e6:.1f}", f"{before / after:.2f}x smaller"),
            (
                "ms a picture",
                f"{one.ms_ours:.1f}",
                f"{one.ms_theirs:.1f}",
                f"{one.ms_ours / one.ms_theirs:.2f}x faster",
            ),
        ]
        if self.map50:
            rows.append(("mAP@0.5", f"{self.map50[0]:.4f}", f"{self.map50[1]:.4f}", f"{-self.loss:+.4f}"))
        iou = "" if one.mean_iou is None else f", IoU {one.mean_iou:.3f}"
        rows.append(("boxes", str(one.ours), str(one.theirs), f"{one.boxes} in both{iou}"))
        table = "\n".join(f"{a:13} {b:>8} {c:>8}  {d}".rstrip() for a, b, c, d in rows)
        said = f", calibrated on {self.calibrated} of train" if self.calibrated else ""
        return f"{table}\non {self.pictures}{said}: {self.path}"


def quantise_file(
    path: Path,
    how: Quantising,
    *,
    data: Path | None,
    calibrate: int,
    max_loss: float,
    seed: int,
    out: Path | None,
    overwrite: bool,
    quiet: bool,
) -> Cost:
    """Quantise the model in `path`, measure, and write the model and what it cost. A bad result is kept, and said."""
    before = _open(path)
    if before.what.precision != "float32":
        raise ExportError(path, f"is {before.what.precision} already", "a float32 model")
    written = written_to(path, out, how, path.suffix.lower())
    refuse_overwriting(written, overwrite)
    split = _split(path, data)
    drawn = _draw(split, calibrate, seed) if how.mode == "static" else []
    pictures = squares(drawn, before.what.side)[0] if drawn else None
    _write(path, written, how, pictures, replace(before.what, precision=MODES[how.mode]))
    cost = _measure(path, written, split, len(drawn), max_loss, quiet)
    content = json.dumps(cost.as_json() | {"how": asdict(how)}, ensure_ascii=False, indent=1)
    write_atomically(written.with_name(f"{written.name}.json"), content.encode())
    return cost


def written_to(path: Path, out: Path | None, how: Quantising, suffix: str) -> Path:
    """The file to write. Raises ExportError where `out` ends in anything but `suffix`."""
    if out is not None and out.suffix.lower() != suffix:
        raise ExportError(out, f"does not end in {suffix}", f"--out FILE{suffix}")
    return out or path.with_name(f"{path.stem}-{MODES[how.mode]}{suffix}")


def _open(path: Path) -> Session | Interpreter:
    if path.suffix.lower() not in (".onnx", ".tflite"):
        raise ExportError(path, "is no .onnx or .tflite", "one that `detector export` wrote", "run it first")
    if not path.is_file():
        raise ExportError(path, "no such file", "one that `detector export` wrote")
    return Session(path) if path.suffix.lower() == ".onnx" else Interpreter(path)


def _write(path: Path, written: Path, how: Quantising, pictures: Tensor | None, what: Description) -> None:
    if written.suffix.lower() == ".tflite":
        made = quantise_tflite(path.read_bytes(), how, pictures)
        write_atomically(written, with_texts(made, {FILE: what.as_text()}))
    else:
        write_onnx(quantise(need("onnx").load(path), how, pictures), written, what.as_properties())


def _split(path: Path, data: Path | None) -> Split:
    found = data or own_split(path)
    if found is None:
        raise ExportError(path, "no split is known to judge it on", "--data FOLDER")
    return read_split(found)


def _draw(split: Split, count: int, seed: int) -> list[Path]:
    """`count` pictures of train, or all where there are fewer."""
    train = [one.path for one in split.read("train")]
    chosen = np.random.default_rng(seed).permutation(len(train))[:count]
    return [train[index] for index in sorted(chosen)]


def _measure(path: Path, written: Path, split: Split, calibrated: int, max_loss: float, quiet: bool) -> Cost:
    before, after = _open(path), _open(written)
    labelled = split.read("val")
    chosen = [one.path for one in labelled[:: max(1, len(labelled) // COMPARED)][:COMPARED]]
    agreement = compare(before, after, *squares(chosen, before.what.side), Thresholds())
    map50 = None
    if split.classes == before.what.classes:
        pictures = Pictures(labelled, before.what.side)
        both = [evaluate(s, pictures, split.classes, Thresholds(), 8, 0, quiet)[0].map50 for s in (before, after)]
        map50 = None if None in both else (float(both[0] or 0), float(both[1] or 0))
    sizes = (path.stat().st_size, written.stat().st_size)
    return Cost(written, sizes, map50, agreement, f"{split.path.parent} val", calibrated, max_loss)
