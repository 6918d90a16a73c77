import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.augment import Augmentation, augment

STILL = Augmentation(hue=0, saturation=0, value=0, flip=0, scale=0, shift=0)
RIGHT = {"hue": 0.0, "saturation": 0.0, "value": 0.0}


def scene(box, width=96, height=72):
    picture = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = box
    picture[y0:y1, x0:x1] = 255
    return picture, np.array([box], dtype=float)


def test_no_augmentation_is_the_letterbox():
    picture, boxes = scene((10, 20, 30, 40))
    square, moved, kept = augment(picture, boxes, 96, STILL, np.random.default_rng(0))
    assert (square[12:84] == picture).all() and (square[:12] == 114).all()
    assert moved.tolist() == [[10, 32, 30, 52]] and kept.tolist() == [0]


def test_a_flip_mirrors_picture_and_boxes_without_a_half_pixel():
    picture, boxes = scene((10, 20, 30, 40))
    how = Augmentation(**RIGHT, flip=1, scale=0, shift=0)
    square, moved, _ = augment(picture, boxes, 96, how, np.random.default_rng(0))
    assert (square[12:84] == picture[:, ::-1]).all()
    assert moved.tolist() == [[66, 32, 86, 52]]


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.integers(0, 70), st.integers(0, 46), st.integers(10, 25), st.integers(10, 25))
def test_the_shape_is_where_the_box_says(seed, x, y, w, h):
    """Within a pixel and a half: the edge of a warped shape is a grey ramp."""
    picture, boxes = scene((x, y, x + w, y + h))
    how = Augmentation(**RIGHT, scale=0.5, shift=0.2)
    square, moved, kept = augment(picture, boxes, 96, how, np.random.default_rng(seed))
    rows, columns = np.nonzero(square[..., 0] > 128)
    if len(kept):
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(moved[0] - seen).max() < 1.5


def test_a_box_that_left_the_picture_is_dropped_and_a_part_is_clipped():
    picture = np.zeros((96, 96, 3), np.uint8)
    boxes = np.array([[0, 40, 8, 50], [0, 40, 60, 50], [50, 40, 96, 50]], dtype=float)

    class Left:
        """Moves everything 24 pixels to the left, whatever is asked."""

        def uniform(self, low, high, size=None):
            return 0.0 if size is None else np.array([-0.25, 0.0]) if size == 2 else np.zeros(3)

        def random(self):
            return 1.0

    how = Augmentation(**RIGHT, flip=0, scale=0, shift=0.25)
    _, moved, kept = augment(picture, boxes, 96, how, Left())
    assert kept.tolist() == [1, 2]
    assert moved.tolist() == [[0, 40, 36, 50], [26, 40, 72, 50]]


def test_the_same_stream_gives_the_same_picture_and_another_does_not():
    picture = np.random.default_rng(1).integers(0, 256, (72, 96, 3), dtype=np.uint8)
    one, again, other = (
        augment(picture, np.zeros((0, 4)), 96, Augmentation(), np.random.default_rng(seed))[0] for seed in (5, 5, 6)
    )
    assert (one == again).all() and (one != other).any()


@pytest.mark.parametrize("value", [0.5, 1.5])
def test_brightness_follows_its_gain(value):
    class Rng:
        def uniform(self, low, high, size=None):
            return 0.0 if size is None else np.zeros(2) if size == 2 else np.array([0, 0, value - 1]) / 0.5

        def random(self):
            return 1.0

    picture = np.full((96, 96, 3), 100, np.uint8)
    how = Augmentation(hue=0.5, saturation=0.5, value=0.5, flip=0, scale=0, shift=0)
    square, _, _ = augment(picture, np.zeros((0, 4)), 96, how, Rng())
    assert (square == round(100 * value)).all()
