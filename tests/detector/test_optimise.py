import pytest
import torch

from detector.cfg import read_cfg
from detector.model import Darknet
from detector.optimise import Average, optimiser, rate, set_rate, warm_up_steps


def test_only_kernels_are_decayed(small_cfg):
    model = Darknet(read_cfg(small_cfg))
    groups = optimiser(model).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert all((group["weight_decay"] > 0) == (p.ndim == 4) for group in groups for p in group["params"])


def test_the_rate_rises_then_falls_to_a_hundredth():
    values = [rate(step, 1000, 100) for step in range(1000)]
    assert values[0] == pytest.approx(1 / 101) and max(values) == values[100] == 1
    assert values[:101] == sorted(values[:101]) and values[100:] == sorted(values[100:], reverse=True)
    assert rate(1000, 1000, 100) == pytest.approx(0.01)


@pytest.mark.parametrize(("steps", "epochs", "expected"), [(76, 3, 22), (76, 100, 500), (300, 100, 900), (1, 1, 0)])
def test_the_rise_is_never_over_a_tenth_of_the_run(steps, epochs, expected):
    assert warm_up_steps(steps, epochs) == expected


def test_every_group_gets_the_rate(small_cfg):
    optimizer = optimiser(Darknet(read_cfg(small_cfg)))
    set_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]


def test_the_average_follows_quickly_at_first_and_its_memory_is_a_twentieth_of_the_run(small_cfg):
    model = Darknet(read_cfg(small_cfg))
    average = Average(model, steps=400)
    assert average.longest == pytest.approx(0.95)
    assert Average(model, steps=10**6).longest == 0.9998
    before = average.model.convolutions[0].conv.weight.clone()
    with torch.no_grad():
        model.convolutions[0].conv.weight.add_(1)
        model.convolutions[0].norm.running_mean.add_(1)
    average.update(model, step=1)  # decay 2 / 11
    assert torch.allclose(average.model.convolutions[0].conv.weight, before + 9 / 11)
    assert torch.allclose(average.model.convolutions[0].norm.running_mean, torch.full((16,), 9 / 11))
