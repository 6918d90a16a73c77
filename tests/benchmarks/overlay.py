"""Synthetic faces: where the time of an accepted face goes, and the whole command with one worker and with two.

python tests/benchmarks/overlay.py [FACES]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import in_turns, photographs, table

from generators.drawing import dress
from generators.making import build, copies, order, scan

BIN = Path(sys.executable).parent
CLASS = "mask_weared_incorrect"
# what is measured: (module that calls it, its name there) -> part of the table
PARTS = {
    (scan, "locate"): "landmarks",
    (scan, "setting_of"): "light of a face",
    (scan, "decode"): "decode, to find faces",
    (order, "plan_faces"): "plan",
    (dress, "put_on"): "drawing",
    (copies, "decode"): "decode, to draw",
    (copies, "encode"): "encode",
    (copies, "put"): "write",
}


def measured(spent: Counter, part: str, work: Callable) -> Callable:
    """The same function, which adds its seconds to a part."""

    def timed(*args: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*args, **named)
        finally:
            spent[part] += time.perf_counter() - start

    return timed


def parts(split: Path, out: Path, faces: int) -> tuple[Counter, build.Overlay]:
    """Seconds of each part of one run in this process."""
    from generators.making.classes import roles_of

    spent: Counter = Counter()
    for (module, name), part in PARTS.items():
        setattr(module, name, measured(spent, part, getattr(module, name)))
    ready = scan.ready(None)
    scan.load(ready)
    settings = build.Settings(
        roles=roles_of({}), order=order.Order({CLASS: faces}), predictor=ready, workers=1, quiet=True
    )
    start = time.perf_counter()
    made, _ = build.carry_out(build.read_source(split, settings), out, settings)
    spent["all else"] = time.perf_counter() - start - sum(spent.values())
    return spent, made


def by_size(made: build.Overlay, repeats: int = 3) -> None:
    """Milliseconds of drawing one face, by its size: the best of some rounds."""
    print("\n| face, px | ms to draw |\n|---|---|")
    pictures = {s.annotation.id: s.annotation for s in made.scans}
    for low, high in ((16, 24), (24, 48), (48, 80), (80, 400)):
        uses = [use for use in made.plan.uses if low <= use.face.size < high][:30]
        pixels = {use.id: copies.decode(pictures[use.id].path) for use in uses}
        best = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            for use in uses:
                dress.put_on(pixels[use.id], use.face, use.dress)
            best = min(best, time.perf_counter() - start)
        print(f"| {low} to {high} | {best / max(len(uses), 1) * 1e3:.1f} |")


def shown(spent: Counter, made: build.Overlay) -> None:
    faces = len(made.plan.uses)
    usable = len(made.plan.usable)
    print(f"\n{faces} faces on {usable} usable ones, {len(made.plan.copies)} pictures\n")
    print("| part | s | ms an accepted face |\n|---|---|---|")
    for part, seconds in spent.most_common():
        print(f"| {part} | {seconds:.2f} | {seconds / faces * 1e3:.2f} |")
    print(f"\nlandmarks: {spent['landmarks'] / usable * 1e3:.1f} ms a usable face")


def main() -> None:
    faces = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        split = scratch / "yolo"
        convert = [str(BIN / "datatools"), "convert", str(photographs()), "--out", str(split), "--quiet"]
        subprocess.run(convert, check=True)
        words = [
            str(BIN / "generators"),
            "overlay",
            str(split),
            "--out",
            str(scratch / "new"),
            "--overwrite",
            "--quiet",
        ]
        words += ["--fill", f"{CLASS}={faces}"]
        contestants = {
            "1 worker": lambda: subprocess.run([*words, "--workers", "1"], check=True),
            "2 workers": lambda: subprocess.run([*words, "--workers", "2"], check=True),
        }
        table("generators overlay", in_turns(contestants, 2), faces, "faces", "1 worker")
        spent, made = parts(split, scratch / "parts", faces)
        shown(spent, made)
        by_size(made)


if __name__ == "__main__":
    main()
