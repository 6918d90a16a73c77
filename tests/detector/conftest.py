"""Small pictures of coloured shapes as a split, and a network that trains in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from detector.network.cfg import read_cfg
from detector.network.checkpoint import Checkpoint, save
from detector.network.model import Darknet, initialise

CLASSES = ("circle", "square")
SMALL_CFG = """
[net]
width=96
height=96
channels=3
{body}
[convolutional]
filters=21
size=1
stride=1
pad=1
activation=linear
[yolo]
mask=0,1,2
anchors=16,16, 24,24, 36,36
classes=2
num=3
"""
BLOCK = "[convolutional]\nbatch_normalize=1\nfilters={}\nsize=3\nstride=2\npad=1\nactivation=leaky\n"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Networks this small gain nothing from more, and on a busy machine threads that wait for each other lose much."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _not_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """`detector train` would replace the process that runs the tests."""
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")


@pytest.fixture
def small_cfg(tmp_path: Path) -> Path:
    """A cfg file: four convolutions, one head of stride 8, two classes, 96 pixels."""
    path = tmp_path / "small.cfg"
    path.write_text(SMALL_CFG.format(body="".join(BLOCK.format(filters) for filters in (16, 32, 64))))
    return path


@pytest.fixture
def shapes_split(tmp_path: Path) -> Callable[..., Path]:
    """A function (train=8, val=4) that writes red circles and blue squares of 16-40 pixels in 120 x 90 pictures."""

    def write(train: int = 8, val: int = 4, folder: Path = tmp_path / "data" / "shapes") -> Path:
        rng = np.random.default_rng(0)
        for subset, count in (("train", train), ("val", val)):
            for kind in ("images", "labels"):
                (folder / kind / subset).mkdir(parents=True)
            for number in range(count):
                picture, lines = _shapes(rng)
                picture.save(folder / "images" / subset / f"{number}.png")
                (folder / "labels" / subset / f"{number}.txt").write_text("".join(lines))
        text = f"path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames: [{', '.join(CLASSES)}]\nkind: converted\n"
        (folder / "data.yaml").write_text(text)
        return folder

    return write


def _shapes(rng: np.random.Generator) -> tuple[Image.Image, list[str]]:
    picture = Image.new("RGB", (120, 90), (200, 200, 190))
    pen, lines = ImageDraw.Draw(picture), []
    for half in range(2):
        side = int(rng.integers(16, 41))
        x, y = 60 * half + int(rng.integers(0, 60 - side)), int(rng.integers(0, 90 - side))
        number = int(rng.integers(0, 2))
        corners = (x, y, x + side - 1, y + side - 1)
        if number:
            pen.rectangle(corners, fill=(30, 60, 200))
        else:
            pen.ellipse(corners, fill=(220, 40, 30))
        lines.append(
            f"{number} {(x + side / 2) / 120:.6f} {(y + side / 2) / 90:.6f} {side / 120:.6f} {side / 90:.6f}\n"
        )
    return picture, lines


@pytest.fixture
def tiny_weights(shared_data: Path) -> Path:
    """COCO's yolov3-tiny.weights."""
    path = shared_data / "weights" / "yolov3-tiny.weights"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture
def small_model(small_cfg: Path) -> Darknet:
    """A small network that finds many things of both classes: its head is as loud as it is blind."""
    model = Darknet(read_cfg(small_cfg)).eval()
    initialise(model, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for block in model.head_convolutions:
            torch.nn.init.normal_(block.conv.weight, std=0.2, generator=torch.Generator().manual_seed(1))
            torch.nn.init.zeros_(block.conv.bias)
    return model


@pytest.fixture
def small_pt(small_model: Darknet, tmp_path: Path) -> Path:
    """The small network as `detector train` would save it: two classes, 96 pixels."""
    path = tmp_path / "run" / "small.pt"
    path.parent.mkdir()
    save(Checkpoint("small", small_model.cfg.text, ("circle", "square"), 96, small_model.state_dict()), path)
    return path
