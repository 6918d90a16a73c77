import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.boxes import iou
from detector.detecting.suppression import LEAST, METHODS, SIGMA, distance_iou, thin


def boxes(*rows):
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4)


def overlap(a, b):
    return iou(a[None], b[None]).item()


def naive(xyxy, scores, classes, threshold, method):
    """(index, score) of what stays, one box after the other."""
    left, values, kept = list(range(len(scores))), scores.tolist(), []
    while left:
        best = max(left, key=lambda i: (values[i], -i))
        left.remove(best)
        if values[best] < LEAST and method.startswith("soft"):
            break
        kept.append((best, values[best]))
        for i in [i for i in left if classes[i] == classes[best]]:
            shared = overlap(xyxy[best], xyxy[i])
            if method == "soft":
                values[i] *= math.exp(-(shared**2) / SIGMA)
            elif method == "soft-linear":
                values[i] *= 1 - shared if shared > threshold else 1
            else:
                measure = distance_iou(xyxy[best][None], xyxy[i][None]).item() if method == "diou" else shared
                if measure > threshold:
                    left.remove(i)
    return sorted(kept, key=lambda row: -row[1])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.sampled_from(["greedy", *METHODS]), st.booleans())
def test_every_method_agrees_with_a_naive_one(seed, count, method, agnostic):
    g = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=g, dtype=torch.float64) * 20
    xyxy = torch.cat((low, low + 3 + torch.rand(count, 2, generator=g, dtype=torch.float64) * 15), dim=1)
    scores = torch.rand(count, generator=g, dtype=torch.float64)
    classes = torch.randint(0, 2, (count,), generator=g)
    groups = (classes * (not agnostic)).tolist()
    expected = naive(xyxy, scores, groups, 0.45, method)
    own, values, kept = thin(xyxy, scores, classes, 0.45, method, agnostic)
    assert kept.tolist() == [i for i, _ in expected]
    assert values.tolist() == pytest.approx([value for _, value in expected])
    if method != "merge":
        assert torch.equal(own, xyxy[kept])


def test_merged_boxes_are_means_weighted_by_score():
    own, values, kept = thin(
        boxes((0, 0, 10, 10), (0, 0, 10, 12), (50, 50, 60, 60)),
        torch.tensor([0.6, 0.2, 0.3]), torch.zeros(3, dtype=torch.long), 0.45, "merge",
    )  # fmt: skip
    assert kept.tolist() == [0, 2] and values.tolist() == pytest.approx([0.6, 0.3])
    assert own[0].tolist() == pytest.approx([0, 0, 10, (0.6 * 10 + 0.2 * 12) / 0.8])


def test_distance_iou_keeps_a_neighbour_that_greedy_suppression_loses():
    pair, scores, classes = boxes((0, 0, 10, 10), (3.6, 0, 13.6, 10)), torch.tensor([0.9, 0.8]), torch.zeros(2).long()
    assert len(thin(pair, scores, classes, 0.45)[2]) == 1
    assert len(thin(pair, scores, classes, 0.45, "diou")[2]) == 2
    assert distance_iou(pair[:1], pair[1:]).item() == pytest.approx(6.4 / 13.6 - 3.6**2 / (13.6**2 + 10**2))


def test_without_regard_to_classes_the_better_of_two_classes_stays():
    twice = boxes((0, 0, 4, 4), (0, 0, 4, 4))
    assert thin(twice, torch.tensor([0.5, 0.9]), torch.tensor([0, 1]), 0.45, agnostic=True)[2].tolist() == [1]
