"""Against the papers' formulas, one pair at a time, in plain floats."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.loss.overlaps import FORMS, ciou, diou, giou, iou


def slow(a, b, form):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    aw, ah, bw, bh = a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]
    union = aw * ah + bw * bh - shared
    if form == "iou":
        return shared / union
    hull_w, hull_h = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    if form == "giou":
        return shared / union - (hull_w * hull_h - union) / (hull_w * hull_h)
    centres = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    value = shared / union - centres / (hull_w**2 + hull_h**2)
    if form == "diou":
        return value
    v = 4 / math.pi**2 * (math.atan(bw / bh) - math.atan(aw / ah)) ** 2
    return value - (v * v / (1 - shared / union + v) if v else 0)


corner, size = st.floats(-50, 50), st.floats(1, 40)
boxes = st.tuples(corner, corner, size, size).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


@settings(deadline=None, max_examples=60)
@given(boxes, boxes, st.sampled_from(sorted(FORMS)))
def test_each_form_is_its_papers_formula(a, b, form):
    pair = (torch.tensor([box], dtype=torch.float64) for box in (a, b))
    assert FORMS[form](*pair).item() == pytest.approx(slow(a, b, form), abs=1e-9)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_box_agrees_with_itself_wholly_and_with_a_far_one_less_the_farther_it_is(form):
    box = torch.tensor([[0.0, 0.0, 4.0, 6.0]])
    same, near, far = (FORMS[form](box, box + step).item() for step in (0, 10, 50))
    assert same == pytest.approx(1, abs=1e-6)
    assert (near, far) == (0, 0) if form == "iou" else 0 > near > far


@pytest.mark.parametrize("form", [iou, giou, diou])
def test_the_gradient_is_the_numerical_one(form):
    a = torch.tensor([[0.0, 1.0, 5.0, 9.0], [3.0, 3.0, 9.0, 5.0], [20.0, 0.0, 30.0, 8.0]], dtype=torch.float64)
    b = torch.tensor([[1.0, 0.0, 7.0, 8.0], [2.0, 2.0, 8.0, 7.0], [0.0, 1.0, 10.0, 7.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(form, (a.requires_grad_(), b.requires_grad_()))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_box_without_area_gives_finite_values_and_gradients(form):
    flat = torch.tensor([[3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 9.0]], requires_grad=True)
    value = FORMS[form](flat, torch.tensor([[0.0, 0.0, 5.0, 5.0], [3.0, 3.0, 3.0, 9.0]]))
    value.sum().backward()
    assert torch.isfinite(value).all() and torch.isfinite(flat.grad).all()


def test_ciou_differs_from_diou_by_the_aspect_alone():
    tall, wide = torch.tensor([[0.0, 0.0, 2.0, 8.0]]), torch.tensor([[-3.0, 3.0, 5.0, 5.0]])
    assert ciou(tall, wide) < diou(tall, wide)
    assert ciou(tall, tall + 1).item() == pytest.approx(diou(tall, tall + 1).item())
