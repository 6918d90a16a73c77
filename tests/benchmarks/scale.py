"""Memory: how much a plan of many annotation records takes, and a run of `balance` over many tiny pictures.

python tests/benchmarks/scale.py                                     # an eighth, a quarter, half and all of the sizes
python tests/benchmarks/scale.py --records 1000000 --pictures 100000 # the defaults; 0 leaves a part out
python tests/benchmarks/scale.py --records 0 --target max-ratio=1.8  # fewer copies: sooner done

The pictures are 40×30 pixels and few, hard-linked under many names.  The first table shows the largest process (its
ru_maxrss), the second all processes of the run together too, looked at ten times a second; both should grow no faster
than the set.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

KINDS = 16  # different pictures
LABELS = ("0 0.3 0.5 0.2 0.4\n0 0.7 0.4 0.2 0.3\n", "0 0.5 0.5 0.4 0.5\n1 0.2 0.2 0.2 0.2\n", "1 0.5 0.5 0.3 0.5\n")
SHARES = (1, 2, 4, 8)  # eighths


def plan(records: int) -> None:
    """In a process of its own: make a set and its plan, and print seconds and MiB."""
    from datatools.balance.planning.make import make_plan
    from datatools.core import Annotation, Dataset

    rng = np.random.default_rng(0)

    def annotation(k: int) -> Annotation:
        corner = rng.random((int(rng.integers(0, 8)), 2)) * 300
        xyxy = np.hstack([corner, corner + rng.random(corner.shape) * 100 + 1])
        labels = rng.choice(3, len(xyxy), p=(0.79, 0.18, 0.03))
        name = f"train/p{k:07d}"
        return Annotation(name, f"data/yolo/images/{name}.jpg", (400, 300), xyxy, labels, source=f"labels/{name}.txt")

    dataset = Dataset(("a", "b", "c"), tuple(map(annotation, range(records))), ("train",) * records)
    begun = time.perf_counter()
    found = make_plan(dataset.annotations, dataset.classes, rng)
    if found.missed:
        raise AssertionError(f"the counts are {found.after}")
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def tiny_split(folder: Path, pictures: int) -> None:
    """A split of so many pictures, every eighth of them with the rare class alone."""
    import cv2

    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (folder / kind / "train").mkdir(parents=True)
    for k in range(KINDS):
        pixels = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (40, 30), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"kind{k}.jpg"), pixels)
    for k, text in enumerate(LABELS):
        (folder / f"kind{k}.txt").write_text(text)
    for k in range(pictures):
        name = f"train/p{k:07d}"
        kind = 2 if k % 8 == 0 else k % 2
        _link(folder / f"kind{k % KINDS}.jpg", folder / f"images/{name}.jpg")
        _link(folder / f"kind{kind}.txt", folder / f"labels/{name}.txt")
    (folder / "data.yaml").write_text("train: images/train\nnc: 2\nnames: [common, rare]\n")
    for path in (*folder.glob("kind*.jpg"), *folder.glob("kind*.txt")):
        path.unlink()


def _link(source: Path, target: Path) -> None:
    """A hard link; a new file where the disk allows no more links to the old one."""
    try:
        os.link(source, target)
    except OSError:
        data = source.read_bytes()
        source.unlink()
        source.write_bytes(data)
        os.link(source, target)


def balanced(folder: Path, workers: int, target: str) -> tuple[float, float, float, int]:
    """Seconds, MiB of the largest process, MiB of all together, and pictures in the end."""
    words = [sys.executable, "-m", "datatools.cli", "balance", str(folder), "--out", f"{folder}-out", "--link", "hard"]
    begun = time.perf_counter()
    process = subprocess.Popen([*words, "--target", target, "--workers", str(workers), "--quiet"])
    largest = together = 0.0
    while process.poll() is None:
        sizes = [_rss(p) for p in [psutil.Process(process.pid), *_below(process.pid)]]
        largest, together = max(largest, *sizes), max(together, sum(sizes))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"balance ended with {process.returncode}")
    made = sum(1 for _ in Path(f"{folder}-out/images/train").iterdir())
    return time.perf_counter() - begun, largest, together, made


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _rss(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--target", default="equal")
    parser.add_argument("--plan", type=int, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.plan:
        plan(said.plan)
        return
    if said.records:
        print("\n| records planned | s | MiB | bytes a record |\n|---|---|---|---|", flush=True)
    for n in (said.records * share // 8 for share in SHARES if said.records):
        words = [sys.executable, __file__, "--plan", str(n)]
        seconds, mib = map(float, subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())
        print(f"| {n:,} | {seconds:.1f} | {mib:.0f} | {mib * 2**20 / n:.0f} |", flush=True)
    if said.pictures:
        head = "| pictures | with copies | s | MiB, largest process | MiB, all together |"
        print(f"\n{head}\n|---|---|---|---|---|", flush=True)
    for n in (said.pictures * share // 8 for share in SHARES if said.pictures):
        with tempfile.TemporaryDirectory() as name:
            tiny_split(Path(name) / "set", n)
            seconds, largest, together, made = balanced(Path(name) / "set", said.workers, said.target)
        print(f"| {n:,} | {made:,} | {seconds:.0f} | {largest:.0f} | {together:.0f} |", flush=True)


if __name__ == "__main__":
    main()
