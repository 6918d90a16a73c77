import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector.network.cfg import read_cfg
from detector.network.model import Darknet
from detector.network.transfer import Transferring, groups
from detector.training.optimise import Average, Schedule, optimiser, scale_and_clip, set_rate, warm_up_steps


def test_the_rate_rises_then_falls_to_a_hundredth():
    rate = Schedule("cosine", 1000, 100)
    values = [rate(step) for step in range(1000)]
    assert values[0] == pytest.approx(1 / 101) and max(values) == values[100] == 1
    assert values[:101] == sorted(values[:101]) and values[100:] == sorted(values[100:], reverse=True)
    assert rate(1000) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [  # at a tenth of 1,000 steps, half way down, at 8 and 9 tenths, at the end
        ("cosine", [1, 0.55, 0.1 + 0.9 * 0.1169778, 0.1 + 0.9 * 0.0301537, 0.1]),
        ("linear", [1, 0.55, 0.3, 0.2, 0.1]),
        ("step", [1, 1, 0.1, 0.01, 0.01]),
        ("constant", [1, 1, 1, 1, 1]),
    ],
)
def test_each_schedule_falls_its_own_way(kind, expected):
    rate = Schedule(kind, 1000, 100, last=0.1)
    assert rate(49) == pytest.approx(50 / 101)
    assert [rate(step) for step in (100, 550, 800, 900, 1000)] == pytest.approx(expected)


@pytest.mark.parametrize(("steps", "epochs", "expected"), [(76, 3, 22), (76, 100, 500), (300, 100, 900), (1, 1, 0)])
def test_the_rise_is_never_over_a_tenth_of_the_run(steps, epochs, expected):
    assert warm_up_steps(steps, epochs) == expected


def test_every_group_gets_its_share_of_the_rate(small_cfg):
    model = Darknet(read_cfg(small_cfg))
    optimizer = optimiser(groups(model, Transferring(body_lr=0.1), 0.1, 0.0), "sgd", 0.9)
    set_rate(optimizer, 0.5)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == [0.05, 0.5]


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_fused_step_on_channels_last_kernels_is_the_plain_one(name):
    draw = torch.Generator().manual_seed(0)
    start, *gradients = (torch.randn(8, 4, 3, 3, generator=draw) for _ in range(4))
    moved = []
    for fused, layout in ((True, torch.channels_last), (False, torch.contiguous_format)):
        weight = torch.nn.Parameter(start.clone().contiguous(memory_format=layout))
        optimizer = optimiser([{"params": [weight], "lr": 0.1, "weight_decay": 0.1}], name, 0.9)
        assert optimizer.defaults["fused"]
        optimizer.param_groups[0]["fused"] = fused
        for gradient in gradients:
            weight.grad = gradient.clone().contiguous(memory_format=layout)
            optimizer.step()
        moved.append(weight.detach())
    assert torch.allclose(*moved, atol=1e-6) and not torch.allclose(moved[0], start, atol=1e-2)


def test_a_first_step_that_the_loss_scale_skips_leaves_nothing_behind():
    weight, scaler = torch.nn.Parameter(torch.ones(1000)), torch.amp.GradScaler("cpu")
    optimizer = optimiser([{"params": [weight], "lr": 0.1, "weight_decay": 0.0}], "sgd", 0.9)
    for slope in (float("inf"), 1.0):
        scaler.scale((weight * slope).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    assert torch.allclose(weight, torch.full((1000,), 1 - 0.1 * 1.9))  # Nesterov: g + .9 g, once


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=4), st.floats(0.01, 10), st.sampled_from([0.0, 1.0, 50.0]))
def test_scaling_and_clipping_is_torchs_own(values, factor, largest):
    one, two = (torch.nn.Parameter(torch.zeros(len(values))) for _ in range(2))
    one.grad = torch.tensor(values)
    two.grad = torch.tensor(values) * factor
    scale_and_clip([one], factor, largest)
    if largest:
        torch.nn.utils.clip_grad_norm_([two], largest)
    assert torch.allclose(one.grad, two.grad, rtol=1e-4, atol=1e-5)


def test_the_average_follows_quickly_at_first_and_its_memory_is_a_twentieth_of_the_run(small_cfg):
    model = Darknet(read_cfg(small_cfg))
    average = Average(model, steps=400)
    assert average.longest == pytest.approx(0.95)
    assert Average(model, steps=10**6).longest == 0.9998 and Average(model, 10**6, longest=0.9).longest == 0.9
    before = average.model.convolutions[0].conv.weight.clone()
    with torch.no_grad():
        model.convolutions[0].conv.weight.add_(1)
        model.convolutions[0].norm.running_mean.add_(1)
        model.convolutions[0].norm.num_batches_tracked.add_(7)
    average.update(step=1)  # decay 2 / 11
    assert torch.allclose(average.model.convolutions[0].conv.weight, before + 9 / 11)
    assert torch.allclose(average.model.convolutions[0].norm.running_mean, torch.full((16,), 9 / 11))
    assert int(average.model.convolutions[0].norm.num_batches_tracked) == 7


def test_an_average_without_memory_is_the_network(small_cfg):
    model = Darknet(read_cfg(small_cfg))
    average = Average(model, steps=400, longest=0)
    with torch.no_grad():
        model.convolutions[0].conv.weight.uniform_(-9, 9)
    average.update(step=300)
    assert torch.equal(average.model.convolutions[0].conv.weight, model.convolutions[0].conv.weight)
