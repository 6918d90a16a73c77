import math

import pytest
import torch

from detector.assign import assign, ignored
from detector.boxes import decode, iou
from detector.loss import LossSettings, loss
from detector.overlaps import ciou

ANCHORS = [torch.tensor([[40.0, 40.0], [60.0, 30.0]]), torch.tensor([[8.0, 8.0], [20.0, 10.0]])]
STRIDES = [32, 16]


def truth(picture, number, cx, cy, w, h):
    return [float(picture), float(number), float(cx), float(cy), float(w), float(h)]


def heads(seed, dtype=torch.float64, classes=2, batch=2):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, 2, 64 // s, 96 // s, 5 + classes, generator=g, dtype=dtype) for s in STRIDES]


def listed(slots):
    return [
        list(zip(*(t.tolist() for t in (s.picture, s.anchor, s.row, s.column, s.truth)), strict=True)) for s in slots
    ]


def test_the_best_anchor_over_all_heads_decides_the_one_cell():
    truths = torch.tensor([truth(1, 0, 70, 20, 9, 9)])  # fits 8 x 8 by 64 / 81, the next by 81 / 209
    assert listed(assign(truths, ANCHORS, STRIDES, (64, 96), positive=0.5)) == [[], [(1, 0, 1, 4, 0)]]


def test_other_anchors_above_the_threshold_answer_too():
    truths = torch.tensor([truth(0, 0, 70, 20, 40, 38)])  # 40 x 40: .95; 60 x 30: .526; the small ones below .2
    assert listed(assign(truths, ANCHORS, STRIDES, (64, 96), 0.5)) == [[(0, 0, 0, 2, 0), (0, 1, 0, 2, 0)], []]


def test_a_truth_that_fits_nothing_still_has_its_best_anchor():
    truths = torch.tensor([truth(0, 0, 5, 5, 2, 60)])
    assert sum(map(len, listed(assign(truths, ANCHORS, STRIDES, (64, 96), 0.9)))) == 1


def test_of_two_truths_in_one_slot_the_better_fitting_is_answered_for():
    truths = torch.tensor([truth(0, 0, 18, 18, 7, 7), truth(0, 1, 20, 20, 8, 8), truth(0, 1, 21, 21, 6, 6)])
    assert listed(assign(truths, ANCHORS, STRIDES, (64, 96), 0.5))[1] == [(0, 0, 1, 1, 1)]


def test_a_centre_on_the_far_edge_belongs_to_the_last_cell():
    truths = torch.tensor([truth(0, 0, 96, 64, 40, 40)])
    assert listed(assign(truths, ANCHORS, STRIDES, (64, 96), 0.9))[0] == [(0, 0, 1, 2, 0)]


def slow_ciou(a, b):
    """Zheng et al., 2020, one pair at a time."""
    iw, ih = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(iw, 0) * max(ih, 0)
    aw, ah, bw, bh = a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]
    overlap = shared / (aw * ah + bw * bh - shared)
    centre = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    diagonal = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    v = 4 / math.pi**2 * (math.atan(bw / bh) - math.atan(aw / ah)) ** 2
    return overlap - centre / diagonal - (v / (1 - overlap + v) * v if v else 0)


def slow_loss(raw_heads, truths, how):
    """The same sums with loops over every cell."""
    bce = lambda x, y: math.log1p(math.exp(-abs(x))) + max(x, 0) - x * y  # noqa: E731
    slots = listed(assign(truths, ANCHORS, STRIDES, (64, 96), how.positive))
    box = objectness = classes = 0.0
    for raw, anchors, stride, own in zip(raw_heads, ANCHORS, STRIDES, slots, strict=True):
        answers = {slot[:4]: slot[4] for slot in own}
        for b in range(raw.shape[0]):
            for a in range(raw.shape[1]):
                for row in range(raw.shape[2]):
                    for column in range(raw.shape[3]):
                        x, y, w, h, o, *logits = raw[b, a, row, column].tolist()
                        cx, cy = (column + 1 / (1 + math.exp(-x))) * stride, (row + 1 / (1 + math.exp(-y))) * stride
                        bw, bh = math.exp(w) * anchors[a, 0].item(), math.exp(h) * anchors[a, 1].item()
                        guess = [cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2]
                        t = answers.get((b, a, row, column))
                        corners = [
                            [q[2] - q[4] / 2, q[3] - q[5] / 2, q[2] + q[4] / 2, q[3] + q[5] / 2]
                            for q in truths.tolist()
                        ]
                        if t is not None:
                            objectness += bce(o, 1)
                            box += 1 - slow_ciou(guess, corners[t])
                            classes += sum(bce(z, float(i == truths[t, 1])) for i, z in enumerate(logits))
                            continue
                        same = [c for c, q in zip(corners, truths.tolist(), strict=True) if q[0] == b]
                        pair = lambda c, g=guess: iou(torch.tensor([g]), torch.tensor([c])).item()  # noqa: E731
                        if not any(pair(c) > how.ignore for c in same):
                            objectness += bce(o, 0)
    count = max(1, sum(map(len, slots)))
    return how.box * box / count, how.objectness * objectness / count, how.classes * classes / count


TRUTHS = torch.tensor(
    [truth(0, 0, 50, 30, 38, 44), truth(0, 1, 20, 20, 9, 8), truth(1, 1, 80, 50, 22, 12), truth(1, 0, 81, 51, 21, 11)],
    dtype=torch.float64,
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ignore", [0.1, 0.7])
def test_the_terms_agree_with_loops_over_every_cell(seed, ignore):
    how = LossSettings(ignore=ignore)
    raw = heads(seed)
    terms = loss(raw, TRUTHS, ANCHORS, STRIDES, how)
    assert terms.values().tolist() == pytest.approx(slow_loss(raw, TRUTHS, how), rel=1e-9)
    assert terms.total.item() == pytest.approx(sum(terms.values().tolist()))


def test_the_gradient_is_the_numerical_one():
    """Alpha of CIoU takes no gradient by design, so truths and boxes of one shape are compared (v is flat there)."""
    raw = [head.requires_grad_() for head in heads(1)]
    how = LossSettings(box=0.0)
    assert torch.autograd.gradcheck(
        lambda *hs: loss(list(hs), TRUTHS, ANCHORS, STRIDES, how).total, raw, fast_mode=True
    )


def test_the_gradient_of_ciou_is_the_numerical_one_with_alpha_held():
    a = torch.tensor([[0.0, 1.0, 5.0, 9.0], [3.0, 3.0, 9.0, 5.0], [20.0, 0.0, 30.0, 8.0]], dtype=torch.float64)
    b = torch.tensor([[1.0, 0.0, 7.0, 8.0], [2.0, 2.0, 8.0, 7.0], [0.0, 0.0, 10.0, 7.0]], dtype=torch.float64)
    step, rows = 1e-6, []
    alpha = [_alpha(p, q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]
    for i in range(4):
        moved = torch.zeros(4, dtype=torch.float64)
        moved[i] = step
        up, down = (
            [_held(p, q, w) for p, q, w in zip((a + m).tolist(), b.tolist(), alpha, strict=True)]
            for m in (moved, -moved)
        )
        rows.append([(u - d) / (2 * step) for u, d in zip(up, down, strict=True)])
    a.requires_grad_()
    ciou(a, b).sum().backward()
    assert torch.allclose(a.grad, torch.tensor(rows, dtype=torch.float64).T, atol=1e-6)


def _aspect(p, q):
    return 4 / math.pi**2 * (math.atan((q[2] - q[0]) / (q[3] - q[1])) - math.atan((p[2] - p[0]) / (p[3] - p[1]))) ** 2


def _alpha(p, q):
    v = _aspect(p, q)
    overlap = iou(torch.tensor([p], dtype=torch.float64), torch.tensor([q], dtype=torch.float64)).item()
    return v / (1 - overlap + v)


def _held(p, q, alpha):
    v = _aspect(p, q)
    return slow_ciou(p, q) + (_alpha(p, q) - alpha) * v


def test_a_perfect_box_has_a_ciou_of_one_and_a_far_one_less_than_zero():
    box = torch.tensor([[0.0, 0.0, 4.0, 6.0]], dtype=torch.float64)
    assert ciou(box, box).item() == pytest.approx(1)
    assert ciou(box, box + 50).item() < 0


def test_the_ignore_threshold_compares_predicted_boxes_at_every_cell():
    raw = torch.zeros(1, 2, 2, 3, 7)
    boxes = decode(raw, ANCHORS[0], 32)
    truths = torch.tensor([truth(0, 0, 48, 16, 40, 40)])  # exactly what anchor 0 predicts in row 0, column 1
    assert ignored(boxes, truths, 0.7).nonzero().tolist() == [[0, 0, 0, 1]]


def test_pictures_without_truths_teach_only_that_nothing_is_there():
    terms = loss(heads(0), torch.zeros(0, 6), ANCHORS, STRIDES)
    box, objectness, classes = terms.values().tolist()
    assert (box, classes) == (0, 0) and objectness > 0


def test_parts_of_a_batch_put_together_by_their_counts_are_the_whole():
    raw = heads(seed=3)
    rows = [truth(0, 0, 20, 20, 30, 30), truth(0, 1, 50, 40, 9, 9), truth(1, 1, 60, 30, 50, 28)]
    whole = loss(raw, torch.tensor(rows), ANCHORS, STRIDES)
    first = loss([head[:1] for head in raw], torch.tensor(rows[:2]), ANCHORS, STRIDES)
    second = loss([head[1:] for head in raw], torch.tensor([[0.0, *rows[2][1:]]]), ANCHORS, STRIDES)
    assert whole.count == first.count + second.count
    together = (first.total * first.count + second.total * second.count) / whole.count
    assert float(together) == pytest.approx(float(whole.total), rel=1e-9)
