import math

import pytest
import torch
import torch.nn.functional as F

from detector.classify.loss import AUXILIARY, softmax_focal, total

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
TRUTHS = torch.tensor([0, 1])


def by_hand(logits, truths, weights, gamma):
    sums = 0.0
    for row, truth in zip(logits.tolist(), truths.tolist(), strict=True):
        p = math.exp(row[truth]) / sum(map(math.exp, row))
        sums += -weights[truth] * (1 - p) ** gamma * math.log(p)
    return sums / len(truths)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_loss_is_the_papers(gamma):
    weights = [0.5, 3.0, 1.0]
    found = softmax_focal(LOGITS, TRUTHS, torch.tensor(weights), gamma)
    assert float(found) == pytest.approx(by_hand(LOGITS, TRUTHS, weights, gamma), rel=1e-5)


def test_without_focus_it_is_torchs_cross_entropy_smoothing_included():
    found = softmax_focal(LOGITS, TRUTHS, smoothing=0.2)
    assert float(found) == pytest.approx(float(F.cross_entropy(LOGITS, TRUTHS, label_smoothing=0.2)), rel=1e-6)


def test_a_sure_answer_has_a_finite_slope():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    softmax_focal(logits, torch.tensor([0]), gamma=0.5).backward()
    assert torch.isfinite(logits.grad).all()


def test_the_auxiliary_head_counts_its_share():
    main = float(softmax_focal(LOGITS, TRUTHS))
    both = total((LOGITS, LOGITS), TRUTHS, None, 0.0, 0.0)
    assert float(both) == pytest.approx(main * (1 + AUXILIARY))
