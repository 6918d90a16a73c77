"""Claims about measured light: a known blur, grain, gradient and exposure are found again on two photographs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from generators.drawing.light import Light, display, linear, measure
from generators.faces.face import NOSE_TIP, Face
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

NAMES = sorted(PEOPLE)
LEFT, RIGHT = np.array([-0.4, 0.0]), np.array([0.4, 0.0])


def of(name: str, pixels: NDArray | None = None) -> Light:
    return measure(load(name) if pixels is None else pixels, PEOPLE[name].face)


def lit(name: str, gain: NDArray | float) -> NDArray:
    """The photograph with its linear light multiplied, (H, W, 3) uint8."""
    return np.round(display(linear(load(name)) * gain)).astype(np.uint8)


def flat(colour: tuple[int, int, int], name: str = "astronaut") -> Light:
    return of(name, np.full((512, 512, 3), colour, np.uint8))


@settings(deadline=None)
@given(st.floats(0, 255))
def test_what_is_made_linear_is_displayed_again(value: float) -> None:
    assert float(display(linear(np.array(value)))) == pytest.approx(value, abs=0.01)


def test_linear_light_has_the_ends_and_the_middle_of_a_gamma_of_2_2() -> None:
    assert linear(np.array([0, 255])).tolist() == [0, 1]
    assert linear(np.array([186.0]))[0] == pytest.approx(0.5, abs=0.003)
    assert display(np.array([-0.5, 0, 1, 7])).tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_a_known_blur_is_found(name: str, sigma: float) -> None:
    blurred = cv2.GaussianBlur(load(name), (0, 0), sigma)
    own = of(name).blur_px  # the photograph's own adds to it in squares
    assert of(name, blurred).blur_px == pytest.approx(np.hypot(sigma, own), rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_a_stronger_blur_is_never_taken_for_a_weaker_one(name: str) -> None:
    found = [of(name, cv2.GaussianBlur(load(name), (0, 0), sigma)).blur_px for sigma in (0.6, 1, 1.5, 2, 3, 4)]
    assert found == sorted(found)
    assert of(name).blur_px < found[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [4.0, 8.0])
def test_known_grain_is_found(name: str, sigma: float) -> None:
    grain = np.random.default_rng(0).normal(0, sigma, (*load(name).shape[:2], 1))
    own = of(name).noise
    grainy = np.clip(load(name) + grain, 0, 255).astype(np.uint8)
    assert of(name, grainy).noise == pytest.approx(np.hypot(sigma, own), rel=0.25)


def test_a_smooth_picture_has_no_grain_and_an_endless_one_is_limited() -> None:
    assert flat((150, 120, 110)).noise == 0
    wild = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    assert of("astronaut", wild).noise == 12


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_less_light_is_a_lower_exposure_of_the_same_skin(name: str, share: float) -> None:
    full, less = of(name), of(name, lit(name, share))
    assert less.exposure == pytest.approx(share * full.exposure, rel=0.03)
    assert less.skin == pytest.approx(full.skin, rel=0.03)
    assert less.tint == pytest.approx(full.tint, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slope", [0.8, -0.8])
def test_the_light_falls_off_to_the_side_that_was_darkened(name: str, slope: float) -> None:
    face = PEOPLE[name].face
    x = (np.arange(load(name).shape[1]) + 0.5 - face.points[NOSE_TIP, 0]) / face.height
    gain = 0.5 * np.clip(np.exp(slope * x), 0.2, 2)
    before, after = of(name), of(name, lit(name, gain[None, :, None]))
    steeper = np.log((after.at(RIGHT) / after.at(LEFT)) / (before.at(RIGHT) / before.at(LEFT)))
    assert steeper == pytest.approx(0.8 * slope, rel=0.3), "0.8 face heights from left to right"


@pytest.mark.parametrize("name", NAMES)
def test_light_is_about_one_on_the_skin_and_stays_in_its_range_far_from_it(name: str) -> None:
    light = of(name)
    far = np.random.default_rng(0).uniform(-50, 50, (20, 30, 2))
    assert light.at(far).shape == (20, 30)
    assert np.exp(light.low) * 0.999 <= light.at(far).min() <= light.at(far).max() <= np.exp(light.high) * 1.001
    assert light.low <= 0 <= light.high
    on_face = (PEOPLE[name].face.points - PEOPLE[name].face.points[NOSE_TIP]) / PEOPLE[name].face.height
    assert np.median(light.at(on_face)) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_a_photograph_without_colours_is_grey_and_has_no_tint(name: str) -> None:
    grey = np.repeat(cv2.cvtColor(load(name), cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert of(name, grey).grey
    assert of(name, grey).tint.tolist() == [1, 1, 1]
    assert not of(name).grey


@pytest.mark.parametrize("name", NAMES)
def test_warmer_light_has_a_warmer_tint(name: str) -> None:
    warm, cold = (of(name, lit(name, np.array(gain))) for gain in ((0.6, 0.5, 0.35), (0.4, 0.5, 0.62)))
    ratios = [light.tint[0] / light.tint[2] for light in (warm, of(name), cold)]
    assert ratios[0] >= ratios[1] > ratios[2], "a colour far from usual skin's is followed up to a limit"


@pytest.mark.parametrize("name", NAMES)
def test_a_tint_moves_colour_and_not_brightness(name: str) -> None:
    assert of(name).tint @ (0.2126, 0.7152, 0.0722) == pytest.approx(1, abs=1e-4)


def test_the_skin_of_a_plain_surface_is_what_it_sends_back() -> None:
    light = flat((180, 140, 120))
    assert light.skin * light.exposure * light.tint == pytest.approx(linear(np.array([180, 140, 120])), rel=0.01)
    assert light.at(LEFT) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("value", [0, 255])
def test_a_black_or_white_picture_still_gives_numbers(value: int) -> None:
    light = flat((value, value, value))
    numbers = [*light.surface, light.low, light.high, light.exposure, *light.tint, light.blur_px, light.noise]
    assert np.isfinite([*numbers, *light.skin]).all()
    assert 0.02 <= light.exposure <= 1.15


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [0.1, 0.2, 0.5, 2.0])
def test_the_light_of_a_face_does_not_hang_on_its_size(name: str, scale: float) -> None:
    small = cv2.resize(load(name), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    full, other = of(name), measure(small, PEOPLE[name].face.moved((0, 0), scale))
    assert other.exposure == pytest.approx(full.exposure, rel=0.12)
    assert other.tint == pytest.approx(full.tint, abs=0.06)
    assert other.at(LEFT) / other.at(RIGHT) == pytest.approx(full.at(LEFT) / full.at(RIGHT), rel=0.15)


@settings(deadline=None)
@given(x=st.floats(-90, 90), y=st.floats(-90, 90), scale=st.floats(0.03, 5))
def test_a_face_at_the_edge_of_a_picture_or_beyond_is_measured(x: float, y: float, scale: float) -> None:
    small = cv2.resize(load("astronaut"), (60, 60), interpolation=cv2.INTER_AREA)
    face: Face = PEOPLE["astronaut"].face.moved((0, 0), scale).moved((x, y))
    light = measure(small, face)
    assert np.isfinite([light.exposure, light.blur_px, light.noise, *light.skin, *light.surface]).all()
