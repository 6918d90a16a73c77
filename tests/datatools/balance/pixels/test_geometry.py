"""The closed-form geometry is imgaug's: the same matrix, the same pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.balance.pixels.geometry import Geometry, draw_geometry
from datatools.balance.pixels.imgaug_import import import_imgaug

SIZE = (160, 120)
POINTS = np.array([[3.0, 4.0], [150.0, 9.0], [80.0, 60.0], [20.0, 110.0], [133.0, 71.5]])


def fixed(**values: float) -> dict:
    return {"affine": {name: (value, value) for name, value in values.items()}}


def drawn(said: dict, seed: int = 0, size: tuple[int, int] = SIZE) -> Geometry:
    return draw_geometry(said, size, np.random.default_rng(seed))


def moved(geometry: Geometry, points: np.ndarray) -> np.ndarray:
    return points @ geometry.matrix[:, :2].T + geometry.matrix[:, 2]


def by_imgaug(augmenter: object, points: np.ndarray) -> np.ndarray:
    from imgaug.augmentables import KeypointsOnImage

    on = KeypointsOnImage.from_xy_array(points, shape=(SIZE[1], SIZE[0], 3))
    return augmenter.augment_keypoints(on).to_xy_array()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.4, 2.0), st.floats(-180, 180), st.floats(-30, 30), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_points_move_as_imgaug_moves_its_keypoints(s: float, turn: float, shear: float, x: float, y: float) -> None:
    affine = import_imgaug().Affine(scale=s, rotate=turn, shear=shear, translate_percent={"x": x, "y": y})
    ours = moved(drawn(fixed(scale=s, rotate_deg=turn, shear_deg=shear, shift_x=x, shift_y=y)), POINTS)
    np.testing.assert_allclose(ours, by_imgaug(affine, POINTS), atol=0.02)


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ({"flip_horizontal": {"p": 1.0}}, lambda iaa: iaa.Fliplr(1.0)),
        ({"flip_vertical": {}}, lambda iaa: iaa.Flipud(1.0)),
        (fixed(shift_x_px=12, shift_y_px=-7), lambda iaa: iaa.Affine(translate_px={"x": 12, "y": -7})),
        (
            {"flip_horizontal": {}, "crop": {"share": (0.1, 0.1)}},
            lambda iaa: iaa.Sequential([iaa.Fliplr(1.0), iaa.Crop(percent=0.1, keep_size=False)]),
        ),
        (
            {**fixed(rotate_deg=17, scale=1.2), "flip_vertical": {}},
            lambda iaa: iaa.Sequential([iaa.Flipud(1.0), iaa.Affine(rotate=17, scale=1.2)]),
        ),
    ],
)
def test_points_and_pixels_are_imgaugs(said: dict, make) -> None:
    other = make(import_imgaug())
    geometry = drawn(said)
    np.testing.assert_allclose(moved(geometry, POINTS), by_imgaug(other, POINTS), atol=0.02)
    pixels = np.random.default_rng(0).integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3))
    pixels = np.kron(pixels, np.ones((8, 8, 1))).astype(np.uint8)
    theirs, ours = other.augment_image(pixels), geometry.pixels(pixels, border=0)
    assert theirs.shape == ours.shape and ours.shape[1::-1] == geometry.size_wh
    assert np.mean(np.abs(theirs.astype(int) - ours) > 3) < 0.002  # rounding, at edges alone


@pytest.mark.parametrize(
    "said",
    [
        {"flip_horizontal": {"p": 0.5}, "flip_vertical": {"p": 0.5}, "crop": {"share": (0.0, 0.3)}},
        {"crop": {"share": (0.45, 0.45)}},
        {},
    ],
)
@pytest.mark.parametrize("seed", range(6))
def test_copied_pixels_are_those_that_the_matrix_names(said: dict, seed: int) -> None:
    w, h = 31, 17
    geometry = drawn(said, seed, (w, h))
    column, row = np.meshgrid(np.arange(w), np.arange(h))
    pixels = np.stack([column, row, row], axis=2).astype(np.uint8)
    made = geometry.pixels(pixels, border=0).astype(float)
    assert made.shape[1::-1] == geometry.size_wh
    row, column = np.indices(made.shape[:2])
    place = np.stack([column.ravel() + 0.5, row.ravel() + 0.5], axis=1)
    np.testing.assert_allclose(moved(geometry, made[..., :2].reshape(-1, 2) + 0.5), place)


def test_every_draw_takes_as_much_from_the_stream() -> None:
    streams = [np.random.default_rng(5) for _ in range(3)]
    for said, rng in zip(({}, {"crop": {"share": (0.0, 0.2)}}, fixed(scale=2.0)), streams, strict=True):
        draw_geometry(said, SIZE, rng)
    assert len({float(rng.random()) for rng in streams}) == 1


def test_whole_shifts_reach_both_ends() -> None:
    said = {"affine": {"shift_x_px": (-2.0, 2.0)}}
    assert {float(drawn(said, seed).matrix[0, 2]) for seed in range(60)} == {-2.0, -1.0, 0.0, 1.0, 2.0}
