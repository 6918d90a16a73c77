"""`--runtime auto`: weights run through onnxruntime where that is installed and measured to be faster.

The exported model is kept beside the weights as `.<name>-<side>.onnx` and made again when the weights change. It is
made unasked only for `WORTH` pictures or more, exporting costs what some dozens of them do, and only in a run's folder,
or for the shipped model, whose export goes to the user's cache: nothing is written into the package.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from detector.data.cache import default_folder
from detector.detecting.runtime import Runtime
from detector.errors import ExportError
from detector.runtimes.extras import there
from detector.shipped import is_shipped

if TYPE_CHECKING:
    from detector.runtimes.reading import Weights

WORTH = 100
ROUNDS = 3


def faster(
    path: Path, weights: Weights, run: Runtime, *, wanted: bool, pictures: int, say: Callable[[str], None]
) -> tuple[Runtime, str]:
    """`run`, which is torch's, or an onnxruntime session of the same network; and which of the two it is.

    wanted: onnxruntime whatever it takes, or an error. Else only where it is faster, by a measurement that is said.
    """
    kept = beside(path, weights.side)
    if not wanted:
        worth = kept.is_file() or (pictures >= WORTH and (is_shipped(path) or in_run(path)))
        if not (worth and there("onnxruntime") and there("onnx") and _writable(kept.parent)):
            return run, "torch"
    kept.parent.mkdir(parents=True, exist_ok=True)
    from detector.runtimes.session import Session

    session = Session(current(path, kept, weights))
    if wanted:
        return session, "onnx"
    torchs, onnxs = _milliseconds([run, session], weights.side)
    say(f"runtime: {'onnxruntime' if onnxs < torchs else 'torch'} (onnxruntime {onnxs:.0f} ms, torch {torchs:.0f} ms)")
    return (session, "onnx") if onnxs < torchs else (run, "torch")


def beside(path: Path, side: int) -> Path:
    """Where the exported model of the weights in `path` is kept."""
    folder = default_folder().with_name("models") if is_shipped(path) else path.parent
    return folder / f".{path.stem}-{side}.onnx"


def in_run(path: Path) -> bool:
    """Whether `path` lies in the folder of a run."""
    return (path.parent / "args.yaml").is_file()


def _writable(folder: Path) -> bool:
    with suppress(OSError):  # a home that may not be written to: then without a cache
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)


def current(path: Path, kept: Path, weights: Weights) -> Path:
    """The kept model, made anew unless it was made from these very weights."""
    from detector.export.writing import Target, describe, write
    from detector.runtimes.session import Session

    what = describe(weights, path, "decoded", 0)
    if kept.is_file():
        try:
            if Session(kept).what == what:
                return kept
        except ExportError:
            kept.unlink()
    write(weights.model, what, kept, Target("onnx"))
    return kept


def _milliseconds(runs: list[Runtime], side: int) -> list[float]:
    """A picture's best time of each, taking turns."""
    square, best = torch.zeros(1, 3, side, side), [float("inf")] * len(runs)
    with torch.inference_mode():
        for _ in range(ROUNDS):
            for index, run in enumerate(runs):
                start = time.perf_counter()
                run(square)
                best[index] = min(best[index], (time.perf_counter() - start) * 1e3)
    return best
