"""One picture after another, file to boxes, on a CPU: ours in torch and in onnxruntime beside OpenCV's DNN module.

    python tests/benchmarks/inference.py [--threads 2] [--rounds 5] [--pictures 8] [--weights yolov3-tiny.weights]

End to end is: read the JPEG, letterbox to 416, forward, threshold .25, suppression .45. The peers are written as their
users write them: cv2.imread, cv2.resize, cv2.dnn.blobFromImage, cv2.dnn.NMSBoxes, and numpy between. The int8 model is
calibrated on 32 other photographs. Contestants take turns, picture by picture; medians and bests of one run. On a busy
machine compare the processor's time with --threads 1: nobody waits for a thread there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from timing import photographs

from detector.boxes import Letterbox
from detector.data.pictures import pad, read_picture, shrink
from detector.detecting.inference import InTorch, Thresholds, as_runtime, select
from detector.detecting.predict import look
from detector.detecting.runtime import Runtime
from detector.export.agreement import squares
from detector.export.onnx_model import write_onnx
from detector.export.quantise import Quantising, quantise
from detector.export.writing import Target, describe, write
from detector.network.cfg import CFG_FOLDER
from detector.runtimes.reading import read_weights
from detector.runtimes.session import Session, open_session

SIDE, HOW = 416, Thresholds(0.25, 0.45)
Contestant = Callable[[Path], int]
Times = tuple[float, float]  # by the clock, by the processor


def ours(run: Runtime) -> Contestant:
    return lambda path: len(look(run, path, SIDE, HOW)[0].found.scores)


def plain_letterbox(path: Path) -> np.ndarray:
    """(1, 3, S, S) float32, as OpenCV's users do it."""
    picture = cv2.imread(str(path))
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    inner = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    top, left = (SIDE - inner.shape[0]) // 2, (SIDE - inner.shape[1]) // 2
    square = np.full((SIDE, SIDE, 3), 114, np.uint8)
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return cv2.dnn.blobFromImage(square, 1 / 255, swapRB=True)


def plain_boxes(xywh: np.ndarray, scores: np.ndarray) -> int:
    row, number = np.nonzero(scores >= HOW.confidence)
    kept = cv2.dnn.NMSBoxesBatched(
        xywh[row].tolist(), scores[row, number].tolist(), number.tolist(), HOW.confidence, HOW.overlap
    )
    return len(kept)


def opencv(weights: Path) -> Contestant:
    network = cv2.dnn.readNetFromDarknet(str(CFG_FOLDER / "yolov3-tiny.cfg"), str(weights))
    names = network.getUnconnectedOutLayersNames()

    def run(path: Path) -> int:
        network.setInput(plain_letterbox(path))
        rows = np.concatenate(network.forward(names))
        corners = np.concatenate((rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]), axis=1) * SIDE
        return plain_boxes(corners, rows[:, 5:])

    return run


def onnxruntime_alone(model: Path) -> Contestant:
    session = open_session(model)

    def run(path: Path) -> int:
        boxes, scores = session.run(None, {"pictures": plain_letterbox(path)})
        return plain_boxes(np.concatenate((boxes[0, :, :2], boxes[0, :, 2:] - boxes[0, :, :2]), axis=1), scores[0])

    return run


def made(weights: Path, folder: Path, calibration: list[Path]) -> tuple[torch.nn.Module, Path, Path]:
    """The network in torch, and as float and int8 ONNX."""
    read = read_weights(weights, "yolov3-tiny", None, SIDE)
    floats, small = folder / "float.onnx", folder / "int8.onnx"
    what = describe(read, weights, "decoded", 0)
    write(read.model, what, floats, Target("onnx"))
    write_onnx(
        quantise(onnx.load(floats), Quantising("static"), squares(calibration, SIDE)[0]), small, what.as_properties()
    )
    return read.model.eval(), floats, small


def times(
    contestants: dict[str, Contestant], paths: list[Path], rounds: int
) -> tuple[dict[str, list[Times]], dict[str, int]]:
    """Milliseconds of every picture, by contestant, the first round left out; and the boxes that each found."""
    found: dict[str, list[Times]] = {name: [] for name in contestants}
    boxes = dict.fromkeys(contestants, 0)
    for number in range(rounds + 1):
        for path in paths:
            for name, run in contestants.items():
                start, busy = time.perf_counter(), time.process_time()
                count = run(path)
                if number:
                    found[name].append(((time.perf_counter() - start) * 1e3, (time.process_time() - busy) * 1e3))
                else:
                    boxes[name] += count
    return found, boxes


def stages(run: Runtime, paths: list[Path]) -> dict[str, float]:
    """Median milliseconds of the parts of ours."""
    marks: dict[str, list[float]] = {"read": [], "letterbox": [], "forward": [], "select and NMS": [], "all": []}
    for path in paths:
        at = [time.perf_counter()]
        picture = read_picture(path)
        at.append(time.perf_counter())
        floats = np.divide(pad(shrink(picture, SIDE), SIDE), np.float32(255), dtype=np.float32)
        square = torch.from_numpy(floats).permute(2, 0, 1)[None]
        at.append(time.perf_counter())
        with torch.inference_mode():
            xyxy, scores = run(square)
            at.append(time.perf_counter())
            select(xyxy[0], scores[0], Letterbox((picture.shape[1], picture.shape[0]), SIDE), HOW)
        at.append(time.perf_counter())
        for name, start, end in zip(marks, [*at[:-1], at[0]], [*at[1:], at[-1]], strict=True):
            marks[name].append((end - start) * 1e3)
    return {name: statistics.median(values) for name, values in marks.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    folder = photographs()
    weights = arguments.weights or folder.parents[1] / "weights" / "yolov3-tiny.weights"
    if not weights.is_file():
        sys.exit(f"no weights at {weights}: give --weights")
    every = sorted((folder / "images").iterdir())
    paths = every[:: len(every) // arguments.pictures][: arguments.pictures]
    with tempfile.TemporaryDirectory() as scratch:
        model, floats, small = made(weights, Path(scratch), every[5::23][:32])
        sessions = {name: Session(path) for name, path in (("float", floats), ("int8", small))}
        contestants = {
            "onnxruntime alone": onnxruntime_alone(floats),
            "OpenCV DNN": opencv(weights),
            "ours, onnxruntime": ours(sessions["float"]),
            "ours, onnxruntime int8": ours(sessions["int8"]),
            "ours, torch": ours(as_runtime(model)),
            "ours, torch, not fused": ours(InTorch(model)),
        }
        found, boxes = times(contestants, paths, arguments.rounds)
        report(found, boxes, paths, arguments.threads)
        parts = {name: stages(run, paths * arguments.rounds) for name, run in sessions.items()}
    for name, values in parts.items():
        print(f"ours in {name}, ms: " + ", ".join(f"{part} {value:.2f}" for part, value in values.items()))


def report(found: dict[str, list[Times]], boxes: dict[str, int], paths: list[Path], threads: int) -> None:
    columns = {
        name: (
            statistics.median(t for t, _ in values),
            min(t for t, _ in values),
            statistics.median(c for _, c in values),
        )
        for name, values in found.items()
    }
    least = [min(columns[name][i] for name in ("onnxruntime alone", "OpenCV DNN")) for i in range(3)]
    print(f"\n### file to boxes, yolov3-tiny (COCO), {SIDE} px, {len(paths)} photographs, {threads} threads, "
          f"{os.cpu_count()} cores; in brackets against the better peer\n")  # fmt: skip
    print("| | median ms | best ms | median ms of processor | boxes |\n|---|---|---|---|---|")
    for name, values in columns.items():
        cells = " | ".join(f"{v:.1f} ({v / base:.2f}×)" for v, base in zip(values, least, strict=True))
        print(f"| {name} | {cells} | {boxes[name]} |")


if __name__ == "__main__":
    main()
