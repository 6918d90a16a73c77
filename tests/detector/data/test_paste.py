from pathlib import Path

import numpy as np
import pytest

from detector.data.augmentation import Augmentation
from detector.data.paste import Sources, find_sources, paste
from detector.data.scene import Scene
from detector.data.split import Labelled

HOW = Augmentation(copy_paste=1, pasted=3)


def labelled(classes, boxes, regions=()):
    table, places = (np.array(rows, dtype=float).reshape(-1, 4) for rows in (boxes, regions))
    return Labelled(Path("x.png"), np.array(classes), table, places)


def test_only_rare_objects_that_stand_alone_are_taken():
    many = labelled([0, 0, 0, 0], [[0.1 + 0.2 * i, 0.2, 0.1, 0.1] for i in range(4)])
    alone = labelled([1], [[0.5, 0.5, 0.2, 0.2]])
    crowded = labelled([1, 0], [[0.5, 0.5, 0.2, 0.2], [0.55, 0.5, 0.2, 0.2]])
    by_region = labelled([1], [[0.5, 0.5, 0.2, 0.2]], [[0.62, 0.5, 0.02, 0.02]])
    within_margin = labelled([1, 0], [[0.5, 0.5, 0.2, 0.2], [0.64, 0.5, 0.04, 0.04]])
    found = find_sources([many, alone, crowded, by_region, within_margin])
    assert found.picture.tolist() == [1] and found.box.tolist() == [0] and found.chance.tolist() == [1]


def test_the_chance_of_a_class_is_the_commonests_count_over_its_own_less_one():
    """6, 3 and 1 boxes: wishes 0, 1 and 5, shared by the objects of a class."""
    rows = [labelled([number], [[0.5, 0.5, 0.2, 0.2]]) for number in [0] * 6 + [1] * 3 + [2]]
    found = find_sources(rows)
    assert found.picture.tolist() == [6, 7, 8, 9]
    assert found.chance == pytest.approx(np.array([1 / 3, 1 / 3, 1 / 3, 5]) / 6)


@pytest.mark.parametrize("rows", [[], [labelled([], [])], [labelled([0], [[0.5, 0.5, 0.1, 0.1]])]])
def test_where_no_class_is_rare_nothing_is_pasted(rows):
    found = find_sources(rows)
    scene = Scene(np.zeros((64, 64, 3), np.uint8), np.zeros(0, int), np.zeros((0, 4)), np.zeros((0, 4)))
    assert len(found.chance) == 0
    assert paste(scene, found, lambda index: scene, HOW, np.random.default_rng(0)) is scene


SOURCE = Scene(np.full((96, 96, 3), 250, np.uint8), np.array([5]), np.array([[30.0, 30, 60, 70]]), np.zeros((0, 4)))
ONE = Sources(np.array([0]), np.array([0]), np.array([1.0]))


@pytest.mark.parametrize("seed", range(30))
def test_what_is_pasted_fills_its_box_fades_outside_and_covers_nothing(seed):
    ground = np.full((400, 440, 3), 10, np.uint8)
    ground[:, :40] = 114  # padding
    boxes, regions = np.array([[60.0, 20, 110, 80]]), np.array([[150.0, 100, 200, 190]])
    scene = Scene(ground, np.array([1]), boxes, regions)
    made = paste(scene, ONE, lambda index: SOURCE, HOW, np.random.default_rng(seed))
    assert (ground[:, 40:] == 10).all() and made.classes[0] == 1 and 1 < len(made.xyxy) <= 4
    changed = (made.picture != ground).any(axis=2)
    assert not changed[20:80, 60:110].any() and not changed[100:190, 150:200].any()
    assert changed[:, :40].mean() < 0.02
    for number, (x0, y0, x1, y1) in zip(made.classes[1:], made.xyxy[1:], strict=True):
        assert number == 5
        assert (made.picture[int(np.ceil(y0)) : int(y1), int(np.ceil(x0)) : int(x1)] >= 248).all()
        edge = made.picture[int((y0 + y1) / 2), max(0, int(x0) - 2)]
        assert edge.max() < 250


def test_where_there_is_no_room_nothing_is_pasted_and_tiny_objects_never_are():
    full = Scene(np.zeros((96, 96, 3), np.uint8), np.array([1]), np.array([[0.0, 0, 96, 96]]), np.zeros((0, 4)))
    assert len(paste(full, ONE, lambda index: SOURCE, HOW, np.random.default_rng(0)).xyxy) == 1
    small = Scene(SOURCE.picture, np.array([5]), np.array([[30.0, 30, 38, 38]]), np.zeros((0, 4)))
    empty = Scene(np.zeros((96, 96, 3), np.uint8), np.zeros(0, int), np.zeros((0, 4)), np.zeros((0, 4)))
    assert len(paste(empty, ONE, lambda index: small, HOW, np.random.default_rng(0)).xyxy) == 0
