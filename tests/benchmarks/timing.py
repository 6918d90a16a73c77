"""What the measurements share: the real photographs, repeated timing, and a Markdown table of ratios.

Machines are noisy, so contestants take turns, the best round of each counts, and what is compared is the ratio within
one run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def photographs() -> Path:
    """The folder with images/ and annotations/; ends the measurement where there is none."""
    shared = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[3] / "shared"))
    folder = shared / "data" / "face-mask-detection"
    if not folder.is_dir():
        sys.exit(f"no photographs at {folder}: set SHARED_DATA")
    return folder


def in_turns(
    contestants: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Seconds of the best round of each; by `time.process_time` those of the processor alone, for a busy machine."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, run in contestants.items():
            start = clock()
            run()
            best[name] = min(best[name], clock() - start)
    return best


def table(title: str, seconds: Mapping[str, float], items: int, unit: str, reference: str) -> None:
    """Print seconds, items a second, and the ratio to the reference."""
    print(f"\n### {title}\n\n| | s | {unit}/s | time against {reference} |\n|---|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.3g} | {items / value:,.0f} | {value / seconds[reference]:.2f}× |")
