"""Claims about the warp: it is the thin-plate spline that SciPy computes, and its curves go where they are sent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from generators.drawing.warp import on_pixels, sampled, thin_plate, through

CORNERS = np.array([[0.0, 0], [90, 0], [0, 60], [90, 60], [40, 25], [55, 50]])


def bent(seed: int, k: int = 15, size: float = 100.0) -> tuple[NDArray, NDArray]:
    """Points on a jittered grid, as a mask's are, and their places on the sheet."""
    rng = np.random.default_rng(seed)
    u, v = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, k // 5))
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    return (uv + rng.uniform(-0.08, 0.08, uv.shape)) * size, uv


@settings(deadline=None)
@given(seed=st.integers(0, 9999), size=st.floats(4, 4000))
def test_a_plate_passes_through_its_points(seed: int, size: float) -> None:
    points, values = bent(seed, size=size)
    assert thin_plate(points, values)(points) == pytest.approx(values, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_between_its_points_it_is_scipys_thin_plate(seed: int) -> None:
    points, values = bent(seed)
    at = np.random.default_rng(seed).uniform(-30, 130, (200, 2))
    oracle = RBFInterpolator(points, values, kernel="thin_plate_spline", degree=1)(at)
    assert thin_plate(points, values)(at) == pytest.approx(oracle, abs=1e-6)


@settings(deadline=None)
@given(
    matrix=arrays(float, (2, 3), elements=st.floats(-3, 3)),
    at=arrays(float, (7, 2), elements=st.floats(-500, 500)),
)
def test_an_affine_map_is_reproduced_everywhere(matrix: NDArray, at: NDArray) -> None:
    plate = thin_plate(CORNERS, CORNERS @ matrix[:, :2].T + matrix[:, 2])
    assert plate(at) == pytest.approx(at @ matrix[:, :2].T + matrix[:, 2], abs=1e-6)


@settings(deadline=None)
@given(shift=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), scale=st.floats(0.01, 100))
def test_the_place_and_size_of_the_picture_do_not_matter(shift: tuple[float, float], scale: float) -> None:
    points, values = bent(3)
    at = np.array([[20.0, 30], [77, 5], [140, -10]])
    there = thin_plate(points * scale + shift, values)(at * scale + shift)
    assert there == pytest.approx(thin_plate(points, values)(at), abs=1e-5)


@pytest.mark.parametrize(
    "points", [np.zeros((4, 2)), np.array([[0.0, 0], [5, 5]]), np.stack([np.arange(9.0), 3 + 2 * np.arange(9.0)], 1)]
)
def test_points_on_one_line_are_refused(points: NDArray) -> None:
    with pytest.raises(ValueError, match=rf"^{len(points)} points on one line$"):
        thin_plate(points, np.zeros((len(points), 2)))


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 30), (24, 24), (9, 17)])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_a_small_canvas_has_the_plates_own_values_at_its_pixel_centres(size_wh: tuple[int, int], scale: float) -> None:
    plate = thin_plate(*bent(1))
    w, h = size_wh
    w, h = min(w, 24), min(h, 24)
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    exact = plate(np.stack([x, y], axis=-1).reshape(-1, 2) / scale).reshape(h, w, 2)
    canvas = on_pixels(plate, (w, h), scale)
    assert canvas.dtype == np.float32
    assert canvas == pytest.approx(exact, abs=1e-5)


@settings(deadline=None)
@given(seed=st.integers(0, 999), w=st.integers(25, 300), aspect=st.floats(0.5, 2), fine=st.sampled_from([1, 2, 4]))
def test_a_large_canvas_is_right_to_some_thousandths_of_the_sheet(seed: int, w: int, aspect: float, fine: int) -> None:
    h = round(w * aspect)
    points, values = bent(seed)
    plate = thin_plate(points * np.array([w, h]) / 100 / fine, values)
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    exact = plate(np.stack([x, y], axis=-1).reshape(-1, 2) / fine).reshape(h, w, 2)
    off = np.abs(on_pixels(plate, (w, h), fine) - exact)
    assert off.max() < 0.04 and off.mean() < 0.004  # where it bends most, in a corner


@pytest.mark.parametrize("size_wh", [(25, 25), (47, 48), (100, 61), (500, 333)])
def test_a_canvas_of_an_affine_map_is_right_up_to_its_edges(size_wh: tuple[int, int]) -> None:
    w, h = size_wh
    plate = thin_plate(CORNERS, CORNERS / 100)
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    assert on_pixels(plate, size_wh) == pytest.approx(np.stack([x, y], axis=-1) / 100, abs=1e-4)


def test_a_texture_seen_at_its_own_size_is_itself() -> None:
    texture = np.random.default_rng(0).random((6, 9, 4)).astype(np.float32)
    u, v = np.meshgrid((np.arange(9) + 0.5) / 9, (np.arange(6) + 0.5) / 6)
    assert sampled(texture, np.stack([u, v], axis=-1).astype(np.float32)) == pytest.approx(texture, abs=1e-5)
    grey = sampled(texture[..., 0], np.stack([u, v], axis=-1).astype(np.float32))
    assert grey == pytest.approx(texture[..., 0], abs=1e-5)


def test_places_between_two_texels_take_a_part_of_each_and_outside_the_edge_goes_on() -> None:
    texture = np.array([[0.0, 1.0]], np.float32)
    places = np.array([[[-5, 0.5], [0.0, 0.5], [0.25, 0.5], [0.5, 0.5], [0.75, 0.5], [9, 0.5]]], np.float32)
    assert sampled(texture, places)[0] == pytest.approx([0, 0, 0, 0.5, 1, 1], abs=0.02)


POLYGONS = arrays(float, st.tuples(st.integers(3, 14), st.just(2)), elements=st.floats(-100, 100))


@settings(deadline=None)
@given(points=POLYGONS, steps=st.integers(1, 9))
def test_a_closed_curve_passes_through_its_points(points: NDArray, steps: int) -> None:
    curve = through(points, steps)
    assert len(curve) == len(points) * steps
    assert curve[::steps] == pytest.approx(points)


@settings(deadline=None)
@given(points=POLYGONS, matrix=arrays(float, (2, 2), elements=st.floats(-2, 2)))
def test_a_curve_moves_with_its_points(points: NDArray, matrix: NDArray) -> None:
    moved = through(points @ matrix.T + (5, -3))
    assert moved == pytest.approx(through(points) @ matrix.T + (5, -3), abs=1e-6)


@settings(deadline=None)
@given(ends=arrays(float, (2, 2), elements=st.floats(-100, 100)), k=st.integers(2, 9))
def test_points_on_a_straight_line_give_a_straight_line(ends: NDArray, k: int) -> None:
    assume(np.ptp(ends, axis=0).max() > 1e-3)
    share = np.linspace(0, 1, k)[:, None]
    along = ends[1] - ends[0]
    off = through(ends[0] + share * along, 4) - ends[0]
    assert off[:, 0] * along[1] - off[:, 1] * along[0] == pytest.approx(np.zeros(len(off)), abs=1e-6 * 200**2)


def test_eight_points_of_a_circle_give_nearly_the_circle() -> None:
    t = np.arange(8) * np.pi / 4
    radius = np.linalg.norm(through(np.stack([np.cos(t), np.sin(t)], axis=1)), axis=1)
    assert radius == pytest.approx(np.ones(64), abs=0.03)
