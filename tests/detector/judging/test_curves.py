import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.judging.curves import curve_of
from detector.judging.thresholds import advise, as_json, best_f1, for_precision, for_recall, table

HITS = np.array([True, True, False, True, False])
NONE = np.zeros(5, bool)
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5])


def test_a_curve_is_precision_and_recall_of_all_boxes_of_at_least_a_score():
    one = curve_of(HITS, NONE, SCORES, 4)
    assert one.precision.tolist() == [1, 1, 2 / 3, 3 / 4, 3 / 5]
    assert one.recall.tolist() == [1 / 4, 2 / 4, 2 / 4, 3 / 4, 3 / 4]
    assert one.f1.tolist() == pytest.approx([2 / 5, 4 / 6, 4 / 7, 6 / 8, 6 / 9])


def test_equal_scores_come_together_and_what_was_passed_over_is_left_out():
    one = curve_of(HITS, np.array([0, 0, 1, 0, 0], bool), np.array([0.9, 0.8, 0.7, 0.8, 0.5]), 4)
    assert one.confidence.tolist() == [0.9, 0.8, 0.5]
    assert one.precision.tolist() == [1, 1, 3 / 4] and one.recall.tolist() == [1 / 4, 3 / 4, 3 / 4]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=12), st.integers(0, 9))
def test_a_curve_agrees_with_counting_at_each_score(rows, more):
    hits, scores = np.array([h for h, _ in rows], bool), np.array([s / 5 for _, s in rows])
    truths = int(hits.sum()) + more
    one = curve_of(hits, np.zeros(len(rows), bool), scores, truths)
    assert one.confidence.tolist() == sorted(set(scores.tolist()), reverse=True)
    for at, confidence in enumerate(one.confidence):
        right, shown = sum(hits[scores >= confidence]), sum(scores >= confidence)
        assert one.precision[at] == right / shown
        assert one.recall[at] == (right / truths if truths else 0)


def test_thresholds_are_the_best_f1_and_the_best_that_reach_what_is_wanted():
    one = curve_of(HITS, NONE, SCORES, 4)
    found = best_f1(one)
    assert (found.confidence, found.f1) == (0.6, 0.75)
    assert for_recall(one, 0.7).confidence == 0.6
    assert for_recall(one, 0.5).confidence == 0.8  # the highest of equals, where precision is 1
    assert for_precision(one, 0.9).recall == 0.5
    assert for_recall(one, 0.95) is None and for_precision(curve_of(~HITS[:1], NONE[:1], SCORES[:1], 4), 0.9) is None


def test_a_class_without_truth_has_no_advice():
    one = curve_of(NONE, NONE, SCORES, 0)
    assert best_f1(one) is None and for_recall(one, 0.5) is None


def test_the_table_rounds_a_confidence_down_and_says_what_is_not_reached():
    one = curve_of(HITS, NONE, SCORES - 0.00049, 4)
    advice = advise({"mask": one}, recall=0.95, precision=0.9)
    lines = table(advice).splitlines()
    assert lines[1].split() == ["mask", "best", "F1", "0.599", "0.750", "0.750", "0.750"]
    assert lines[2].split() == ["mask", "recall", "0.95", "not", "reached", "on", "these", "pictures"]
    assert lines[3].split() == ["mask", "precision", "0.9", "0.799", "1.000", "0.500", "0.667"]
    assert as_json(advice)["mask"]["recall 0.95"] is None
    assert as_json(advice)["mask"]["best F1"]["f1"] == 0.75
