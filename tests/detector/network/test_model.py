import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from detector.network.cfg import Maxpool, parse_cfg, read_cfg
from detector.network.model import Darknet, Pool, initialise


@pytest.mark.parametrize(
    ("name", "trained", "in_file"),
    # Parameters as published for COCO; the weights files hold the running statistics besides:
    # yolov3.weights has 248,007,048 bytes, yolov3-tiny.weights 35,434,956, with a header of 20.
    # yolov3-spp.weights 252,209,544 bytes.
    [
        ("yolov3", 61_949_149, (248_007_048 - 20) // 4),
        ("yolov3-spp", 62_998_749, (252_209_544 - 20) // 4),
        ("yolov3-tiny", 8_852_366, (35_434_956 - 20) // 4),
    ],
)
def test_parameter_counts_are_the_published_ones(name, trained, in_file):
    model = Darknet(read_cfg(name))
    assert sum(p.numel() for p in model.parameters()) == trained
    statistics = sum(b.numel() for n, b in model.named_buffers() if "running" in n)
    assert trained + statistics == in_file


@pytest.mark.parametrize(
    ("name", "sides"), [("yolov3-spp", (2, 4, 8)), ("yolov3-tiny", (2, 4)), ("yolov3-tiny-3l", (2, 4, 8))]
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


def naive_pool(x, size, stride, padding):
    """Darknet's forward_maxpool_layer: the window begins padding // 2 before the cell; what lies outside is -inf."""
    side = (x.shape[-1] + padding - size) // stride + 1
    out = torch.full((*x.shape[:2], side, side), -np.inf)
    for row, column in itertools.product(range(side), repeat=2):
        top, left = row * stride - padding // 2, column * stride - padding // 2
        window = x[..., max(0, top) : top + size, max(0, left) : left + size]
        out[..., row, column] = window.amax(dim=(-1, -2))
    return out


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [(2, 2, -1), (2, 1, -1), (3, 2, -1), (3, 2, 1), (3, 1, -1), (5, 1, -1), (13, 1, -1), (4, 2, -1), (4, 2, 2)],
)
def test_pools_are_darknets(size, stride, padding):
    x = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = naive_pool(x, size, stride, size - 1 if padding < 0 else padding)
    assert torch.equal(Pool(Maxpool(1, size, stride, padding))(x), expected)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 1, -1), (3, 2, 1), (4, 2, -1), (5, 1, -1)])
def test_the_gradients_of_pools_in_training_are_darknets(size, stride, padding):
    x = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pool, expected = Pool(Maxpool(1, size, stride, padding)), naive_pool(x, size, stride, max(padding, 0) or size - 1)
    pooled = pool.train()(x)
    assert torch.equal(pooled, expected) and torch.equal(pooled, pool.eval()(x))
    (one,), (other,) = (torch.autograd.grad(out.square().sum(), x) for out in (pooled, expected))
    assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_gradient_of_a_padded_pool_has_the_strides_that_are_foretold_of_it(kind):
    """torch.compile foretells them on tensors without values, and stops the run where they are others."""

    def strides(device):
        x = torch.zeros(2, 4, 6, 6, dtype=kind, device=device).to(memory_format=torch.channels_last).requires_grad_()
        pooled = Pool(Maxpool(1, size=2, stride=1)).train()(x)
        return torch.autograd.grad(pooled, x, torch.zeros_like(pooled))[0].stride()

    assert strides("cpu") == strides("meta")


HEAD = "[convolutional]\nfilters={}\nactivation=linear\n[yolo]\nanchors=8,8\nclasses={}\n"


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("linear", lambda x: x),
        ("leaky", lambda x: torch.where(x > 0, x, 0.1 * x)),
        ("relu", lambda x: x.clamp(min=0)),
        ("logistic", lambda x: 1 / (1 + torch.exp(-x))),
        ("mish", lambda x: x * torch.tanh(torch.log1p(torch.exp(x)))),
        ("swish", lambda x: x / (1 + torch.exp(-x))),
    ],
)
def test_activations_are_those_of_their_names_in_convolutions_and_shortcuts(activation, function):
    body = f"[convolutional]\nfilters=3\nactivation={activation}\n[shortcut]\nfrom=-1\nactivation={activation}\n"
    model = Darknet(parse_cfg("[net]\n" + body + HEAD.format(6, 1), "x"))
    x = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        once = function(model.layers[0].conv(x))
        raw = model.layers[2](function(once + once))
        assert torch.allclose(model(x)[0], raw.view(1, 1, 6, 4, 4).permute(0, 1, 3, 4, 2), atol=1e-5)


def test_a_route_of_groups_takes_one_part_of_the_channels():
    body = "[convolutional]\nfilters=4\nactivation=linear\n[route]\nlayers=-1\ngroups=2\ngroup_id=1\n"
    model = Darknet(parse_cfg("[net]\n" + body + HEAD.format(6, 1), "x"))
    x = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        raw = model.layers[2](model.layers[0](x)[:, 2:])
        assert torch.equal(model(x)[0], raw.view(1, 1, 6, 4, 4).permute(0, 1, 3, 4, 2))


def test_a_convolution_of_groups_is_as_many_convolutions_side_by_side():
    body = "[convolutional]\nfilters=4\nactivation=linear\n[convolutional]\nfilters=6\ngroups=2\nactivation=linear\n"
    model = Darknet(parse_cfg("[net]\n" + body + HEAD.format(6, 1), "x"))
    assert model.layers[1].conv.weight.shape == (6, 2, 1, 1)
    assert model.layers[2].conv.in_channels == 6


def test_a_convolution_without_batch_normalize_has_a_bias_and_no_norm():
    body = "[convolutional]\nbatch_normalize=0\nfilters=4\nactivation=leaky\n"
    model = Darknet(parse_cfg("[net]\n" + body + HEAD.format(6, 1), "x"))
    assert model.layers[0].conv.bias is not None and not hasattr(model.layers[0].norm, "running_mean")


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


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov3-tiny-3l"])
def test_activating_after_the_pool_changes_no_value_and_no_gradient(name):
    found = []
    for late in (True, False):
        model = Darknet(read_cfg(name).adapt(3)).train()
        initialise(model, torch.Generator().manual_seed(0))
        assert model._late >= {0, 2, 4}
        if not late:
            model._late = set()
        heads = model(torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1)))
        sum(head.square().mean() for head in heads).backward()
        found.append((heads, [parameter.grad for parameter in model.parameters()]))
    assert all(torch.equal(a, b) for a, b in zip(found[0][0], found[1][0], strict=True))
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(found[0][1], found[1][1], strict=True))


def test_an_activation_that_is_asked_for_elsewhere_is_not_moved():
    layers = read_cfg("yolov3-tiny").layers
    late = Darknet(read_cfg("yolov3-tiny"))._late
    assert late == {0, 2, 4, 6, 10} and 8 not in late and len(layers) == 24  # 8 is routed to the second head
