import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.boxes import Letterbox, decode, iou, shape_iou, suppress, to_cxcywh, to_xyxy


def boxes(*rows):
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4)


def test_an_8_pixel_box_moved_by_3_overlaps_by_5_elevenths():
    assert iou(boxes((0, 0, 8, 8)), boxes((3, 0, 11, 8))).item() == pytest.approx(40 / 88)


def test_iou_is_one_row_a_box_of_a_and_zero_area_scores_zero():
    found = iou(boxes((0, 0, 2, 2), (1, 1, 1, 1)), boxes((0, 0, 2, 2), (1, 0, 3, 2), (5, 5, 6, 6)))
    assert torch.allclose(found, torch.tensor([[1.0, 1 / 3, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64))


def test_touching_boxes_do_not_overlap():
    assert iou(boxes((0, 0, 2, 2)), boxes((2, 0, 4, 2))).item() == 0


def test_iou_wants_four_columns():
    with pytest.raises(ValueError, match=r"boxes are \(N, 4\) and \(M, 4\), not \(2, 5\)"):
        iou(torch.zeros(2, 5), torch.zeros(1, 4))


def test_shape_iou_compares_sizes_alone():
    found = shape_iou(torch.tensor([[10.0, 20.0]]), torch.tensor([[10.0, 20.0], [20.0, 10.0]]))
    assert torch.allclose(found, torch.tensor([[1.0, 1 / 3]]))


def test_zero_logits_are_the_middle_of_the_cell_and_the_anchor_itself():
    found = decode(torch.zeros(1, 1, 2, 3, 7), torch.tensor([[10.0, 6.0]]), 32)
    assert found[0, 0, 1, 2].tolist() == [75.0, 45.0, 85.0, 51.0]  # centre 2.5 * 32, 1.5 * 32


def test_a_huge_size_logit_stays_finite():
    raw = torch.full((1, 1, 1, 1, 6), 1e4)
    assert torch.isfinite(decode(raw, torch.tensor([[10.0, 6.0]]), 32)).all()


@given(st.lists(st.tuples(*[st.floats(-100, 100)] * 2, *[st.floats(0, 100)] * 2), min_size=1, max_size=5))
def test_corners_and_centres_are_inverses(rows):
    given_boxes = boxes(*rows)
    assert torch.allclose(to_cxcywh(to_xyxy(given_boxes)), given_boxes, atol=1e-9)


def naive_suppress(xyxy, scores, classes, threshold):
    left = sorted(range(len(xyxy)), key=lambda i: -scores[i])
    kept = []
    for i in left:
        hidden = any(
            classes[i] == classes[j] and iou(xyxy[i : i + 1], xyxy[j : j + 1]).item() > threshold for j in kept
        )
        if not hidden:
            kept.append(i)
    return kept


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.45, 0.7]))
def test_suppression_agrees_with_a_naive_one(seed, count, threshold):
    g = torch.Generator().manual_seed(seed)
    low = torch.randint(0, 20, (count, 2), generator=g)
    xyxy = torch.cat((low, low + torch.randint(0, 20, (count, 2), generator=g)), dim=1).double()
    scores = torch.randint(0, 6, (count,), generator=g) / 5  # ties on purpose
    classes = torch.randint(0, 3, (count,), generator=g)
    expected = naive_suppress(xyxy, scores.tolist(), classes.tolist(), threshold)
    assert suppress(xyxy, scores, classes, threshold).tolist() == expected


def test_suppression_agrees_with_a_naive_one_across_its_blocks():
    g = torch.Generator().manual_seed(0)
    low = torch.rand(700, 2, generator=g, dtype=torch.float64) * 300
    xyxy = torch.cat((low, low + 20), dim=1)
    scores, classes = torch.rand(700, generator=g), torch.zeros(700, dtype=torch.long)
    matrix, kept = iou(xyxy, xyxy) > 0.45, []
    for i in torch.argsort(scores, descending=True).tolist():
        if not matrix[i, kept].any():
            kept.append(i)
    assert suppress(xyxy, scores, classes, 0.45).tolist() == kept


def test_classes_do_not_hide_each_other():
    twice = boxes((0, 0, 4, 4), (0, 0, 4, 4))
    assert suppress(twice, torch.tensor([0.5, 0.9]), torch.tensor([0, 1]), 0.45).tolist() == [1, 0]


@given(
    st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([96, 416, 608]),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=4),
)  # fmt: skip
def test_a_letterbox_loses_nothing(width, height, side, shares):
    box = Letterbox((width, height), side)
    given_boxes = boxes(*shares) * torch.tensor([width, height] * 2)
    assert torch.allclose(box.out_of(box.into(given_boxes)), given_boxes, atol=1e-6)


def test_a_letterbox_puts_the_whole_picture_at_whole_pixels():
    box = Letterbox((400, 267), 416)
    assert (box.inner_wh, box.offset) == ((416, 278), (0, 69))
    assert torch.allclose(box.into(boxes((0, 0, 400, 267))), boxes((0, 69, 416, 347)))
