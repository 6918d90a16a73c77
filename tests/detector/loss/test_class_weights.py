import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.loss.class_weights import class_weights, count_boxes
from detector.loss.settings import CLASS_WEIGHTS

COUNTS = [100, 25, 4]


def test_by_hand():
    """Raw 1/n: 129 boxes, sum of n w = 3, so 129 / 3 / n; raw 1/sqrt(n): sum of n w = 10 + 5 + 2."""
    assert class_weights(COUNTS, "none").tolist() == [1, 1, 1]
    assert class_weights(COUNTS, "inverse") == pytest.approx([43 / 100, 43 / 25, 43 / 4])
    assert class_weights(COUNTS, "sqrt-inverse") == pytest.approx([129 / 17 / 10, 129 / 17 / 5, 129 / 17 / 2])


def test_the_effective_number_is_a_geometric_sum():
    """Cui et al., 2019, eq. 4: E_n = 1 + beta + ... + beta^(n - 1), and the weight is its inverse."""
    raw = np.array([1 / sum(0.9**k for k in range(n)) for n in COUNTS])
    found = class_weights(COUNTS, "effective", beta=0.9)
    assert found / found[0] == pytest.approx(raw / raw[0])
    assert class_weights(COUNTS, "effective", beta=0.0) == pytest.approx([1, 1, 1])
    assert class_weights(COUNTS, "effective", beta=1 - 1e-9) == pytest.approx(
        class_weights(COUNTS, "inverse"), rel=1e-4
    )


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8), st.sampled_from(CLASS_WEIGHTS))
def test_the_mean_over_boxes_is_one_and_the_rarer_never_counts_less(counts, kind):
    weights, n = class_weights(counts, kind), np.array(counts)
    if n.any():
        assert (weights * n).sum() / n.sum() == pytest.approx(1)
    there = np.flatnonzero(n)
    by_count = there[np.argsort(n[there])]
    assert (np.diff(weights[by_count]) <= 1e-12).all()
    assert (weights[n == 0] == 1).all()


def test_boxes_are_counted_by_class():
    assert count_boxes([np.array([0, 2, 2]), np.zeros(0, dtype=np.int64), np.array([0])], 4).tolist() == [2, 0, 2, 0]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'log' is none of none, inverse, sqrt-inverse, effective"):
        class_weights(COUNTS, "log")
