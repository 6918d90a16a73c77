"""A confidence for each class, by what mistakes cost; and counts at a confidence for each class."""

from itertools import product

import numpy as np
import pytest

from detector.judging.average_precision import score_classes
from detector.judging.cheapest import cheapest_each, costed, costs_table
from detector.judging.found import Found, Truth, sure_of
from detector.judging.matching import match

BOXES = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]])


def picture():
    """A bare face taken for a mask at .7, a mask found at .8, a bare face found at .3; one seen where nothing is."""
    found = Found(BOXES, np.array([0, 0, 1, 1]), np.array([0.7, 0.8, 0.3, 0.2]))
    return [found], [Truth(BOXES[:3], np.array([1, 0, 1]))]


CLASSES = ("mask", "bare")
COSTS = np.array([[0.0, 1, 1], [10, 0, 3], [1, 1, 0]])


def test_each_class_gets_the_confidence_at_which_mistakes_cost_least():
    found, truths = picture()
    best = cheapest_each(found, truths, COSTS, start=0.5)
    # mask above .7, so that the bare face is not passed; bare between .2 and .3; the missed face stays: 3
    assert best.cost == 3 and 0.7 < best.confidence[0] <= 0.8 and 0.2 < best.confidence[1] <= 0.3
    grid = np.round(np.arange(0.05, 1, 0.1), 2)
    every = [costed(found, truths, COSTS, np.array(pair)).cost for pair in product(grid, grid)]
    assert best.cost == min(every)


def test_the_table_names_the_dearest_mistakes_first():
    found, truths = picture()
    given = costed(found, truths, COSTS, 0.5)
    assert given.cost == 13  # a bare face passed, 10; the other missed, 3
    lines = costs_table({"as given": given}, COSTS, CLASSES).splitlines()
    assert lines[0] == "as given  13 a picture at --conf mask=0.5,bare=0.5"
    assert [line.split("  ")[0] for line in lines[2:]] == ["bare as mask", "bare missed"]
    assert given.as_json(CLASSES)["there_by_found"] == [[1, 0, 0], [1, 0, 1], [0, 0, 0]]


def test_without_a_mistake_there_is_no_table():
    truths = [Truth(BOXES[:1], np.array([0]))]
    right = costed([Found(BOXES[:1], np.array([0]), np.array([0.9]))], truths, COSTS, 0.5)
    assert costs_table({"as given": right}, COSTS, CLASSES) == "as given  0 a picture at --conf mask=0.5,bare=0.5"


@pytest.mark.parametrize("pair", [(0.1, 0.9), (0.75, 0.25), (0.3, 0.3)])
def test_counts_at_a_confidence_each_are_those_of_each_class_at_its_own(pair):
    found, truths = picture()
    matching = match(found, truths)
    alone = [score_classes(matching, 2, value)[number] for number, value in enumerate(pair)]
    assert score_classes(matching, 2, np.array(pair)) == alone


def test_a_score_that_equals_the_confidence_counts():
    scores, classes = np.array([0.5, 0.5, 0.4]), np.array([0, 1, 1])
    assert sure_of(scores, classes, np.array([0.6, 0.5])).tolist() == [False, True, False]
    assert sure_of(scores, classes, 0.5).tolist() == [True, True, False]
