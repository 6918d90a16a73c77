import numpy as np
import pytest

from detector.classify.scores import score

CLASSES = ("a", "b", "c")


def test_the_figures_are_those_by_hand():
    truths, said = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    found = score(CLASSES, truths, said, list("vwxyz"), [None] * 5)
    assert found.matrix.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert found.precision == [2 / 3, 1 / 2, None] and found.recall == [2 / 3, 1 / 2, None]
    assert found.f1 == [2 / 3, 1 / 2, None]
    assert found.accuracy == 3 / 5 and found.balanced == pytest.approx((2 / 3 + 1 / 2) / 2) == found.mean_f1
    assert found.sizes == ()
    assert "c" in found.table() and "accuracy 0.600" in found.table()


def test_accuracy_by_size_begins_each_bin_at_its_edge():
    right = np.array([0, 0, 1, 0, 0])
    found = score(CLASSES, np.zeros(5, dtype=int), right, list("vwxyz"), [15.9, 16.0, 31.0, 64.0, 500.0])
    assert found.sizes == (("0-16", 1, 1), ("16-32", 1, 2), ("32-64", 0, 0), ("64+", 2, 2))


def test_the_interval_is_of_photographs_not_of_crops():
    """A hundred crops of two photographs, one all right and one all wrong: anything from 0 to 1 may come."""
    truths = np.zeros(100, dtype=int)
    said = np.repeat([0, 1], 50)
    together = score(CLASSES, truths, said, ["p"] * 50 + ["q"] * 50, [None] * 100).interval
    apart = score(CLASSES, truths, said, [str(n) for n in range(100)], [None] * 100).interval
    assert (together.low, together.high) == (0.0, 1.0)
    assert 0.38 < apart.low < 0.43 and 0.57 < apart.high < 0.62  # 0.5 - 1.96 * 0.05 = 0.40


def test_a_perfect_classifier_is_sure():
    found = score(("a", "b"), np.array([0, 1]), np.array([0, 1]), ["p", "q"], [None] * 2)
    assert (found.accuracy, found.balanced, found.interval.low, found.interval.high) == (1, 1, 1, 1)
