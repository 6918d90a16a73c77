import numpy as np
import pytest

from detector.judging.found import Found, Truth
from detector.judging.matching import match


def found(*rows):
    """Rows of x0, y0, x1, y1, class, score."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def truth(*rows, **flags):
    """Rows of x0, y0, x1, y1, class."""
    table = np.array(rows, dtype=float).reshape(-1, 5)
    given = {name: np.array(value) for name, value in flags.items()}
    return Truth(table[:, :4], table[:, 4].astype(int), **given)


def test_a_truth_is_matched_once_and_the_better_of_two_free_ones_is_taken():
    there = truth((0, 0, 10, 10, 0), (0, 0, 10, 9, 0))
    thrice = found(*[(0, 0, 10, 10, 0, score) for score in (0.9, 0.8, 0.7)])
    matching = match([thrice], [there])
    assert matching.hits[0, 0].tolist() == [True, True, False]  # the second takes the other truth, at IoU .9
    assert matching.hits[0, -1].tolist() == [True, False, False]  # at .95 there is no other
    assert matching.took.tolist() == [0, 1, -1]


@pytest.mark.parametrize(("first", "hits"), [((0, 10), [True, True]), ((4, 14), [True, False])])
def test_of_equal_overlaps_the_last_truth_is_taken(first, hits):
    """The first detection lies between both, the second on the left one alone."""
    second = (4, 14) if first == (0, 10) else (0, 10)
    there = truth(*[(a, 0, b, 10, 0) for a, b in (first, second)])
    matching = match([found((2, 0, 12, 10, 0, 0.9), (0, 0, 10, 10, 0, 0.8))], [there])
    assert matching.hits[0, 0].tolist() == hits


def test_a_duplicated_detection_is_a_false_alarm():
    matching = match([found((0, 0, 10, 10, 0, 0.9), (0, 0, 10, 10, 0, 0.8))], [truth((0, 0, 10, 10, 0))])
    assert matching.hits[0, 0].tolist() == [True, False] and not matching.passed.any()


def test_classes_and_pictures_do_not_take_each_others_truths():
    there = [truth((0, 0, 10, 10, 1)), truth((0, 0, 10, 10, 0))]
    matching = match([found((0, 0, 10, 10, 0, 0.9)), found((0, 0, 10, 10, 0, 0.8))], there)
    assert matching.pictures.tolist() == [0, 1] and matching.hits[0, 0].tolist() == [False, True]


def test_any_number_of_detections_may_lie_in_a_crowd_and_none_of_them_counts():
    crowd = truth((0, 0, 100, 100, 0), (10, 10, 20, 20, 0), crowd=[True, False])
    guess = found(
        (10, 10, 20, 20, 0, 0.9), (50, 50, 60, 60, 0, 0.8), (70, 70, 80, 80, 0, 0.7), (95, 95, 115, 115, 0, 0.6)
    )
    matching = match([guess], [crowd])
    assert matching.hits[0, 0].tolist() == [True, False, False, False]
    assert matching.passed[0, 0].tolist() == [False, True, True, False]
    assert matching.total(0) == 1


def test_a_difficult_object_may_be_found_or_not():
    there = truth((0, 0, 10, 10, 0), (20, 0, 30, 10, 0), difficult=[True, False])
    matching = match([found((0, 0, 10, 10, 0, 0.9), (0, 0, 10, 9, 0, 0.8), (20, 0, 30, 10, 0, 0.7))], [there])
    assert matching.passed[0, 0].tolist() == [True, True, False]
    assert matching.hits[0, 0].tolist() == [False, False, True] and matching.total(0) == 1


def test_a_detection_of_which_half_lies_in_a_region_is_no_false_alarm_at_any_threshold():
    there = truth((60, 0, 70, 10, 0), regions=[(0, 0, 50, 50)])
    guess = found((45, 0, 55, 10, 0, 0.9), (46, 0, 56, 10, 0, 0.8), (0, 0, 10, 10, 1, 0.7), (60, 0, 70, 10, 0, 0.6))
    matching = match([guess], [there])
    assert matching.passed[0, 0].tolist() == matching.passed[0, -1].tolist() == [True, False, False, True]
    assert matching.hits[0, -1].tolist() == [False, False, True, False]  # sorted: class 0 first


def test_what_lies_in_a_region_and_finds_a_truth_there_is_right():
    there = truth((0, 0, 10, 10, 0), regions=[(0, 0, 50, 50)])
    matching = match([found((0, 0, 10, 10, 0, 0.9))], [there])
    assert matching.hits[0, 0].tolist() == [True] and not matching.passed.any()


def test_nothing_found_and_nothing_there_match_to_nothing():
    matching = match([found(), found()], [truth(), truth()])
    assert matching.hits.shape == (1, 10, 0) and matching.total(0) == 0
    assert match([], []).scores.shape == (0,)


def test_pictures_without_objects_hold_false_alarms_alone():
    matching = match([found((0, 0, 9, 9, 0, 0.5)), found()], [truth(), truth((0, 0, 9, 9, 0))])
    assert not matching.hits.any() and not matching.passed.any() and matching.total(0) == 1


def test_lists_of_unlike_length_are_refused():
    with pytest.raises(ValueError, match="1 pictures' detections, but 2 pictures' truths"):
        match([found()], [truth(), truth()])


def test_many_pairs_are_looked_at_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 50, (60, 2))
    boxes = np.concatenate((low, low + 20), axis=1)
    guess = [Found(boxes + rng.normal(0, 3, boxes.shape), rng.integers(0, 2, 60), rng.random(60)) for _ in range(3)]
    there = [Truth(boxes, rng.integers(0, 2, 60)) for _ in range(3)]
    whole = match(guess, there)
    monkeypatch.setattr("detector.judging.matching.BLOCK", 50)
    parts = match(guess, there)
    assert (whole.hits == parts.hits).all() and whole.hits.any() and (whole.took == parts.took).all()
