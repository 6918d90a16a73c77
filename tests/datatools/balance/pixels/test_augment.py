"""Augmented boxes are right: a drawn shape is found where its box says it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datatools.balance.pixels.augment import ATTEMPTS, Augmenter
from datatools.balance.pixels.policy import Policy, read_policy
from datatools.images import decode, encode

GEOMETRY_ONLY = Policy(
    {
        "flip_horizontal": {"p": 0.5},
        "flip_vertical": {"p": 0.5},
        "affine": {
            "p": 0.9,
            "scale": (0.7, 1.3),
            "rotate_deg": (-30.0, 30.0),
            "shear_deg": (-5.0, 5.0),
            "shift_x": (-0.15, 0.15),
            "shift_y": (-0.15, 0.15),
        },
        "crop": {"p": 0.5, "share": (0.0, 0.15)},
    },
    {},
    border=0,
)


def ellipse(size_wh: tuple[int, int], box: np.ndarray) -> np.ndarray:
    """A white ellipse that fills the box, on black; drawn at 8× and scaled down, so that its edge is smooth."""
    w, h = size_wh
    x1, y1, x2, y2 = box * 8
    big = np.zeros((h * 8, w * 8), np.uint8)
    centre = (int((x1 + x2) / 2), int((y1 + y2) / 2))
    cv2.ellipse(big, centre, (int((x2 - x1) / 2), int((y2 - y1) / 2)), 0, 0, 360, 255, -1)
    return np.repeat(cv2.resize(big, (w, h), interpolation=cv2.INTER_AREA)[..., None], 3, axis=2)


def found_box(pixels: np.ndarray) -> np.ndarray:
    """The box round what is at least half white."""
    rows, columns = np.nonzero(pixels[..., 0] >= 128)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 10**6),
    st.tuples(st.integers(120, 200), st.integers(120, 200)),
    st.tuples(st.floats(0.2, 0.6), st.floats(0.2, 0.6), st.floats(0.15, 0.35), st.floats(0.15, 0.35)),
)
def test_the_shape_is_found_where_its_box_says_it_is(seed: int, size: tuple, place: tuple) -> None:
    w, h = size
    box = np.rint(np.array([place[0] * w, place[1] * h, (place[0] + place[2]) * w, (place[1] + place[3]) * h]) / 2) * 2
    augmenter = Augmenter(GEOMETRY_ONLY, min_visibility=1.0)
    rng = np.random.default_rng(seed)
    drawn = augmenter.draw(box[None], (w, h), rng)
    pixels, _ = augmenter.pixels(ellipse((w, h), box), drawn, rng)
    assert (pixels.shape[1], pixels.shape[0]) == drawn.size_wh
    np.testing.assert_allclose(drawn.xyxy[0], found_box(pixels), atol=2.0)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"flip_horizontal": {"p": 1.0}}, [60, 20, 90, 60]),
        ({"flip_vertical": {"p": 1.0}}, [10, 20, 40, 60]),
        ({"affine": {"shift_x_px": (40.0, 40.0), "shift_y_px": (-10.0, -10.0)}}, [50, 10, 80, 50]),
        ({"affine": {"scale": (0.5, 0.5)}}, [30, 30, 45, 50]),
    ],
)
def test_simple_moves_agree_with_a_hand_count(policy: dict, expected: list[float]) -> None:
    augmenter = Augmenter(Policy(policy, {}), min_visibility=0.5)
    drawn = augmenter.draw(np.array([[10.0, 20.0, 40.0, 60.0]]), (100, 80), np.random.default_rng(0))
    np.testing.assert_allclose(drawn.xyxy[0], expected, atol=0.15)


def test_a_turned_box_grows_as_its_ellipse_does() -> None:
    augmenter = Augmenter(Policy({"affine": {"rotate_deg": (10.0, 10.0)}}, {}), min_visibility=0.5)
    drawn = augmenter.draw(np.array([[80.0, 80.0, 120.0, 120.0]]), (200, 200), np.random.default_rng(0))
    assert drawn.xyxy[0, 2] - drawn.xyxy[0, 0] == pytest.approx(40, abs=0.4)  # a circle's box does not grow


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.3, 1.0))
def test_no_box_loses_more_than_allowed(seed: int, visible: float) -> None:
    boxes = np.array([[0, 0, 30, 20], [170, 120, 200, 150], [90, 60, 110, 90], [5, 100, 25, 149]], float)
    augmenter = Augmenter(GEOMETRY_ONLY, min_visibility=visible)
    drawn = augmenter.draw(boxes, (200, 150), np.random.default_rng(seed))
    assert len(drawn.xyxy) == 4
    assert (drawn.xyxy >= 0).all() and (drawn.xyxy[:, 2:] <= drawn.size_wh).all()
    assert (drawn.xyxy[:, 2:] - drawn.xyxy[:, :2] >= 2).all()


def test_where_every_draw_loses_a_box_only_flips_remain() -> None:
    policy = Policy({"flip_horizontal": {"p": 1.0}, "affine": {"shift_x": (0.9, 0.9)}}, {})
    drawn = Augmenter(policy, 0.6).draw(np.array([[10.0, 10, 90, 90]]), (100, 100), np.random.default_rng(0))
    assert drawn.attempt == ATTEMPTS
    np.testing.assert_allclose(drawn.xyxy, [[10, 10, 90, 90]])


def test_a_picture_without_boxes_is_augmented_too() -> None:
    drawn = Augmenter(read_policy(), 0.6).draw(np.zeros((0, 4)), (64, 48), np.random.default_rng(0))
    assert drawn.xyxy.shape == (0, 4)


@pytest.mark.parametrize("name", sorted(read_policy().colour))
def test_every_colour_operator_changes_pixels_and_not_their_place(name: str) -> None:
    strong = {
        "multiply": (1.5, 1.5),
        "add": (40.0, 40.0),
        "sigma_px": (2.0, 2.0),
        "sigma": (0.1, 0.1),
        "quality": (5.0, 5.0),
    }
    said = {k: strong[k] for k in read_policy().colour[name] if k in strong}
    augmenter = Augmenter(Policy({}, {name: {"p": 1.0, **said}}), 0.6)
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[20:40, 30:60] = (120, 60, 90)
    drawn = augmenter.draw(np.array([[30.0, 20, 60, 40]]), (80, 60), np.random.default_rng(0))
    changed, colours = augmenter.pixels(pixels, drawn, np.random.default_rng(0))
    changed = decode(encode(changed, ".jpg", colours.jpeg)) if name == "jpeg" else changed
    assert changed.shape == pixels.shape and (changed != pixels).any()
    inside, outside = changed[24:36, 34:56].mean(), changed[:12].mean()
    assert inside > outside + 30
    np.testing.assert_array_equal(drawn.xyxy, [[30, 20, 60, 40]])
