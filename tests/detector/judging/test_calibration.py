import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.judging.calibration import calibration, calibration_line, calibrations, pooled
from detector.judging.found import Found, Truth
from detector.judging.matching import match

SIDE = 10.0


def matched(rows, passed=()):
    """A picture a row of (score, whether it is right); those of `passed` lie in a region that judges nothing."""
    box = np.array([[0.0, 0, SIDE, SIDE]])
    found, truths = [], []
    for i, (score, right) in enumerate(rows):
        found.append(Found(box, np.array([0]), np.array([score])))
        regions = box if i in passed else None
        truths.append(Truth(box if right else box + 50, np.array([0]), regions=regions))
    return match(found, truths, np.array([0.5]))


def test_the_error_is_the_distance_of_confidence_from_the_share_that_is_right():
    """Bin .9 - 1: two of .92, one right: .42 off. Bin .3 - .4: two of .35, both right: .65 off. Mean: .535."""
    one = calibration(matched([(0.92, True), (0.92, False), (0.35, True), (0.35, True)]), 0)
    assert one.counts.tolist() == [0, 0, 0, 2, 0, 0, 0, 0, 0, 2] and one.right[[3, 9]].tolist() == [2, 1]
    assert one.error == pytest.approx((2 * 0.65 + 2 * 0.42) / 4)
    assert one.surplus == pytest.approx((2 * -0.65 + 2 * 0.42) / 4)
    assert one.as_json()["bins"] == [
        {"boxes": 2, "confidence": pytest.approx(0.35), "right": 1.0},
        {"boxes": 2, "confidence": pytest.approx(0.92), "right": 0.5},
    ]


def test_low_boxes_and_those_passed_over_are_left_out_and_one_is_in_the_last_bin():
    one = calibration(matched([(0.04, False), (1.0, True), (0.5, False)], passed=(2,)), 0)
    assert one.counts.tolist() == [0] * 9 + [1] and one.error == 0


def test_a_class_without_boxes_has_no_error_and_a_dash():
    both = calibrations(matched([(0.75, True)]), ("cat", "dog"))
    assert both["dog"].error is None and both["dog"].surplus is None and np.isnan(both["dog"].share).all()
    line = "calibration error of confidences from 0.05: cat 0.250 (too unsure by 0.250), dog -"
    assert calibration_line(both) == line


@given(st.lists(st.tuples(st.floats(0.05, 1), st.booleans()), min_size=1, max_size=20), st.integers(1, 12))
def test_it_agrees_with_going_through_the_bins_one_by_one(rows, bins):
    one = calibration(matched(rows), 0, bins)
    error = 0.0
    for k in range(bins):
        inside = [(s, r) for s, r in rows if int(s * bins) == k or (k == bins - 1 and int(s * bins) == bins)]
        error += abs(sum(s for s, _ in inside) - sum(r for _, r in inside)) / len(rows)
    assert one.error == pytest.approx(error) and one.counts.sum() == len(rows)


def test_what_is_pooled_is_as_if_all_boxes_were_of_one_network():
    first, second = [(0.9, True), (0.2, False)], [(0.91, False)]
    apart = pooled([calibration(matched(rows), 0) for rows in (first, second)])
    whole = calibration(matched(first + second), 0)
    assert apart.counts.tolist() == whole.counts.tolist() and apart.error == pytest.approx(whole.error)
