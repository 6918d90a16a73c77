import numpy as np
import pytest

from detector.data.mosaic import draw_pivot, mixup, mosaic
from detector.data.scene import Scene

NOTHING = np.zeros((0, 4))


def plain(level, width, height, box=None, regions=NOTHING):
    boxes = NOTHING if box is None else np.array([box], dtype=float)
    picture, classes = np.full((height, width, 3), level, np.uint8), np.full(len(boxes), level)
    return Scene(picture, classes, boxes, np.asarray(regions, dtype=float))


def test_four_pictures_meet_in_the_middle_with_all_that_is_in_them():
    four = [
        plain(1, 40, 20, (0, 0, 10, 10)),
        plain(2, 30, 40, (5, 5, 30, 40)),
        plain(3, 40, 40, None, [[1, 2, 3, 4]]),
        plain(4, 10, 40, (0, 0, 10, 40)),
    ]
    made = mosaic(four, 40)
    canvas = made.picture[..., 0]
    assert canvas.shape == (80, 80)
    for level, where in enumerate([np.s_[20:40, 0:40], np.s_[0:40, 40:70], np.s_[40:80, 0:40], np.s_[40:80, 40:50]], 1):
        assert (canvas[where] == level).all()
    assert (canvas == 114).sum() == 80 * 80 - (40 * 20 + 30 * 40 + 40 * 40 + 10 * 40)
    assert made.classes.tolist() == [1, 2, 4]
    assert made.xyxy.tolist() == [[0, 20, 10, 30], [45, 5, 70, 40], [40, 40, 50, 80]]
    assert made.regions.tolist() == [[1, 42, 3, 44]]


def test_the_eye_stays_within_half_a_side_of_the_meeting_point():
    pivots = np.array([draw_pivot(100, np.random.default_rng(seed)) for seed in range(300)])
    assert pivots.min() >= 50 and pivots.max() <= 150
    assert pivots.mean(axis=0) == pytest.approx([100, 100], abs=6)


def test_mixup_averages_pixels_and_keeps_every_box_and_region():
    one, other = plain(0, 8, 8, (0, 0, 4, 4), [[0, 0, 2, 2]]), plain(200, 8, 8, (4, 4, 8, 8), [[5, 5, 6, 6]])
    made = mixup(one, other, np.random.default_rng(0))
    assert made.classes.tolist() == [0, 200] and len(made.xyxy) == len(made.regions) == 2
    assert len(np.unique(made.picture)) == 1
    shares = [mixup(one, other, np.random.default_rng(seed)).picture[0, 0, 0] / 200 for seed in range(200)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02) and 0.25 < min(shares) < max(shares) < 0.75
