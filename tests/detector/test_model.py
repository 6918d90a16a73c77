import numpy as np
import pytest
import torch
import torch.nn.functional as F

from detector.cfg import Maxpool, read_cfg
from detector.model import Darknet, Pool, initialise


@pytest.mark.parametrize(
    ("name", "trained", "in_file"),
    # Parameters as published for COCO; the weights files hold the running statistics besides:
    # yolov3.weights has 248,007,048 bytes, yolov3-tiny.weights 35,434,956, with a header of 20.
    [("yolov3", 61_949_149, (248_007_048 - 20) // 4), ("yolov3-tiny", 8_852_366, (35_434_956 - 20) // 4)],
)
def test_parameter_counts_are_the_published_ones(name, trained, in_file):
    model = Darknet(read_cfg(name))
    assert sum(p.numel() for p in model.parameters()) == trained
    statistics = sum(b.numel() for n, b in model.named_buffers() if "running" in n)
    assert trained + statistics == in_file


@pytest.mark.parametrize(
    ("name", "sides"), [("yolov3", (2, 4, 8)), ("yolov3-tiny", (2, 4)), ("yolov3-tiny-3l", (2, 4, 8))]
)
def test_heads_have_a_cell_a_stride_and_three_anchors(name, sides):
    model = Darknet(read_cfg(name).adapt(3)).eval()
    with torch.inference_mode():
        heads = model(torch.zeros(2, 3, 64, 64))
    assert [tuple(head.shape) for head in heads] == [(2, 3, side, side, 8) for side in sides]
    assert model.strides == [64 // side for side in sides]


def test_the_stride_one_pool_looks_one_cell_right_and_down_as_if_minus_infinity_lay_beyond():
    x = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-np.inf), 2, 1)
    assert torch.equal(Pool(Maxpool(line=1, size=2, stride=1))(x), expected)


def test_an_untrained_head_says_nothing_is_here_99_times_in_100():
    model = Darknet(read_cfg("yolov3-tiny").adapt(3))
    initialise(model, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        heads = model.eval()(torch.rand(1, 3, 64, 64))
    assert torch.cat([h[..., 4].sigmoid().flatten() for h in heads]).mean().item() == pytest.approx(0.01, rel=0.5)


def test_the_same_seed_gives_the_same_network():
    networks = [Darknet(read_cfg("yolov3-tiny").adapt(3)) for _ in range(2)]
    for network in networks:
        initialise(network, torch.Generator().manual_seed(3))
    one, two = (network.state_dict() for network in networks)
    assert all(torch.equal(one[name], two[name]) for name in one)
