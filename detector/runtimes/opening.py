"""A file of weights or an exported model, opened to be used: one function, whatever the file is.

Told apart by the name's ending: `.onnx`, `.torchscript`, `.tflite`; anything else is a `.pt` of ours or Darknet's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detector.detecting.inference import as_runtime
from detector.detecting.runtime import Runtime
from detector.errors import ExportError, WeightsError
from detector.runtimes.description import Description
from detector.runtimes.reading import read_weights
from detector.training.device import choose_device

EXPORTED = {".onnx": "onnx", ".torchscript": "torchscript", ".tflite": "tflite"}
RUNTIMES = ("auto", "torch", "onnx")


@dataclass(frozen=True)
class Opened:
    """run: squares of `side` to boxes and scores.  classes: names in order.  kind: torch, onnx, torchscript, tflite."""

    run: Runtime
    classes: tuple[str, ...]
    side: int
    kind: str


def open_runtime(
    path: Path,
    *,
    cfg: str = "yolov3-tiny",
    classes: tuple[str, ...] | None = None,
    side: int | None = None,
    device: str | None = None,
    runtime: str = "auto",
    pictures: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Opened:
    """Open `path`. `classes` are wanted of files that name none; `pictures`: how many there are to look at."""
    kind = EXPORTED.get(path.suffix.lower())
    if kind is None:
        weights = read_weights(path, cfg, classes, side)
        where = choose_device(device or "auto")
        run = as_runtime(weights.model.to(where))
        if runtime != "torch" and where.type == "cpu":
            from detector.runtimes.cached import faster

            run, kind = faster(path, weights, run, wanted=runtime == "onnx", pictures=pictures, say=say)
        elif runtime == "onnx":
            raise ExportError(f"--device {where}", "is torch's; --runtime onnx runs on the CPU", "--device cpu")
        return Opened(run, weights.classes, weights.side, kind or "torch")
    if not path.is_file():
        raise WeightsError(path, "no such file", "a .pt, .weights, .onnx, .torchscript or .tflite file")
    if runtime not in ("auto", kind):
        raise ExportError(path, f"cannot be run by --runtime {runtime}", "--runtime auto")
    run, what = _open_exported(path, kind, device)
    if side not in (None, what.side):
        remedy = f"drop --img-size, or export again with --img-size {side}"
        raise ExportError(path, f"takes pictures of {what.side} pixels, not {side}", "its own size", remedy)
    return Opened(run, what.classes, what.side, kind)


def _open_exported(path: Path, kind: str, device: str | None) -> tuple[Runtime, Description]:
    if kind == "onnx":
        from detector.runtimes.session import Session

        session = Session(path, device)
        return session, session.what
    if kind == "torchscript":
        from detector.runtimes.script import Script

        script = Script(path, str(choose_device(device or "auto")))
        return script, script.what
    from detector.runtimes.interpreter import Interpreter

    if device not in (None, "cpu"):
        raise ExportError(f"--device {device}", "LiteRT runs on the CPU here", "--device cpu")
    interpreter = Interpreter(path)
    return interpreter, interpreter.what
