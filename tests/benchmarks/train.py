"""A training step: pictures a second of ours and of eriklindernoren/PyTorch-YOLOv3's on the same batch.

    PEER_YOLOV3=/path/to/PyTorch-YOLOv3 python tests/benchmarks/train.py [--threads 2]

The peer's code is not part of this project; without it only ours is measured.  Its package imports torchvision for its
NMS, which a training step does not call; where torchvision cannot be imported, an empty module stands in for it.
"""

from __future__ import annotations

import argparse
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import torch
from timing import in_turns, table

from detector.cfg import read_cfg
from detector.loss import loss
from detector.model import Darknet, initialise
from detector.optimise import optimiser, set_rate


def batch(count: int, side: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise, and five boxes a picture: (picture, class, cx cy w h in fractions)."""
    draw = torch.Generator().manual_seed(0)
    pictures = torch.rand(count, 3, side, side, generator=draw)
    rows = torch.rand(count * 5, 6, generator=draw)
    rows[:, 0] = torch.arange(count).repeat_interleave(5)
    rows[:, 1] = (rows[:, 1] * classes).floor()
    rows[:, 4:] = rows[:, 4:] * 0.2 + 0.02
    return pictures, rows


def ours(name: str, count: int, side: int) -> Callable[[], None]:
    model = Darknet(read_cfg(name).adapt(3))
    initialise(model, torch.Generator().manual_seed(0))
    layout = torch.channels_last if len(model.convolutions) < 20 else torch.contiguous_format
    model.train().to(memory_format=layout)
    optimizer = optimiser(model)
    set_rate(optimizer, 1e-4)
    pictures, rows = batch(count, side, 3)
    truths = torch.cat((rows[:, :2], rows[:, 2:] * side), dim=1)

    def step() -> None:
        terms = loss(model(pictures.contiguous(memory_format=layout)), truths, model.anchors_wh, model.strides)
        optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()

    return step


def peer(folder: Path, name: str, count: int, side: int) -> Callable[[], None]:
    sys.path.insert(0, str(folder))
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        sys.modules["torchvision"] = types.ModuleType("torchvision")
    from datatools.balance.imgaug_import import import_imgaug

    import_imgaug()
    from pytorchyolo.models import Darknet as Peer  # type: ignore[import-not-found]
    from pytorchyolo.utils.loss import compute_loss  # type: ignore[import-not-found]

    model = Peer(str(folder / "config" / f"{name}.cfg")).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    pictures, rows = batch(count, side, 80)

    def step() -> None:
        value, _ = compute_loss(model(pictures), rows, model)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = os.environ.get("PEER_YOLOV3")
    for name, count in (("yolov3-tiny", 8), ("yolov3", 2)):
        contestants = {"ours": ours(name, count, 416)}
        if folder:
            contestants["eriklindernoren"] = peer(Path(folder), name, count, 416)
        seconds = in_turns(contestants, arguments.rounds)
        table(f"training step, {name}, batch {count}, 416 px", seconds, count, "pictures", "ours")
        print(*(f"{n}: {count / s:.2f} pictures/s" for n, s in seconds.items()), sep="; ")


if __name__ == "__main__":
    main()
