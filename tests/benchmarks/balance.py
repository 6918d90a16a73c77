"""Balancing: what a copy costs beside the floor, which is to decode and encode pictures and nothing else.

Two floors: each source decoded once and encoded for each copy, and decoded and encoded for each copy.  The peer is
imgaug used as its documentation shows, one pipeline for picture and boxes; it erases nothing.  Processor time is
compared, since it says the same on a busy machine; wall time is there for the two workers.

python tests/benchmarks/balance.py              # the whole plan: 2,238 copies of 233 pictures
python tests/benchmarks/balance.py --every 5    # every fifth picture of the plan
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from timing import photographs

from datatools.balance.apply import Settings, run_task
from datatools.balance.pixels.copies import Task, tasks_of
from datatools.balance.pixels.imgaug_import import import_imgaug
from datatools.balance.pixels.policy import read_policy
from datatools.balance.planning.plan import Wanted
from datatools.balance.run import plan_balance
from datatools.parallel import ordered_map

BIN = Path(sys.executable).parent
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


def written(pixels: np.ndarray, path: Path) -> None:
    _, data = cv2.imencode(".jpg", pixels, JPEG)
    path.write_bytes(data.tobytes())


def floor(tasks: Sequence[Task], folder: Path, *, anew: bool) -> None:
    """anew: decode for each copy, not once a source."""
    for number, task in enumerate(tasks):
        pixels = cv2.imread(task.annotation.path)
        for k in range(len(task.kept)):
            pixels = cv2.imread(task.annotation.path) if anew and k else pixels
            written(pixels, folder / f"{number}-{k}.jpg")


def peer(tasks: Sequence[Task], folder: Path) -> None:
    """The default policy as an imgaug pipeline, boxes as its own BoundingBoxesOnImage."""
    iaa = import_imgaug()
    from imgaug.augmentables import BoundingBoxesOnImage

    sometimes = iaa.Sometimes
    shift = {"x": (-0.06, 0.06), "y": (-0.06, 0.06)}
    affine = iaa.Affine(scale=(0.85, 1.25), rotate=(-5, 5), shear=(-3, 3), translate_percent=shift, cval=114)
    pipeline = iaa.Sequential(
        [
            iaa.Fliplr(0.5),
            sometimes(0.7, affine),
            sometimes(0.3, iaa.Crop(percent=(0, 0.1), keep_size=False)),
            sometimes(0.5, iaa.Multiply((0.75, 1.3))),
            sometimes(0.3, iaa.LinearContrast((0.8, 1.25))),
            sometimes(0.3, iaa.AddToHueAndSaturation((-12, 12))),
            sometimes(0.15, iaa.GaussianBlur((0.0, 1.0))),
            sometimes(0.3, iaa.AdditiveGaussianNoise(scale=(0, 0.04 * 255), per_channel=0.5)),
            sometimes(0.3, iaa.JpegCompression(compression=(10, 55))),
        ]
    )
    for number, task in enumerate(tasks):
        pixels = cv2.imread(task.annotation.path)[..., ::-1].copy()
        boxes = BoundingBoxesOnImage.from_xyxy_array(task.annotation.xyxy.astype(np.float32), pixels.shape)
        for k in range(len(task.kept)):
            made, moved = pipeline(image=pixels, bounding_boxes=boxes)
            moved.remove_out_of_image().clip_out_of_image()
            written(np.ascontiguousarray(made[..., ::-1]), folder / f"{number}-{k}.jpg")


def ours(tasks: Sequence[Task], folder: Path, workers: int) -> None:
    names = {task.annotation.id: f"images/train/{k}" for k, task in enumerate(tasks)}
    work = partial(
        run_task, names=names, lineage={}, cleaned={}, tag="__b", folder=folder, settings=Settings(read_policy())
    )
    for _ in ordered_map(work, tasks, workers=workers, item_ms=15.0):
        pass


def timed(work: Callable[[Path], object], out: Path) -> tuple[float, float]:
    """(processor seconds of this process and the ended ones it started, wall seconds).

    out: a folder that is emptied first; that is not timed.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before, start = _spent(), time.perf_counter()
    work(out)
    return _spent() - before, time.perf_counter() - start


def _spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def command(split: Path, workers: int, out: Path) -> None:
    words = [str(BIN / "datatools"), "balance", str(split), "--out", str(out / "b"), "--quiet"]
    subprocess.run([*words, "--workers", str(workers)], check=True)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--every", type=int, default=1, help="take each so-manieth picture of the plan")
    options.add_argument("--rounds", type=int, default=3)
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        split = scratch / "yolo"
        convert = [str(BIN / "datatools"), "convert", str(photographs()), "--out", str(split), "--quiet"]
        subprocess.run(convert, check=True)
        balance = plan_balance(split, Wanted(), quiet=True)
        tasks = tasks_of(balance.plan, balance.dataset.of_split("train"))[:: said.every]
        copies = sum(len(task.kept) for task in tasks)
        contestants: dict[str, Callable[[Path], object]] = {
            "decode each source once, encode each copy": partial(floor, tasks, anew=False),
            "decode and encode each copy": partial(floor, tasks, anew=True),
            "imgaug's pipeline, no erasing": partial(peer, tasks),
            "datatools balance, copies alone, 1 worker": partial(ours, tasks, workers=1),
            "datatools balance, copies alone, 2 workers": partial(ours, tasks, workers=2),
        }
        if said.every == 1:
            for workers in (1, 2):
                contestants[f"the whole command, --workers {workers}"] = partial(command, split, workers)
        for work in contestants.values():
            timed(work, scratch / "out")  # warm: imports, and the workers' start
        rounds = [
            {what: timed(work, scratch / "out") for what, work in contestants.items()} for _ in range(said.rounds)
        ]
        found = {what: tuple(min(r[what][k] for r in rounds) for k in (0, 1)) for what in contestants}
    show(found, copies, len(tasks))


def show(found: dict[str, tuple[float, ...]], copies: int, pictures: int) -> None:
    once, anew = [seconds[0] for seconds in found.values()][:2]
    print(f"\n{copies} copies of {pictures} pictures\n")
    print("| | processor ms a copy | first floor / this | second floor / this | copies/s by the clock |")
    print("|---|---|---|---|---|")
    for what, (cpu, wall) in found.items():
        known = "2 workers" not in what  # what living workers spend is not seen
        cells = [f"{cpu / copies * 1e3:.2f}", f"{once / cpu:.2f}", f"{anew / cpu:.2f}"] if known else ["–"] * 3
        print(f"| {what} | {' | '.join(cells)} | {copies / wall:,.0f} |")


if __name__ == "__main__":
    main()
