import numpy as np
import pytest

from detector.errors import UserError
from detector.judging.costs import expected_costs, read_costs
from detector.judging.found import Found, Truth

CLASSES = ("cat", "dog")


def test_costs_are_a_number_or_a_number_a_class_and_one_where_none_is_named(tmp_path):
    file = tmp_path / "costs.yaml"
    file.write_text("missed: {cat: 5}\nfalse_alarm: 0.5\nconfused: {dog: {cat: 10}}\n")
    assert read_costs(file, CLASSES).tolist() == [[0, 1, 5], [10, 0, 1], [0.5, 0.5, 0]]
    file.write_text("confused: 3\n")
    assert read_costs(file, CLASSES).tolist() == [[0, 3, 1], [3, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("miss: 3", "holds miss, expected missed, false_alarm, confused"),
        ("[1]", "is not a mapping, expected missed, false_alarm, confused"),
        ("missed: {cow: 3}", "missed: 'cow' is no class, expected one of cat, dog"),
        ("missed: {cat: -1}", "missed: cat costs -1, expected a number from 0"),
        ("confused: {dog: {cat: much}}", "confused: dog: cat costs 'much', expected a number from 0"),
        ("missed: {", "is not YAML"),
    ],
)
def test_what_is_wrong_with_a_file_of_costs_is_one_line(tmp_path, text, message):
    file = tmp_path / "costs.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_costs(file, CLASSES)
    with pytest.raises(UserError, match=r"none\.yaml: no such file"):
        read_costs(tmp_path / "none.yaml", CLASSES)


def test_dear_misses_ask_for_a_low_confidence_and_dear_alarms_for_a_high_one():
    box, far = np.array([[0.0, 0, 10, 10]]), np.array([[50.0, 50, 60, 60]])
    there = [Truth(box, np.array([0]))] * 2
    both = np.concatenate((box, far))
    guess = [Found(both, np.array([0, 0]), np.array([0.3, 0.5])), Found(box, np.array([0]), np.array([0.9]))]
    dear_miss = expected_costs(guess, there, np.array([[0, 4.0], [1, 0]]))
    dear_alarm = expected_costs(guess, there, np.array([[0, 1.0], [4, 0]]))
    at = dear_miss.confidences.index
    assert [dear_miss.cost[at(c)] for c in (0.25, 0.45, 0.6)] == [0.5, 2.5, 2.0]
    assert dear_miss.confidences[dear_miss.best] <= 0.3 and dear_alarm.confidences[dear_alarm.best] == 0.55
    assert dear_alarm.table().startswith("expected cost a picture: least at --conf 0.55, 0.5\n")
