import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.data.augment import warp
from detector.data.augmentation import Augmentation
from detector.data.close_up import LARGEST, MOST, draw_close_up
from detector.data.scene import Scene

STILL = Augmentation(flip=0, scale=0, shift=0)


def scene(boxes, classes, width=96, height=72):
    return Scene(
        np.full((height, width, 3), 200, np.uint8), np.array(classes), np.array(boxes, float), np.zeros((0, 4))
    )


def shown(one, seed, how=STILL, side=96):
    return warp(one, draw_close_up(one, side, how, np.random.default_rng(seed)), side, how.min_visible)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 70), st.integers(0, 46), st.integers(3, 25), st.integers(3, 25))
def test_an_object_is_shown_whole_and_larger_but_neither_too_large_nor_too_much(seed, x, y, w, h):
    close = shown(scene([(x, y, x + w, y + h)], [4]), seed, Augmentation(flip=0.5, scale=0.5, shift=0.2))
    (box,) = close.xyxy
    wide, high = box[2:] - box[:2]
    assert box.min() >= -1e-9 and box.max() <= 96 + 1e-9
    assert wide / w == pytest.approx(high / h) and 1 <= wide / w <= MOST + 1e-9
    assert max(wide, high) <= LARGEST * 96 + 1e-9


def test_shares_are_even_in_their_logarithm_up_to_the_largest():
    one = scene([(40, 30, 50, 40)], [0])
    taken = np.array([np.ptp(shown(one, seed).xyxy[0][::2]) for seed in range(600)])
    assert taken.min() == pytest.approx(10, rel=0.05) and taken.max() == pytest.approx(60, rel=0.05)
    assert np.log(taken / 10).mean() == pytest.approx(np.log(6) / 2, abs=0.06)


def test_what_lies_round_the_picture_is_not_shown_where_the_picture_is_large_enough():
    one = scene([(0, 0, 20, 20), (76, 52, 96, 72)], [0, 1])
    for seed in range(40):
        close = shown(one, seed)
        zoom = max(np.ptp(box[::2]) for box in close.xyxy) / 20
        grey = (close.picture == 114).all(axis=(1, 2)).sum() + (close.picture == 114).all(axis=(0, 2)).sum()
        assert grey == pytest.approx(max(0, 96 - 72 * zoom), abs=2)


def test_a_rare_class_of_a_picture_is_chosen_as_often_as_the_common_one():
    common = [(x, y, x + 4, y + 4) for x in range(0, 80, 10) for y in (0, 10, 20)]
    one = scene([*common, (85, 60, 95, 70)], [1] * len(common) + [0])
    rare = sum(0 in shown(one, seed).classes for seed in range(300))
    assert rare > 130


@pytest.mark.parametrize("boxes", [[], [(2, 0, 94, 72)]], ids=["without objects", "filled by one"])
def test_nothing_is_drawn_of_a_picture(boxes):
    one = scene(np.reshape(boxes, (-1, 4)), [0] * len(boxes))
    assert draw_close_up(one, 96, STILL, np.random.default_rng(0)) is None
