"""Every network of the family, and what users' own cfgs may hold, beside OpenCV's reading of the same two files."""

import re

import cv2
import numpy as np
import pytest
import torch

from detector.boxes import decode, to_cxcywh
from detector.network.cfg import own_cfgs, parse_cfg, read_cfg
from detector.network.model import Darknet, initialise
from detector.network.weights import write_darknet

OWN = """
[net]
width=96
height=96
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation={0}
[maxpool]
size=3
stride=2
[convolutional]
filters=8
size=3
stride=1
padding=1
groups=4
activation={0}
[shortcut]
from=-2
activation={1}
[route]
layers=-1
groups=2
group_id=1
[maxpool]
size=4
stride=1
[route]
layers=-1,-2
[convolutional]
filters=7
size=1
activation=linear
[yolo]
anchors=16,16
mask=0
classes=2
num=1
"""
PAIRS = [*((name, "linear") for name in ("leaky", "relu", "mish", "swish", "logistic")), ("swish", "swish")]


def thin(name):
    """A network of the project's own with a sixteenth of the filters."""
    text = re.sub(r"filters=(?!255)(\d+)", lambda m: f"filters={int(m[1]) // 16}", read_cfg(name).text)
    return parse_cfg(text, name)


def lively(cfg):
    """A network in which every parameter and statistic matters, and whose values stay near 1 through all its layers."""
    model, generator = Darknet(cfg), torch.Generator().manual_seed(2)
    initialise(model, generator)
    for block in model.convolutions:
        if hasattr(block.norm, "running_mean"):
            block.norm.running_mean.uniform_(-0.3, 0.3, generator=generator)
            block.norm.running_var.uniform_(0.5, 1.5, generator=generator)
            torch.nn.init.uniform_(block.norm.weight, 0.2, 0.8, generator=generator)
            torch.nn.init.uniform_(block.norm.bias, -0.5, 0.5, generator=generator)
        else:
            torch.nn.init.uniform_(block.conv.bias, -0.5, 0.5, generator=generator)
            torch.nn.init.normal_(block.conv.weight, std=0.1, generator=generator)
    return model.eval()


@pytest.mark.parametrize(
    "cfg",
    [*map(thin, own_cfgs()), *(parse_cfg(OWN.format(*pair), "+".join(pair)) for pair in PAIRS)],
    ids=lambda cfg: cfg.name,
)
def test_opencv_finds_the_same_boxes(cfg, tmp_path):
    model, weights = lively(cfg), tmp_path / "x.weights"
    write_darknet(model, weights)
    weights.with_suffix(".cfg").write_text(cfg.text)
    peer = cv2.dnn.readNetFromDarknet(str(weights.with_suffix(".cfg")), str(weights))
    x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    peer.setInput(x.numpy())
    theirs = {len(rows): rows for rows in peer.forward(peer.getUnconnectedOutLayersNames())}
    with torch.inference_mode():
        heads = model(x)
    for raw, anchors, stride in zip(heads, model.anchors_wh, model.strides, strict=True):
        ours = to_cxcywh(decode(raw, anchors, stride))[0].permute(1, 2, 0, 3).reshape(-1, 4).numpy()
        rows = theirs[len(ours)]  # as many as cells and anchors
        assert np.allclose(ours, rows[:, :4] * 96, rtol=1e-4, atol=1e-3)
        assert np.abs(raw[0, ..., 4].sigmoid().permute(1, 2, 0).flatten().numpy() - rows[:, 4]).max() < 1e-5
