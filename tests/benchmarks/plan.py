"""Planning alone: seconds and peak memory from 1,000 to 1,000,000 pictures, for each solver.

python tests/benchmarks/plan.py [--most 1000000]

The pictures are invented, with the box counts and the rarity of the public set; each measurement is a process of its
own, and what it takes to make the pictures is not in the seconds, but in the memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

SIZES = (1_000, 10_000, 100_000, 1_000_000)
CLASSES = ("incorrect", "with", "without")
WAYS = {
    "waterfill": {"recipes": ("whole", "erase")},
    "milp, even": {"recipes": ("whole", "erase"), "solver": "milp"},
    "milp, few": {"recipes": ("whole", "erase"), "prefer": "few"},
    "whole pictures": {"recipes": ("whole",), "prefer": "few"},
}


def pictures(n: int) -> list:
    """Pictures of 400×300 px with up to eight boxes in a row; every 30th box is of the rarest class."""
    import numpy as np

    from datatools.core import Annotation

    rng = np.random.default_rng(0)
    counts = np.minimum(rng.geometric(0.3, n), 8)
    labels = np.split(rng.choice(3, int(counts.sum()), p=(0.03, 0.79, 0.18)), np.cumsum(counts)[:-1])
    boxes = np.array([[50 * k + 5, 100, 50 * k + 35, 140] for k in range(8)], dtype=np.float64)
    return [Annotation(f"p{k}", "", (400, 300), boxes[: len(row)], row) for k, row in enumerate(labels)]


def measure(way: str, n: int) -> None:
    """Print one measurement as JSON.  In a process of its own."""
    import numpy as np

    from datatools.balance.planning.make import make_plan
    from datatools.balance.planning.plan import Wanted

    made = pictures(n)
    start = time.perf_counter()
    plan = make_plan(made, CLASSES, np.random.default_rng(0), Wanted(**WAYS[way]))
    said = {"s": time.perf_counter() - start, "copies": plan.copies, "missed": plan.missed, "reach": plan.reach}
    said["most"] = max(int(r.max()) for r in plan.appearances)
    said["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--one", nargs=2, metavar=("WAY", "N"), help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        measure(said.one[0], int(said.one[1]))
        return
    print("| solver | pictures | s | peak MiB | most repeated (bound) | copies |\n|---|---|---|---|---|---|")
    for way in WAYS:
        for n in (size for size in SIZES if size <= said.most):
            words = [sys.executable, __file__, "--one", way, str(n)]
            found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            repeated = f"{found['most']} ({found['reach']})"
            print(f"| {way} | {n:,} | {found['s']:.2f} | {found['MiB']:.0f} | {repeated} | {found['copies']:,} |")


if __name__ == "__main__":
    main()
