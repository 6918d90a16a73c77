"""The data pipeline: milliseconds of each step a picture, and batches a second by workers and cache.

    python tests/benchmarks/loader.py [--data SPLIT] [--side 416] [--pictures 256] [--rounds 3]

Without --data, the real photographs are converted first. A training step of YOLOv3-tiny on two cores takes 7 to 10
pictures a second: what the loader gives beyond that is its headroom.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from timing import in_turns, photographs, table

from detector.data.augment import draw_affine, recolour, warp
from detector.data.augmentation import PRESETS, STRONG
from detector.data.cache import Cache, Disk, Memory
from detector.data.loader import Key, Order, Pictures, loader
from detector.data.mosaic import draw_pivot, mixup, mosaic
from detector.data.paste import find_sources, paste
from detector.data.pictures import pad, read_picture, shrink
from detector.data.split import Labelled, read_split


def steps(labelled: Sequence[Labelled], side: int, rounds: int) -> None:
    """What each step takes, one thread, on pictures that are in memory."""
    raw = [read_picture(one.path) for one in labelled]
    kept = Pictures(labelled, side)
    scenes = [kept.scene(index, side) for index in range(len(kept))]
    shown = [kept[Key(0, index)][1] for index in range(len(kept))]
    sources = find_sources(labelled)

    def each(work: Callable[[int, np.random.Generator], object]) -> Callable[[], None]:
        def run() -> None:
            for index in range(len(labelled)):
                work(index, np.random.default_rng(index))

        return run

    def four(index: int) -> list:
        return [scenes[(index + step) % len(scenes)] for step in range(4)]

    def one(index: int, rng: np.random.Generator) -> object:
        affine = draw_affine(np.array(scenes[index].picture.shape[1::-1]) / 2, side, STRONG, rng)
        return warp(scenes[index], affine, side, 0.3)

    def tiled(index: int, rng: np.random.Generator) -> object:
        affine = draw_affine(draw_pivot(side, rng), side, STRONG, rng)
        return warp(mosaic(four(index), side), affine, side, 0.3)

    contestants = {
        "decode": each(lambda index, rng: read_picture(labelled[index].path)),
        "shrink": each(lambda index, rng: shrink(raw[index], side)),
        "pad (letterbox)": each(lambda index, rng: pad(scenes[index].picture, side)),
        "warp": each(one),
        "mosaic and its warp": each(tiled),
        "mixup": each(lambda index, rng: mixup(shown[index], shown[index - 1], rng)),
        "pasting": each(lambda index, rng: paste(shown[index], sources, scenes.__getitem__, STRONG, rng)),
        "recolour": each(lambda index, rng: recolour(shown[index].picture, STRONG, rng)),
    }
    for name, how in PRESETS.items():
        whole = Pictures(labelled, side, 0, how)
        contestants[f"whole sample, {name}, cache in memory"] = each(lambda index, rng, of=whole: of[Key(1, index)])
    seconds = in_turns(contestants, rounds)
    table(f"a picture, {side} px, one thread", seconds, len(labelled), "pictures", "decode")
    print(*(f"{name}: {value / len(labelled) * 1e3:.2f} ms" for name, value in seconds.items()), sep="; ")


def loaders(labelled: Sequence[Labelled], side: int, rounds: int, folder: Path) -> None:
    """An epoch of batches of 8, workers started before."""
    caches: dict[str, Callable[[], Cache]] = {
        "none": lambda: Memory(0),
        "disk": lambda: Disk(4096, folder),
        "ram": lambda: Memory(4096),
    }
    contestants = {}
    for name, make in caches.items():
        for workers in (0, 1, 2):
            pictures = Pictures(labelled, side, 0, PRESETS["default"], cache=make())
            batches = loader(pictures, Order(len(pictures), 8, 0), workers)
            contestants[f"cache {name}, {workers} workers"] = lambda b=batches: [one.pictures.shape for one in b]
    seconds = in_turns(contestants, rounds)
    table(f"loader, {side} px, default augmentation", seconds, len(labelled), "pictures", "cache ram, 0 workers")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--side", type=int, default=416)
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        data = arguments.data
        if data is None:
            data = Path(scratch) / "yolo"
            convert = [sys.executable, "-m", "datatools.cli", "convert", str(photographs()), "--out", str(data)]
            subprocess.run([*convert, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        labelled = read_split(data).read("train")[: arguments.pictures]
        steps(labelled, arguments.side, arguments.rounds)
        loaders(labelled, arguments.side, arguments.rounds, Path(scratch) / "cache")


if __name__ == "__main__":
    main()
