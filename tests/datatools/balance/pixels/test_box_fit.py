"""A re-fitted box stands round the moved shape that the fit takes it to hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.balance.pixels.box_fit import BOX_FITS, DEFAULT, moved_boxes

TURN = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
CUT = 1 / (1 + np.sqrt(2))  # a regular octagon whose sides touch those of its box
OUTLINES = {
    "ellipse": np.stack([np.cos(TURN), np.sin(TURN)], axis=1),
    "octagon": np.array([(x, y) for a in (-1, 1) for b in (-CUT, CUT) for x, y in ((a, b), (b, a))]),
    "rectangle": np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)]),
}
BOX = np.array([20.0, 30.0, 60.0, 90.0])
matrices = st.tuples(*[st.floats(-2, 2)] * 4, *[st.floats(-50, 50)] * 2).map(
    lambda m: np.array([[m[0], m[1], m[4]], [m[2], m[3], m[5]]])
)


def test_the_outlines_of_this_file_are_those_of_the_fits() -> None:
    assert set(OUTLINES) == set(BOX_FITS) and DEFAULT == "ellipse"


@settings(max_examples=60, deadline=None)
@given(matrices, st.sampled_from(sorted(OUTLINES)))
def test_the_box_stands_round_every_point_of_the_moved_outline(matrix: np.ndarray, fit: str) -> None:
    points = OUTLINES[fit] * (BOX[2:] - BOX[:2]) / 2 + (BOX[:2] + BOX[2:]) / 2
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    expected = np.concatenate([moved.min(axis=0), moved.max(axis=0)])
    np.testing.assert_allclose(moved_boxes(matrix, BOX[None], fit)[0], expected, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(matrices)
def test_the_fits_lie_inside_one_another(matrix: np.ndarray) -> None:
    ellipse, octagon, rectangle = (
        moved_boxes(matrix, BOX[None], fit)[0] for fit in ("ellipse", "octagon", "rectangle")
    )
    for inner, outer in ((ellipse, octagon), (octagon, rectangle)):
        assert (outer[:2] <= inner[:2] + 1e-9).all() and (outer[2:] >= inner[2:] - 1e-9).all()


@pytest.mark.parametrize("fit", sorted(OUTLINES))
def test_a_quarter_turn_is_exact_whatever_the_fit(fit: str) -> None:
    quarter = np.array([[0.0, -1.0, 100.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(moved_boxes(quarter, BOX[None], fit), [[10, 20, 70, 60]])


def test_the_ellipse_is_nearest_to_the_box_of_a_turned_face() -> None:
    chin = np.where(OUTLINES["ellipse"][:, 1] > 0, 0.85, 1.0)  # narrower below than above
    face = OUTLINES["ellipse"] * np.stack([chin, np.ones_like(chin)], axis=1) * [16, 20]
    for degrees in (5, 10, 20, 45):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
        box = np.concatenate([face.min(axis=0), face.max(axis=0)])
        moved = face @ matrix[:, :2].T
        true = np.concatenate([moved.min(axis=0), moved.max(axis=0)])
        away = {fit: np.abs(moved_boxes(matrix, box[None], fit)[0] - true).sum() for fit in BOX_FITS}
        assert min(away, key=away.__getitem__) == "ellipse", (degrees, away)
