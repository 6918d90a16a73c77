"""A training step: pictures a second of ours and of eriklindernoren/PyTorch-YOLOv3's on the same batch.

    PEER_YOLOV3=/path/to/PyTorch-YOLOv3 python tests/benchmarks/train.py [--threads 2] [--as-run]

Ours is all that a step of `detector train` does: floats from bytes, clipping and the running average among it; once in
float32, and once in bf16 where the processor has tiles for it.  Of each is said how much of its time is a floor: the
convolutions' operations at the rate of one of 256 to 256 channels, measured in the same process; the rest are other
layers, the traffic of memory and less handy convolutions.

In one process all have the same allocator setting; with --as-run each has a process of its own and the setting that its
command has: ours restarts itself with large blocks kept, the peer's does not.  On a busy machine --cpu counts the
processor's time instead of the clock's, with one thread, since threads that wait are counted too.  The peer's code is
not part of this project; without it only ours is measured.  Its package imports torchvision for its NMS, which a
training step does not call; where torchvision cannot be imported, an empty module stands in for it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import torch
from timing import in_turns, table

from detector.data.batch import Batch
from detector.loss.terms import loss
from detector.network.cfg import read_cfg
from detector.network.info import summarise
from detector.network.model import Darknet, initialise
from detector.training.device import has_bf16_tiles
from detector.training.learner import Learner
from detector.training.options import Options
from detector.training.ranks import Ranks
from detector.training.tune import TUNABLES, VARIABLE

SIDE = 416
OURS = {"ours": "off", "ours-bf16": "bf16"}


def batch(count: int, classes: int) -> Batch:
    """Noise, and five boxes a picture."""
    draw = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (count, SIDE, SIDE, 3), generator=draw, dtype=torch.uint8).permute(0, 3, 1, 2)
    rows = torch.rand(count * 5, 6, generator=draw)
    rows[:, 0] = torch.arange(count).repeat_interleave(5)
    rows[:, 1] = (rows[:, 1] * classes).floor()
    rows[:, 4:] = rows[:, 4:] * 0.2 + 0.02
    rows[:, 2:] *= SIDE
    return Batch(pictures, rows, ("",) * count, tuple(range(count)), torch.zeros(0, 5))


def ours(name: str, count: int, amp: str) -> Callable[[], None]:
    model = Darknet(read_cfg(name).adapt(3))
    initialise(model, torch.Generator().manual_seed(0))
    options = Options(lr=1e-4, weight_decay=5e-4, amp=amp, workers=0)
    learner = Learner(model, options, 100, Ranks(torch.device("cpu")))
    learner.begin(0)
    one = batch(count, 3)

    def step() -> None:
        heads = learner.heads(one)
        terms = loss(heads, one.truths, model.anchors_wh, model.strides, options.loss, regions=one.regions)
        learner.backward(terms)
        learner.step(0)

    return step


def floor_of(name: str, count: int, rate: float) -> float:
    """Seconds of a step whose every convolution ran at `rate` operations a second: forward, and twice that back."""
    rows = summarise(read_cfg(name).adapt(3), (SIDE, SIDE)).rows
    return count * (3 * sum(row.operations for row in rows) - rows[0].operations) / rate


def peak(amp: str, clock: Callable[[], float]) -> float:
    """Operations a second of a convolution that suits the processor."""
    kind = torch.bfloat16 if amp == "bf16" else torch.float32
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).to(kind, memory_format=torch.channels_last)
    pictures = torch.rand(8, 256, 52, 52).to(kind, memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode():
            layer(pictures)

    in_turns({amp: run}, 2)
    return 2 * 9 * 256 * pictures.numel() / in_turns({amp: run}, 5, clock)[amp]


def peer(folder: Path, name: str, count: int) -> Callable[[], None]:
    sys.path.insert(0, str(folder))
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        sys.modules["torchvision"] = types.ModuleType("torchvision")
    from datatools.balance.pixels.imgaug_import import import_imgaug

    import_imgaug()
    from pytorchyolo.models import Darknet as Peer  # type: ignore[import-not-found]
    from pytorchyolo.utils.loss import compute_loss  # type: ignore[import-not-found]

    model = Peer(str(folder / "config" / f"{name}.cfg")).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    one = batch(count, 80)
    pictures, rows = one.pictures.float() / 255, one.truths
    rows[:, 2:] /= SIDE

    def step() -> None:
        value, _ = compute_loss(model(pictures), rows, model)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def alone(who: str, name: str, count: int, threads: int, cpu: bool) -> float:
    """Seconds of a step of `who` in a process of its own, the best of three after two."""
    environment = {**os.environ, "ALONE": f"{who} {name} {count}"}
    environment.pop(VARIABLE, None)
    if who in OURS:
        environment[VARIABLE] = ":".join(f"{key}={value}" for key, value in TUNABLES.items())
    words = [sys.executable, __file__, "--threads", str(threads), *(["--cpu"] if cpu else [])]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def step_of(who: str, name: str, count: int) -> Callable[[], None]:
    return ours(name, count, OURS[who]) if who in OURS else peer(Path(os.environ["PEER_YOLOV3"]), name, count)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--as-run", action="store_true", help="each with the allocator setting of its own command")
    parser.add_argument("--models", default="yolov3-tiny:8,yolov3:2")
    parser.add_argument("--cpu", action="store_true", help="seconds of the processor, with one thread")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu else time.perf_counter
    torch.set_num_threads(1 if arguments.cpu else arguments.threads)
    if "ALONE" in os.environ:
        who, name, count = os.environ["ALONE"].split()
        step = step_of(who, name, int(count))
        in_turns({who: step}, 2)
        print(in_turns({who: step}, 3, clock)[who])
        return
    known = ["ours"] + (["ours-bf16"] if has_bf16_tiles() else [])
    known += ["eriklindernoren"] if "PEER_YOLOV3" in os.environ else []
    for pair in arguments.models.split(","):
        name, count = pair.split(":")[0], int(pair.split(":")[1])
        if arguments.as_run:
            rounds = [
                {who: alone(who, name, count, arguments.threads, arguments.cpu) for who in known}
                for _ in range(arguments.rounds)
            ]
            seconds = {who: min(one[who] for one in rounds) for who in known}
        else:
            seconds = in_turns({who: step_of(who, name, count) for who in known}, arguments.rounds, clock)
        table(f"training step, {name}, batch {count}, {SIDE} px", seconds, count, "pictures", "ours")
        print(*(f"{n}: {count / s:.2f} pictures/s" for n, s in seconds.items()), sep="; ")
        for who in [one for one in known if one in OURS]:
            rate = peak(OURS[who], clock)
            share = floor_of(name, count, rate) / seconds[who]
            print(f"{who}: the floor, at {rate / 1e9:,.0f} GFLOP/s, is {share:.0%} of its time")


if __name__ == "__main__":
    main()
