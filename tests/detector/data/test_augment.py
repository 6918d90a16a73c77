import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.data.augment import Affine, draw_affine, recolour, warp
from detector.data.augmentation import NONE, Augmentation
from detector.data.scene import Scene
from detector.errors import UserError

NOTHING = np.zeros((0, 4))


def scene(box, width=96, height=72, regions=NOTHING):
    """White where the box is."""
    picture = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = box
    picture[y0:y1, x0:x1] = 255
    return Scene(picture, np.array([7]), np.array([box], dtype=float), np.asarray(regions, dtype=float))


def shown(one, how, seed=0, side=96):
    pivot = np.array(one.picture.shape[1::-1]) / 2
    return warp(one, draw_affine(pivot, side, how, np.random.default_rng(seed)), side, how.min_visible)


def test_no_augmentation_is_the_letterbox():
    one = scene((10, 20, 30, 40), regions=[[0, 0, 5, 6]])
    square = shown(one, NONE)
    assert (square.picture[12:84] == one.picture).all() and (square.picture[:12] == 114).all()
    assert square.xyxy.tolist() == [[10, 32, 30, 52]] and square.classes.tolist() == [7]
    assert square.regions.tolist() == [[0, 12, 5, 18]]


def test_a_flip_mirrors_picture_boxes_and_regions_without_a_half_pixel():
    one = scene((10, 20, 30, 40), regions=[[0, 0, 5, 6]])
    square = shown(one, Augmentation(flip=1, scale=0, shift=0))
    assert (square.picture[12:84] == one.picture[:, ::-1]).all()
    assert square.xyxy.tolist() == [[66, 32, 86, 52]] and square.regions.tolist() == [[91, 12, 96, 18]]


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.integers(0, 70), st.integers(0, 46), st.integers(10, 25), st.integers(10, 25))
def test_the_shape_is_where_the_box_says(seed, x, y, w, h):
    """Within a pixel and a half: the edge of a warped shape is a grey ramp."""
    square = shown(scene((x, y, x + w, y + h)), Augmentation(scale=0.5, shift=0.2), seed)
    rows, columns = np.nonzero(square.picture[..., 0] > 128)
    if len(square.xyxy):
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(square.xyxy[0] - seen).max() < 1.5


def ellipse(box, width=128, height=128):
    """White in the ellipse that the box holds."""
    y, x = np.mgrid[:height, :width] + 0.5
    cx, cy, rx, ry = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1
    picture = np.repeat(inside[..., None], 3, axis=2).astype(np.uint8) * 255
    return Scene(picture, np.array([0]), np.array([box], dtype=float), np.array([box], dtype=float))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_a_turned_and_sheared_ellipse_is_where_its_box_says(seed):
    how = Augmentation(scale=0.2, shift=0, rotate_deg=90, shear_deg=15)
    square = shown(ellipse((44, 54, 88, 76)), how, seed, side=128)
    rows, columns = np.nonzero(square.picture[..., 0] > 128)
    if len(square.xyxy) and square.xyxy[0].min() > 0 and square.xyxy[0].max() < 128:
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(square.xyxy[0] - seen).max() < 2


def test_a_turned_region_holds_its_corners_and_a_turned_box_its_ellipse():
    eighth = math.radians(45)
    turn = np.array([[math.cos(eighth), -math.sin(eighth)], [math.sin(eighth), math.cos(eighth)]])
    affine = Affine(turn, np.array([50.0, 50.0]), np.array([50.0, 50.0]))
    box = np.array([[40.0, 40.0, 60.0, 60.0]])
    assert affine.boxes(box, whole=False) == pytest.approx(box)  # a circle turned
    reach = 10 * math.sqrt(2)
    assert affine.boxes(box, whole=True) == pytest.approx(np.array([[50 - reach, 50 - reach, 50 + reach, 50 + reach]]))


def test_a_part_of_a_box_is_clipped_and_what_is_left_of_a_lost_one_becomes_a_region():
    boxes = np.array([[0, 40, 32, 50], [0, 40, 60, 50], [50, 40, 96, 50], [0, 0, 24, 9]], dtype=float)
    regions = np.array([[10, 10, 30, 30], [0, 60, 20, 70]], dtype=float)
    one = Scene(np.zeros((96, 96, 3), np.uint8), np.array([0, 1, 2, 3]), boxes, regions)
    left = Affine(np.eye(2), np.array([48.0, 48.0]), np.array([24.0, 48.0]))  # all moves 24 pixels to the left
    square = warp(one, left, 96, min_visible=0.3)
    assert square.classes.tolist() == [1, 2]
    assert square.xyxy.tolist() == [[0, 40, 36, 50], [26, 40, 72, 50]]
    assert square.regions.tolist() == [[0, 10, 6, 30], [0, 40, 8, 50]]


def test_the_same_stream_gives_the_same_picture_and_another_does_not():
    picture = np.random.default_rng(1).integers(0, 256, (72, 96, 3), dtype=np.uint8)
    one = Scene(picture, np.zeros(0, dtype=int), NOTHING, NOTHING)
    first, again, other = (shown(one, Augmentation(rotate_deg=5), seed).picture for seed in (5, 5, 6))
    assert (first == again).all() and (first != other).any()


class Rng:
    """Draws `gain` whatever is asked."""

    def __init__(self, *gain):
        self.gain = np.array(gain)

    def uniform(self, low, high, size):
        return self.gain


@pytest.mark.parametrize("value", [0.5, 1.5])
def test_brightness_follows_its_gain(value):
    picture = np.full((96, 96, 3), 100, np.uint8)
    how = Augmentation(hue=0.5, saturation=0.5, value=0.5)
    assert (recolour(picture, how, Rng(0, 0, (value - 1) / 0.5)) == round(100 * value)).all()


def test_saturation_and_hue_follow_their_gains():
    red = np.full((4, 4, 3), (200, 100, 100), np.uint8)
    how = Augmentation(hue=0.5, saturation=1, value=0.5)
    assert (recolour(red, how, Rng(0, -1, 0)) == 200).all()  # no saturation left: grey
    green = np.full((4, 4, 3), (0, 200, 0), np.uint8)  # hue 60 of 180; half as much is yellow, 30
    assert (recolour(green, how, Rng(-1, 0, 0))[0, 0] == (200, 200, 0)).all()


def test_noise_has_the_drawn_deviation_is_grey_in_half_of_the_cases_and_none_where_none_is_asked_for():
    picture = np.full((200, 200, 3), 128, np.uint8)
    how = replace(NONE, noise=0.1)
    grey = 0
    for seed in range(40):
        noise = recolour(picture, how, np.random.default_rng(seed)).astype(float) - 128
        rng = np.random.default_rng(seed)
        rng.uniform(-1, 1, size=3)  # of the colours
        assert noise.std() == pytest.approx(25.5 * rng.uniform(0, 1), abs=0.4) and abs(noise.mean()) < 0.5
        grey += (noise == noise[:, :, :1]).all()
    assert 10 < grey < 30
    assert recolour(picture, NONE, np.random.default_rng(0)) is picture


def test_noise_is_refused_beyond_white():
    with pytest.raises(UserError, match=r"augmentation: noise: 1\.5, expected 0 to 1"):
        replace(NONE, noise=1.5)
