"""What a page needs to look for itself: the model as ONNX, its description, and which boxes count.

Weights are exported, a run's once, beside them (`runtimes/cached`). What is served is a copy of its own, so that it
stays what the description says, whatever happens to the file meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.detecting.inference import MAX_CANDIDATES, Thresholds
from detector.errors import RunError
from detector.runtimes.cached import beside, current, in_run
from detector.runtimes.description import Description
from detector.runtimes.extras import need
from detector.runtimes.opening import EXPORTED
from detector.runtimes.reading import read_weights
from detector.runtimes.session import Session
from detector.serve.verdicts import Verdicts

LARGE_BYTES = 100_000_000  # beyond what a phone's browser may be asked to hold


@dataclass(frozen=True)
class Offer:
    """model: an ONNX file that nobody else writes.  pixels: most of a picture."""

    model: Path
    what: Description
    how: Thresholds
    verdicts: Verdicts
    pixels: int
    sha256: str
    runtime_bytes: int

    def as_json(self) -> dict[str, Any]:
        """What the page is told. Addresses are relative to it."""
        what, how, size = self.what, self.how, self.model.stat().st_size
        each = how.each or (how.confidence,) * len(what.classes)
        network = {
            "url": "model.onnx", "bytes": size, "side": what.side, "outputs": what.outputs,
            "anchors_wh": what.anchors_wh, "strides": what.strides, "confidence": each,
            "overlap": how.overlap, "agnostic": how.agnostic, "most": MAX_CANDIDATES,
        }  # fmt: skip
        return {
            "classes": self.verdicts.as_json(), "side": what.side, "mode": "browser",
            "limits": {"pixels": self.pixels}, "network": network,
            "runtime": {"url": "runtime/", "bytes": self.runtime_bytes},
        }  # fmt: skip


def check_finding(how: Thresholds) -> None:
    """Raises RunError where the page does not find boxes as asked."""
    if how.method != "greedy":
        raise RunError(f"--nms-method {how.method}", "is not done in the page", "greedy with --mode browser")
    if how.views != "none":
        raise RunError(f"--tta {how.views}", "is not done in the page", "none with --mode browser")


def as_onnx(path: Path, cfg: str, side: int | None, folder: Path) -> tuple[Path, Description]:
    """`path` as an ONNX file in `folder`, which is the server's own, and what it says of itself.

    Raises UserError where a browser cannot run it.
    """
    kind = EXPORTED.get(path.suffix.lower())
    if kind not in (None, "onnx"):
        raise RunError(path, "cannot be run by a browser", "a .pt, .weights or .onnx with --mode browser")
    source = path
    if kind is None:
        need("onnx"), need("onnxruntime")
        weights = read_weights(path, cfg, None, side)
        kept = in_run(path) and os.access(path.parent, os.W_OK)
        source = current(path, beside(path, weights.side) if kept else folder / "exported.onnx", weights)
    elif not path.is_file():
        raise RunError(path, "no such file", "a .pt, .weights or .onnx")
    served = folder / "model.onnx"
    shutil.copyfile(source, served)
    what = Session(served).what
    _check(path, what, side)
    return served, what


def _check(path: Path, what: Description, side: int | None) -> None:
    if side not in (None, what.side):
        raise RunError(path, f"takes pictures of {what.side} pixels, not {side}", "its own size", "drop --img-size")
    if what.batch > 1:
        raise RunError(path, f"takes {what.batch} pictures at once", "one, or any number", "export it with --dynamic")
    if what.precision == "float16":
        raise RunError(path, "is in half floats, which browsers run badly", "the float32 or an int8 model")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
