"""Colours are imgaug's, and noise is Gaussian."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.balance.pixels.colour import Colours, draw_colours, paint
from datatools.balance.pixels.imgaug_import import import_imgaug
from datatools.balance.pixels.policy import read_policy

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
PIXELS.setflags(write=False)  # what a decoded picture is: nothing may be written into it


def painted(colours: Colours, pixels: np.ndarray = PIXELS, seed: int = 0) -> np.ndarray:
    return paint(pixels, colours, np.random.default_rng(seed))


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(0.3, 3.0))
def test_brightness_and_contrast_at_once_are_imgaugs_one_after_the_other(brightness: float, contrast: float) -> None:
    iaa = import_imgaug()
    both = iaa.Sequential([iaa.Multiply(brightness), iaa.LinearContrast(contrast)])
    expected = both.augment_image(PIXELS.copy())
    np.testing.assert_array_equal(painted(Colours(brightness=brightness, contrast=contrast)), expected)


@pytest.mark.parametrize("add", [-255, -40, -1, 7, 60, 255])
def test_hue_and_saturation_are_imgaugs(add: int) -> None:
    expected = import_imgaug().AddToHueAndSaturation(add).augment_image(PIXELS.copy())
    np.testing.assert_array_equal(painted(Colours(hue_saturation=add)), expected)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 4.0])
def test_blur_is_imgaugs(sigma: float) -> None:
    expected = import_imgaug().GaussianBlur(sigma).augment_image(PIXELS.copy())
    np.testing.assert_array_equal(painted(Colours(blur=sigma)), expected)


@pytest.mark.parametrize("sigma", [0.01, 0.04, 0.1])
@pytest.mark.parametrize("grey", [False, True])
def test_noise_is_gaussian_with_the_said_deviation(sigma: float, grey: bool) -> None:
    flat = np.full((300, 400, 3), 128, np.uint8)
    added = painted(Colours(noise=sigma, grey_noise=grey), flat).astype(float) - 128
    assert added.mean() == pytest.approx(0, abs=0.1)
    assert added.std() == pytest.approx(sigma * 255, rel=0.03)
    for level in range(-8, 9):  # the levels are whole: they are the rounded deviates
        assert np.mean(added <= level) == pytest.approx(NormalDist(0, sigma * 255).cdf(level + 0.5), abs=0.012)
    assert (added[..., 0] == added[..., 1]).all() == grey
    neighbours = np.corrcoef(added[:, :-1, 0].ravel(), added[:, 1:, 0].ravel())[0, 1]
    assert abs(neighbours) < 0.01


def test_noise_depends_on_the_stream_alone() -> None:
    one, again, other = (painted(Colours(noise=0.05), seed=seed) for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


def test_colours_that_do_nothing_leave_every_pixel() -> None:
    np.testing.assert_array_equal(painted(Colours()), PIXELS)


def test_every_draw_takes_as_much_from_the_stream() -> None:
    streams = [np.random.default_rng(3) for _ in range(2)]
    draw_colours({}, streams[0])
    draw_colours(read_policy().colour, streams[1])
    assert streams[0].random() == streams[1].random()


def test_an_operator_comes_as_often_as_its_p_says_and_within_its_range() -> None:
    said = {"brightness": {"p": 0.25, "multiply": (0.5, 0.9)}, "jpeg": {"p": 0.6, "quality": (40.0, 50.0)}}
    rng = np.random.default_rng(0)
    drawn = [draw_colours(said, rng) for _ in range(2000)]
    factors = [c.brightness for c in drawn if c.brightness != 1]
    qualities = [c.jpeg for c in drawn if c.jpeg]
    assert len(factors) / 2000 == pytest.approx(0.25, abs=0.04) and 0.5 <= min(factors) <= max(factors) <= 0.9
    assert len(qualities) / 2000 == pytest.approx(0.6, abs=0.04) and set(qualities) == set(range(40, 51))
    assert all(c.contrast == 1 and not c.noise and not c.blur for c in drawn)
