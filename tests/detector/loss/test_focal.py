"""Against equation 5 of Lin et al., 2017, in plain floats."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.loss.focal import focal


def slow(logit, there, gamma, alpha):
    p = 1 / (1 + math.exp(-logit))
    p_t, alpha_t = (p, alpha) if there else (1 - p, 1 - alpha)
    return -alpha_t * (1 - p_t) ** gamma * math.log(p_t)


@settings(deadline=None, max_examples=60)
@given(st.floats(-12, 12), st.booleans(), st.floats(0, 5), st.floats(0, 1))
def test_it_is_equation_5(logit, there, gamma, alpha):
    value = focal(torch.tensor([logit], dtype=torch.float64), torch.tensor([float(there)]).double(), gamma, alpha)
    assert value.item() == pytest.approx(slow(logit, there, gamma, alpha), rel=1e-7, abs=1e-12)


def test_without_gamma_and_alpha_it_is_cross_entropy_also_of_smoothed_targets():
    logits, targets = torch.linspace(-9, 9, 19).double(), torch.linspace(0, 1, 19).double()
    plain = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    assert torch.equal(focal(logits, targets), plain)
    assert torch.allclose(focal(logits, targets, 1e-12), plain, atol=1e-9)


def test_an_easy_example_counts_a_hundred_times_less():
    """p_t = .9, gamma 2: the paper's own example."""
    logit = torch.tensor([math.log(9.0)])
    assert (focal(logit, torch.ones(1)) / focal(logit, torch.ones(1), 2.0)).item() == pytest.approx(100, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_gradient_is_the_numerical_one(gamma):
    logits = torch.tensor([-3.0, -0.2, 0.0, 0.7, 4.0], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0.0, 1.0, 0.3, 1.0, 0.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: focal(z, targets, gamma, 0.25), (logits,))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_nothing_overflows_however_sure_the_network_is(gamma):
    logits = torch.tensor([-1e4, -200.0, 200.0, 1e4], requires_grad=True)
    for target in (0.0, 1.0):
        value = focal(logits, torch.full((4,), target), gamma, 0.25)
        (grad,) = torch.autograd.grad(value.sum(), logits)
        assert torch.isfinite(value).all() and torch.isfinite(grad).all()
