"""Claims about masks on faces of any size, turned any way, anywhere in a picture or beyond its edge."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from generators.drawing import negatives, wear
from generators.drawing.masks import Recipe, draw_recipe, texture
from generators.drawing.overlay import put_on, region
from generators.faces.face import NOSE_TIP, Face
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

MODES = (*wear.MODES, *negatives.NEGATIVES)
FACES = st.builds(
    lambda name, scale, roll_deg, yaw: posed(name, scale, roll_deg, yaw),
    name=st.sampled_from(sorted(PEOPLE)),
    scale=st.floats(16, 400),
    roll_deg=st.floats(-40, 40),
    yaw=st.floats(-0.9, 0.9),
)


def posed(name: str, size: float, roll_deg: float, yaw: float) -> tuple[NDArray, Face]:
    """A portrait with a face of about `size` pixels, its landmarks rolled, and its middle moved to one side."""
    original = PEOPLE[name].face
    scale = size / original.size
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(load(name), None, fx=scale, fy=scale, interpolation=how)
    face = original.moved((0, 0), scale)
    p, middle, a = face.points.copy(), face.points[NOSE_TIP], np.radians(roll_deg)
    across = (p - middle) @ face.across / (0.6 * face.height)
    p += (0.5 * yaw * face.height * np.clip(1 - across**2, 0, 1))[:, None] * face.across
    p = (p - middle) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + middle
    return pixels, Face(face.xyxy, p)


def sheet(mode: str, seed: int) -> object:
    rng = np.random.default_rng(seed)
    if mode in negatives.NEGATIVES:
        return negatives.texture(negatives.draw_recipe(mode, rng))
    return texture(draw_recipe(rng), 144)


@settings(max_examples=80, deadline=None)
@given(
    portrait=FACES,
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 999),
    crop=st.tuples(*[st.floats(-0.6, 0.6)] * 2, *[st.floats(0.5, 1)] * 2),
)
def test_a_mask_is_put_on_any_face_and_changes_nothing_outside(
    portrait: tuple[NDArray, Face], mode: str, seed: int, crop: tuple[float, float, float, float]
) -> None:
    whole, face = portrait
    h, w = whole.shape[:2]
    x, y = int(max(crop[0], 0) * w), int(max(crop[1], 0) * h)
    pixels = np.ascontiguousarray(whole[y : y + int(h * crop[2]), x : x + int(w * crop[3])])
    here, rng = face.moved((x, y)), np.random.default_rng(seed)
    place = wear.worn(here, mode, rng) if mode in wear.MODES else negatives.worn(here, mode, rng)
    x1, y1, x2, y2 = region(here, place, pixels.shape[1::-1])
    assume(x2 - x1 >= 2 and y2 - y1 >= 2)
    before = pixels.copy()
    patch = put_on(pixels, here, place, sheet(mode, seed), rng)
    assert np.array_equal(pixels, before)
    assert patch.rgb.shape == (y2 - y1, x2 - x1, 3)
    patch.onto(pixels)
    pixels[y1:y2, x1:x2] = before[y1:y2, x1:x2]
    assert np.array_equal(pixels, before)
    seen = patch.seen_xyxy
    if seen is not None:
        assert (seen[:2] >= (x1, y1)).all() and (seen[2:] <= (x2, y2)).all() and (seen[2:] > seen[:2]).all()


@settings(max_examples=60, deadline=None)
@given(dx=st.floats(-3, 3), dy=st.floats(-3, 3), mode=st.sampled_from(MODES))
def test_the_region_lies_in_the_picture_or_is_empty(dx: float, dy: float, mode: str) -> None:
    face = PEOPLE["astronaut"].face.moved((dx * 512, dy * 512))
    rng = np.random.default_rng(0)
    place = wear.worn(face, mode, rng) if mode in wear.MODES else negatives.worn(face, mode, rng)
    x1, y1, x2, y2 = region(face, place, (512, 512))
    assert 0 <= x1 <= x2 <= 512 and 0 <= y1 <= y2 <= 512
    low, high = place.outline.min(axis=0), place.outline.max(axis=0)
    if (high < 0).any() or (low > 512).any():
        margin = 0.13 * face.height + 3
        assert min(x2 - x1, y2 - y1) <= margin + np.ptp(np.concatenate([place.outline, *place.straps]), axis=0).max()
    else:
        inside = np.clip(low, 0, 512), np.clip(high, 0, 512)
        assert (inside[0] >= (x1, y1)).all() and (inside[1] <= (x2, y2)).all()


@pytest.mark.parametrize("offset", [(5000, 0), (-5000, 0), (0, 5000), (0, -5000)])
def test_a_mask_outside_the_picture_is_refused(offset: tuple[int, int]) -> None:
    face = PEOPLE["astronaut"].face.moved(offset)
    place = wear.worn(face, "correct", np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^the mask lies outside the picture$"):
        put_on(load("astronaut"), face, place, texture(Recipe("surgical")), np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(PEOPLE))
@pytest.mark.parametrize("size", [16, 24, 48])
def test_a_small_mask_is_the_large_one_seen_from_afar(name: str, size: int) -> None:
    large, face = load(name), PEOPLE[name].face
    place = wear.worn(face, "correct", np.random.default_rng(0))
    cloth = texture(Recipe("surgical", (158, 204, 230)))
    after = large.copy()
    put_on(large, face, place, cloth, np.random.default_rng(0)).onto(after)
    scale = size / face.size
    reduced = cv2.resize(after, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(int)
    small = cv2.resize(large, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    there = wear.Worn("correct", place.rows * scale, tuple(strap * scale for strap in place.straps))
    patch = put_on(small, face.moved((0, 0), scale), there, cloth, np.random.default_rng(0))
    h, w = patch.rgb.shape[:2]
    off = np.abs(reduced[patch.y : patch.y + h, patch.x : patch.x + w] - patch.rgb)[patch.cloth > 0.9]
    assert off.mean() < 18
    patch.onto(small)
    assert np.abs(reduced - small).mean() < 4
