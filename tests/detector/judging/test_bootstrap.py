import numpy as np
import pytest

from detector.judging.average_precision import score_classes
from detector.judging.bootstrap import _sorted, bootstrap
from detector.judging.found import Found, Truth
from detector.judging.matching import match


def scene(pictures=12, seed=0):
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(pictures):
        low = rng.uniform(0, 60, (rng.integers(1, 5), 2))
        boxes = np.concatenate((low, low + rng.uniform(8, 30, low.shape)), axis=1)
        labels = rng.integers(0, 2, len(boxes))
        truths.append(Truth(boxes, labels))
        shaken = boxes + rng.normal(0, 2.5, boxes.shape)
        detections.append(Found(shaken, rng.integers(0, 2, len(boxes)), rng.random(len(boxes))))
    return detections, truths


def test_a_draw_scores_as_the_pictures_it_drew_would():
    """Pictures drawn once or not at all; copies would tie in score, and COCO's order of ties is another matter."""
    detections, truths = scene()
    matching = match(detections, truths)
    drawn = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1])
    chosen = np.flatnonzero(drawn)
    alone = match([detections[i] for i in chosen], [truths[i] for i in chosen])
    for number, score in enumerate(score_classes(alone, 2, 0.25)):
        values = _sorted(matching, number).average_precisions(drawn)
        assert (values[0], values.mean()) == pytest.approx((score.ap50, score.ap50_95), abs=1e-9)


def test_every_picture_drawn_twice_changes_nothing_but_the_reading_of_ties():
    detections, truths = scene()
    one = _sorted(match(detections, truths), 0)
    assert one.average_precisions(np.full(12, 2)) == pytest.approx(one.average_precisions(np.ones(12, int)))


def test_the_interval_holds_the_value_and_the_seed_decides_it():
    detections, truths = scene(40)
    matching = match(detections, truths)
    scores = score_classes(matching, 2, 0.25)
    first, again = (bootstrap(matching, ("a", "b"), 40, 100, seed=3) for _ in range(2))
    assert first == again != bootstrap(matching, ("a", "b"), 40, 100, seed=4)
    for name, score in zip(("a", "b"), scores, strict=True):
        assert first.ap50[name].low < score.ap50 < first.ap50[name].high
    assert first.map50.high - first.map50.low > 0.05


def test_a_class_without_truth_has_no_interval_and_no_part_in_the_mean():
    box = np.array([[0.0, 0, 10, 10]])
    one = [Truth(box, np.array([0]))] * 5
    guess = [Found(box, np.array([0]), np.array([0.9]))] * 5
    found = bootstrap(match(guess, one), ("a", "b"), 5, 20, 0)
    assert found.ap50["b"].low is None and found.map50.low == pytest.approx(1)
    assert found.table().splitlines()[2].split() == ["b", "-", "-"]
    assert found.as_json()["classes"]["a"]["ap50"]["low"] == pytest.approx(1)
