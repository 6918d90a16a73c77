"""Boxes lie where the faces are drawn: shapes are painted, moved, and looked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.drawing import masks, overlay, wear
from generators.sample import placing
from generators.sample.people import PEOPLE
from generators.sample.placing import Layer

CANVAS = (200, 160)


def painted_ellipse(box: tuple[float, float, float, float], size_wh: tuple[int, int]) -> Layer:
    """An opaque ellipse inscribed in a box, each pixel by the share of 4×4 points of it inside."""
    w, h = size_wh
    y, x = (np.mgrid[0 : h * 4, 0 : w * 4] + 0.5) / 4
    x1, y1, x2, y2 = box
    inside = ((x - (x1 + x2) / 2) / ((x2 - x1) / 2)) ** 2 + ((y - (y1 + y2) / 2) / ((y2 - y1) / 2)) ** 2 <= 1
    alpha = inside.reshape(h, 4, w, 4).mean(axis=(1, 3)).astype(np.float32)
    return Layer(np.full((h, w, 3), 255, np.float32), alpha)


def bounds(alpha: np.ndarray) -> np.ndarray:
    """xyxy of what is at least half covered."""
    rows, columns = np.nonzero((alpha > 0.5).any(axis=1))[0], np.nonzero((alpha > 0.5).any(axis=0))[0]
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@settings(max_examples=60, deadline=None)
@given(
    w=st.floats(24, 60),
    h=st.floats(24, 70),
    x=st.floats(2, 15),
    y=st.floats(2, 15),
    angle_deg=st.floats(-30, 30),
    flipped=st.booleans(),
    to=st.tuples(st.floats(50, 150), st.floats(50, 110)),
)
def test_a_drawn_face_is_found_where_its_box_says(w, h, x, y, angle_deg, flipped, to):
    box = (x, y, x + w, y + h)
    matrix = placing.affine((x + w / 2, y + h / 2), to, angle_deg, flipped=flipped)
    moved = placing.moved(painted_ellipse(box, (90, 100)), matrix, CANVAS)
    assert np.abs(bounds(moved.alpha) - placing.face_box(box, matrix)).max() < 1.6


@settings(max_examples=30, deadline=None)
@given(
    person=st.sampled_from(sorted(PEOPLE)),
    mode=st.sampled_from(wear.MODES),
    angle_deg=st.floats(-20, 20),
    flipped=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_drawn_mask_never_leaves_the_box_of_its_face(person, mode, angle_deg, flipped, seed):
    at = placing.measured(PEOPLE[person], 70 / PEOPLE[person].size)
    shape = wear.worn(at.face, mode, np.random.default_rng(seed))
    size = tuple(round(max(c) + 40) for c in reversed(list(zip(*at.outline, strict=True))))
    sheet = masks.texture(masks.Recipe("surgical"))
    patch = overlay.put_on(np.full((*size, 3), 128, np.uint8), at.face, shape, sheet, np.random.default_rng(0))
    cloth = np.zeros(size, np.float32)
    h, w = patch.cover.shape
    cloth[patch.y : patch.y + h, patch.x : patch.x + w] = patch.cover
    matrix = placing.affine(at.points[30], (100, 80), angle_deg, flipped=flipped)
    low_high = bounds(placing.moved(Layer(np.zeros((*size, 3), np.float32), cloth), matrix, CANVAS).alpha)
    box = placing.face_box(at.box, matrix, shape.outline)
    assert (low_high[:2] > box[:2] - 1.6).all()
    assert (low_high[2:] < box[2:] + 1.6).all()


def test_a_face_that_is_only_moved_keeps_its_box():
    matrix = placing.affine((20, 30), (70, 90))
    assert placing.face_box((10, 10, 30, 50), matrix) == pytest.approx([60, 70, 80, 110])


def test_a_quarter_turn_swaps_the_sides_of_a_box():
    matrix = placing.affine((20, 30), (20, 30), 90)
    assert placing.face_box((10, 10, 30, 50), matrix) == pytest.approx([0, 20, 40, 40])


def test_mirroring_keeps_the_box_of_a_face_about_its_centre():
    matrix = placing.affine((20, 30), (20, 30), flipped=True)
    assert placing.face_box((10, 10, 30, 50), matrix) == pytest.approx([10, 10, 30, 50])
    assert placing.mapped(np.array([[10, 10]]), matrix)[0] == pytest.approx([30, 10])


def test_a_box_grows_to_hold_a_mask_that_hangs_below_the_chin():
    matrix = placing.affine((0, 0), (0, 0))
    hanging = np.array([[12.0, 40], [28, 40], [20, 57]])
    assert placing.face_box((10, 10, 30, 50), matrix, hanging) == pytest.approx([10, 10, 30, 57])


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_measurements_scale_with_the_photograph(name):
    person = PEOPLE[name]
    half = placing.measured(person, 0.5)
    layer = placing.photograph(person, 0.5)
    assert half.box == pytest.approx([v / 2 for v in person.box], rel=0.01)
    assert max(y for _, y in half.outline) <= layer.alpha.shape[0]
    assert layer.alpha.min() == 1


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_a_cut_out_keeps_the_face_and_drops_the_corners(name):
    person = PEOPLE[name]
    alpha = placing.cut_out(placing.photograph(person, 1.0), person).alpha
    x1, y1, x2, y2 = person.box
    ys, xs = np.mgrid[0 : alpha.shape[0], 0 : alpha.shape[1]]
    middle = ((xs - (x1 + x2) / 2) / (x2 - x1)) ** 2 + ((ys - (y1 + y2) / 2) / (y2 - y1)) ** 2 < 0.14
    assert alpha[middle].min() > 0.95
    assert alpha[0].max() < 0.01 and alpha[: round(y1), 0].max() < 0.01


@pytest.mark.parametrize("to", [(60, 60), (3, 150), (190, 8), (-400, -400)])
def test_laying_a_part_on_gives_what_moving_the_whole_layer_gives(to):
    layer = painted_ellipse((10, 10, 50, 70), (60, 80))
    matrix = placing.affine((30, 40), to, 20, flipped=True)
    below = np.full((CANVAS[1], CANVAS[0], 3), 40, np.float32)
    whole = placing.moved(layer, matrix, CANVAS)
    expected = below * (1 - whole.alpha[..., None]) + whole.rgb * whole.alpha[..., None]
    different = np.abs(placing.laid_on(below, layer, matrix) - expected)
    assert different.max() <= 215 / 32 and different.mean() < 0.1  # OpenCV places samples to 1/32 of a pixel
    assert (below == 40).all()
