"""Balancing: pictures a second beside the floor, which is to decode and encode the same pictures and nothing else.

python tests/benchmarks/balance.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
from timing import in_turns, photographs, table

BIN = Path(sys.executable).parent


def floor(folder: Path, sources: dict[str, int]) -> None:
    """Decode each source once, encode and write as many copies as the plan has."""
    folder.mkdir(exist_ok=True)
    for path, copies in sources.items():
        pixels = cv2.imread(path)
        for k in range(copies):
            _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
            (folder / f"{Path(path).stem}-{k}.jpg").write_bytes(data.tobytes())


def main() -> None:
    import numpy as np

    from datatools import formats
    from datatools.balance.plan import Wanted
    from datatools.balance.planning import make_plan

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        split = scratch / "yolo"
        convert = [str(BIN / "datatools"), "convert", str(photographs()), "--out", str(split), "--quiet"]
        subprocess.run(convert, check=True)
        dataset = formats.read(split).dataset
        train = dataset.of_split("train")
        start = time.perf_counter()
        plan = make_plan(train, dataset.classes, np.random.default_rng(0))
        print(f"water-fill plan: {(time.perf_counter() - start) * 1e3:.1f} ms")
        start = time.perf_counter()
        make_plan(train, dataset.classes, np.random.default_rng(0), Wanted(recipes=("whole",)))
        print(f"whole-picture plan (HiGHS): {(time.perf_counter() - start) * 1e3:.0f} ms")
        sources = {a.path: int(r) - 1 for a, r in zip(train, plan.repeats, strict=True) if r > 1}
        words = [str(BIN / "datatools"), "balance", str(split), "--out", str(scratch / "b"), "--overwrite", "--quiet"]
        contestants = {
            "decode + encode only, 1 process": lambda: floor(scratch / "floor", sources),
            "datatools balance, 1 worker": lambda: subprocess.run([*words, "--workers", "1"], check=True),
            "datatools balance, 2 workers": lambda: subprocess.run([*words, "--workers", "2"], check=True),
        }
        table("balance", in_turns(contestants, 3), plan.copies, "copies", "decode + encode only, 1 process")


if __name__ == "__main__":
    main()
