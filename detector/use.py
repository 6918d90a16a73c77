"""A file of weights or an exported model judged on a split, as the command line asks.

A `.pt` of ours and an exported model know their classes and their input size; a `.pt` also finds the split that it was
trained on. Darknet's files know nothing: the cfg is named, the classes are the split's, or COCO's where there are 80.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from detector.data.loader import Pictures, default_workers
from detector.data.split import read_split
from detector.detecting.inference import Thresholds
from detector.errors import DataError
from detector.judging.judgement import Judgement, Judging, judge_network
from detector.runs import own_split
from detector.runtimes.opening import open_runtime


def judge(
    path: Path,
    *,
    data: Path | None,
    subset: str,
    how: Thresholds,
    wanted: Judging,
    batch: int,
    img_size: int | None,
    cfg: str,
    device: str | None,
    workers: int | None,
    runtime: str,
    quiet: bool,
    split: Callable[[], Path],
) -> Judgement:
    """What the weights in `path` are worth. Without `data`: the split of the run beside it, else what `split` finds."""
    wanted.check(how)
    if runtime == "auto" and (wanted.metric == "original" or how.views == "full"):
        runtime = "torch"
    found = read_split(data or own_split(path) or split())
    labelled = found.read(subset)
    opened = open_runtime(
        path,
        cfg=cfg,
        classes=found.classes,
        side=img_size,
        device=device,
        runtime=runtime,
        pictures=len(labelled),
        say=partial(_say, quiet),
    )
    if opened.classes != found.classes:
        theirs = ", ".join(found.classes)
        raise DataError(found.path, f"classes {theirs}", f"the model's: {', '.join(opened.classes)}", "see --data")
    how = how.known_by(found.classes)
    pictures = Pictures(labelled, opened.side)
    hands = default_workers(opened.run.device) if workers is None else workers
    return judge_network(opened.run, pictures, found.classes, how, wanted, batch, hands, quiet)


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        print(line, file=sys.stderr)
