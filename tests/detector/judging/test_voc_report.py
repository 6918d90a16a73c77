import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.judging.found import Found, Truth, overlaps
from detector.judging.voc_report import voc_report


def slow_ap(detections, truths, number):
    """As VOC's development kits do: (11 points, area), with one detection after the other."""
    rows = [
        (score, p, box)
        for p, one in enumerate(detections)
        for box, label, score in zip(one.xyxy, one.classes, one.scores, strict=True)
        if label == number
    ]
    rows.sort(key=lambda row: -row[0])
    taken, right, wrong, precision, recall = set(), 0, 0, [], []
    there = sum(int(((t.classes == number) & ~t.difficult).sum()) for t in truths)
    for _, p, box in rows:
        own = np.flatnonzero(truths[p].classes == number)
        overlap = overlaps(box[None], truths[p].xyxy[own])[0] if len(own) else np.zeros(0)
        best = int(overlap.argmax()) if len(own) else -1
        if best >= 0 and overlap[best] >= 0.5:
            if truths[p].difficult[own[best]]:
                continue
            key = (p, own[best])
            right, wrong = right + (key not in taken), wrong + (key in taken)
            taken.add(key)
        else:
            wrong += 1
        precision.append(right / (right + wrong))
        recall.append(right / there if there else 0)
    points = sum(max([p for p, r in zip(precision, recall, strict=True) if r >= t / 10], default=0) for t in range(11))
    area, last = 0.0, 0.0
    for i, r in enumerate(recall):
        area += (r - last) * max(precision[i:])
        last = r
    return points / 11, area


def scene(seed, pictures):
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(pictures):
        low = rng.uniform(0, 60, (rng.integers(0, 6), 2))
        boxes = np.concatenate((low, low + rng.uniform(8, 30, low.shape)), axis=1)
        truths.append(Truth(boxes, rng.integers(0, 2, len(boxes)), difficult=rng.random(len(boxes)) < 0.2))
        count = rng.integers(0, 12) if len(boxes) else 0
        picked = rng.integers(0, max(1, len(boxes)), count)
        shaken = boxes[picked] + rng.normal(0, 2, (count, 4))
        detections.append(Found(shaken, rng.integers(0, 2, count), rng.random(count)))
    return detections, truths


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_both_aps_are_the_development_kits(seed, pictures):
    detections, truths = scene(seed, pictures)
    report = voc_report(detections, truths, ("a", "b"))
    for number, one in enumerate(report.classes.values()):
        if one.truths:
            assert (one.ap11, one.area) == pytest.approx(slow_ap(detections, truths, number), abs=1e-12)
        else:
            assert one.ap11 is None and one.area is None


def test_a_second_box_on_an_object_is_wrong_even_where_another_is_free():
    there = Truth(np.array([[0.0, 0, 10, 10], [0, 0, 10, 8]]), np.array([0, 0]))
    twice = Found(np.array([[0.0, 0, 10, 10], [0, 0, 10, 10]]), np.array([0, 0]), np.array([0.9, 0.8]))
    report = voc_report([twice], [there], ("a",))
    assert report.every.area == 0.5 and report.every.ap11 == pytest.approx(6 / 11)
    assert report.table().splitlines()[1].split() == ["a", "2", "0.500", "0.545"]
