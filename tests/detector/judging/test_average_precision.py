import math

import numpy as np

from detector.judging.average_precision import ClassScore, mean, score_classes
from detector.judging.found import Found, overlaps
from detector.judging.matching import match


def found(rows):
    """Rows of x0, y0, x1, y1, class, score."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def score_class(detections, truths, number, confidence):
    return score_classes(match(detections, truths), 2, confidence)[number]


def test_overlaps_have_no_plus_one():
    assert overlaps(np.array([[0.0, 0, 8, 8]]), np.array([[3.0, 0, 11, 8], [5, 5, 5, 9]])).tolist() == [[40 / 88, 0]]


def test_counts_are_those_at_the_confidence_asked_for():
    truths = [found([(0, 0, 10, 10, 0, 0), (20, 20, 30, 30, 0, 0), (50, 50, 60, 60, 1, 0)])]
    guess = [found([(0, 0, 10, 10, 0, 0.9), (40, 0, 50, 10, 0, 0.8), (20, 20, 30, 30, 0, 0.2)])]
    score = score_class(guess, truths, 0, 0.25)
    assert (score.tp, score.fp, score.fn) == (1, 1, 1)
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert score_class(guess, truths, 0, 0.1).tp == 2
    other = score_class(guess, truths, 1, 0.25)
    assert (other.ap50, other.tp, other.fp, other.fn, other.precision, other.recall) == (0.0, 0, 0, 1, None, 0.0)


def test_a_class_without_truth_has_no_ap_and_its_false_alarms_count():
    score = score_class([found([(0, 0, 10, 10, 0, 0.9)])], [found([])], 0, 0.25)
    assert (score.ap50, score.ap50_95, score.fp, score.recall) == (None, None, 1, None)


def test_the_mean_is_over_those_that_are_defined():
    assert mean([0.5, None, 1.0]) == 0.75 and mean([None]) is None


def test_nothing_found_and_nothing_there_is_no_score_at_all():
    score = ClassScore(None, None, 0, 0, 0)
    assert (score.precision, score.recall, score.f1) == (None, None, None)
    assert not any(isinstance(v, float) and math.isnan(v) for v in vars(score).values())
