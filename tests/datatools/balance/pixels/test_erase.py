"""Erasing takes away what is in a box, and nothing else."""

from __future__ import annotations

import numpy as np

from datatools.balance.pixels.erase import erase_boxes


def scene() -> np.ndarray:
    """A grey-blue gradient of 120×90 with a red face at (20, 20, 50, 60) and a green one at (40, 30, 70, 70)."""
    x = np.linspace(90, 130, 120)[None, :, None]
    pixels = np.repeat(np.repeat(x, 90, axis=0), 3, axis=2).astype(np.uint8)
    pixels[20:60, 20:50] = (220, 20, 20)
    pixels[30:70, 40:70] = (20, 220, 20)
    return pixels


RED, GREEN = np.array([[20.0, 20, 50, 60]]), np.array([[40.0, 30, 70, 70]])


def test_what_was_in_the_box_is_gone_and_the_surroundings_fill_it() -> None:
    before = scene()
    after = erase_boxes(before, RED, np.zeros((0, 4)), np.random.default_rng(0))
    middle = after[28:52, 26:38].astype(float)
    assert abs(middle[..., 0].mean() - 110) < 35  # was 220
    assert not (after[20:60, 20:40] == (220, 20, 20)).all(axis=-1).any()


def test_pixels_outside_the_box_are_untouched() -> None:
    before = scene()
    after = erase_boxes(before, RED, np.zeros((0, 4)), np.random.default_rng(0))
    outside = np.ones(before.shape[:2], bool)
    outside[20:60, 20:50] = False
    np.testing.assert_array_equal(after[outside], before[outside])


def test_where_an_erased_box_overlaps_a_kept_one_the_kept_pixels_stay() -> None:
    before = scene()
    after = erase_boxes(before, RED, GREEN, np.random.default_rng(0))
    np.testing.assert_array_equal(after[30:70, 40:70], before[30:70, 40:70])
    assert (after[22:28, 22:38] != before[22:28, 22:38]).any()


def test_the_picture_passed_in_is_not_changed_and_no_box_means_no_change() -> None:
    before = scene()
    copy = before.copy()
    erase_boxes(before, RED, GREEN, np.random.default_rng(0))
    np.testing.assert_array_equal(before, copy)
    np.testing.assert_array_equal(erase_boxes(before, np.zeros((0, 4)), RED, np.random.default_rng(0)), copy)


def test_boxes_at_the_border_and_over_the_whole_picture_can_be_erased() -> None:
    before = scene()
    for box in ([-5, -5, 10, 10], [110, 80, 125, 95], [0, 0, 120, 90], [119.5, 89.5, 120, 90]):
        after = erase_boxes(before, np.array([box], float), np.zeros((0, 4)), np.random.default_rng(0))
        assert after.shape == before.shape and after.dtype == np.uint8
