import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.boxes import Letterbox
from detector.detecting.inference import InTorch
from detector.errors import UserError
from detector.judging.found import Found, Truth
from detector.judging.original_metric import merged, original_batch, original_report
from detector.network.cfg import read_cfg
from detector.network.model import Darknet, initialise

WHOLE = Letterbox((100, 100), 100)


def plus_one(a, b):
    w, h = (max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i]) + 1) for i in (0, 1))
    areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
    return w * h / (areas[0] + areas[1] - w * h + 1e-16)


def slow_map(detections, truths):
    """One box after the other, as the study's fork does."""
    rows, labels = [], [c for t in truths for c in t.classes.tolist()]
    for found, truth in zip(detections, truths, strict=True):
        taken = []
        for box, label, score in zip(found.xyxy, found.classes, found.scores, strict=True):
            right = 0
            if len(taken) < len(truth.classes) and label in truth.classes:
                overlap = [plus_one(box, there) for there in truth.xyxy]
                best = int(np.argmax(overlap))
                if overlap[best] >= 0.5 and best not in taken:
                    right = 1
                    taken.append(best)
            rows.append((score, label, right))
    rows.sort(key=lambda row: -row[0])
    aps = []
    for number in sorted(set(labels)):
        right = wrong = 0
        recall, precision = [0.0], [0.0]
        for _, label, hit in rows:
            if label == number:
                right, wrong = right + hit, wrong + 1 - hit
                recall.append(right / labels.count(number))
                precision.append(right / (right + wrong))
        recall.append(1.0)
        precision.append(0.0)
        aps.append(sum((recall[i + 1] - recall[i]) * max(precision[i + 1 :]) for i in range(len(recall) - 1)))
    return aps


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_every_ap_is_the_studys(seed, pictures):
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(pictures):
        low = rng.uniform(0, 60, (rng.integers(0, 5), 2))
        boxes = np.concatenate((low, low + rng.uniform(5, 25, low.shape)), axis=1)
        truths.append(Truth(boxes, rng.integers(0, 3, len(boxes))))
        count = rng.integers(0, 9) if len(boxes) else int(rng.integers(0, 2))
        base = boxes[rng.integers(0, len(boxes), count)] if len(boxes) else np.full((count, 4), [1.0, 1, 9, 9])
        guess = base + rng.normal(0, 2, (count, 4))
        detections.append(Found(guess, rng.integers(0, 3, count), rng.uniform(0.5, 1, count)))
    report = original_report(detections, truths, [WHOLE] * pictures, ("a", "b", "c"))
    assert list(report.aps.values()) == pytest.approx(slow_map(detections, truths), abs=1e-9)


def test_any_class_that_occurs_in_the_picture_will_do():
    """What makes it more lenient: the box lies on the other class's object."""
    there = Truth(np.array([[0.0, 0, 20, 20], [50, 50, 70, 70]]), np.array([0, 1]))
    guess = Found(np.array([[50.0, 50, 70, 70]]), np.array([0]), np.array([0.9]))
    assert original_report([guess], [there], [WHOLE], ("a", "b")).aps == {"a": pytest.approx(1), "b": 0}


def test_a_pixel_is_added_in_the_pixels_of_the_square():
    there, guess = Truth(np.array([[0.0, 0, 8, 8]]), np.array([0])), np.array([[3.0, 0, 11, 8]])
    found = Found(guess, np.array([0]), np.array([0.9]))
    assert plus_one(there.xyxy[0], guess[0]) == pytest.approx(0.5)  # 40 / 88 without
    assert original_report([found], [there], [Letterbox((100, 100), 100)], ("a",)).mean_ap == pytest.approx(1)
    larger = Found(guess * 4, np.array([0]), np.array([0.9]))
    assert original_report([larger], [there], [Letterbox((100, 100), 400)], ("a",)).mean_ap == 0


def test_boxes_of_a_class_are_merged_by_objectness_and_the_unsure_are_left_out():
    rows = torch.tensor(
        [
            [0, 0, 10, 10, 0.6, 0.9, 0.1],
            [0, 0, 10, 14, 0.9, 0.5, 0.1],  # less sure by objectness x class: joins the first
            [0, 0, 10, 10, 0.8, 0.2, 0.6],  # another class
            [50, 50, 60, 60, 0.49, 1.0, 0.0],
        ],
        dtype=torch.float64,
    )
    found = merged(rows)
    assert found.classes.tolist() == [0, 1] and found.scores.tolist() == [0.6, 0.8]
    assert found.xyxy[0].tolist() == pytest.approx([0, 0, 10, (0.6 * 10 + 0.9 * 14) / 1.5])


def test_a_network_is_judged_in_squares_and_an_exported_one_is_refused(small_cfg):
    model = Darknet(read_cfg(small_cfg)).eval()
    initialise(model, torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.convolutions[-1].conv.bias[4::7] = 3.0
    found = original_batch(InTorch(model), torch.rand(2, 3, 96, 96), [WHOLE, WHOLE])
    assert len(found) == 2 and all((one.scores >= 0.5).all() and len(one.scores) for one in found)

    class Exported:
        device = torch.device("cpu")

    with pytest.raises(UserError, match=r"an exported model tells no objectness, expected a \.pt or \.weights file"):
        original_batch(Exported(), torch.rand(1, 3, 96, 96), [WHOLE])
