"""What a mask covers is what its mode says, on both measured faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.drawing import wear
from generators.faces.face import CHIN_POINTS, MOUTH, NOSE
from generators.sample.people import PEOPLE

GROUPS = {"nose": list(NOSE), "mouth": list(MOUTH), "chin": list(CHIN_POINTS)}


def inside(polygon: np.ndarray, point: np.ndarray) -> bool:
    """Even-odd rule, written again from its definition."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    crosses = (a[:, 1] > point[1]) != (b[:, 1] > point[1])
    height = np.where(b[:, 1] == a[:, 1], 1, b[:, 1] - a[:, 1])
    x = a[:, 0] + (point[1] - a[:, 1]) * (b[:, 0] - a[:, 0]) / height
    return bool(np.sum(crosses & (point[0] < x)) % 2)


def covered(person: str, mode: str, seed: int) -> dict[str, float]:
    """Share of each group's landmarks inside the mask."""
    face = PEOPLE[person].face
    edge = wear.worn(face, mode, np.random.default_rng(seed)).outline
    return {name: np.mean([inside(edge, face.points[n]) for n in numbers]) for name, numbers in GROUPS.items()}


@pytest.mark.parametrize("person", sorted(PEOPLE))
@pytest.mark.parametrize("mode", wear.MODES)
def test_most_draws_of_a_mode_show_what_it_says(person: str, mode: str) -> None:
    face = PEOPLE[person].face
    faults = [wear.fault(face, wear.worn(face, mode, np.random.default_rng(seed))) for seed in range(40)]
    assert faults.count("") >= 24, faults


@pytest.mark.parametrize("person", sorted(PEOPLE))
@pytest.mark.parametrize("mode", wear.MODES)
@pytest.mark.parametrize("seed", range(8))
def test_a_shape_without_fault_covers_and_shows_what_its_mode_says(person: str, mode: str, seed: int) -> None:
    face = PEOPLE[person].face
    if wear.fault(face, wear.worn(face, mode, np.random.default_rng(seed))):
        return
    shares = covered(person, mode, seed)
    for group, under in wear.SHOWS[mode].items():
        assert shares[group] >= 0.7 if under else shares[group] <= 0.5


def test_a_shape_that_is_labelled_with_another_mode_is_found_out() -> None:
    face = PEOPLE["astronaut"].face
    right = wear.worn(face, "correct", np.random.default_rng(0))
    assert wear.fault(face, wear.Worn("nose_out", right.rows, right.straps)) == "nose 100% covered"
    assert wear.fault(face, wear.Worn("ear_hang", right.rows, right.straps)) == "nose 100% covered"
    low = wear.worn(face, "nose_mouth_out", np.random.default_rng(0))
    assert wear.fault(face, wear.Worn("correct", low.rows, low.straps)) == "nose only 0% covered"


def test_a_chin_that_is_half_hidden_does_not_count_as_seen() -> None:
    face = PEOPLE["grace_hopper"].face
    shape = wear.worn(face, "chin_out", np.random.default_rng(0))
    rows = shape.rows.copy()
    rows[2, 1:4] += 0.2 * face.height * face.down
    assert "chin" in wear.fault(face, wear.Worn("chin_out", rows, shape.straps))


@settings(max_examples=40, deadline=None)
@given(mode=st.sampled_from(wear.MODES), seed=st.integers(0, 999), turn=st.floats(-3, 3), scale=st.floats(0.1, 5))
def test_a_shape_moves_and_grows_with_its_face(mode: str, seed: int, turn: float, scale: float) -> None:
    face = PEOPLE["astronaut"].face
    here = wear.worn(face, mode, np.random.default_rng(seed))
    there = wear.worn(face.moved((10 * turn, -7), scale), mode, np.random.default_rng(seed))
    assert there.rows == pytest.approx((here.rows - (10 * turn, -7)) * scale, abs=1e-6 * scale + 1e-6)


def test_straps_are_left_out_on_the_side_that_the_head_turns_away() -> None:
    face = PEOPLE["astronaut"].face
    points = face.points.copy()
    points[27:36] += (0.3 * (points[14, 0] - points[2, 0]), 0)
    turned = type(face)(face.xyxy, points)
    assert turned.yaw > 0.45
    assert len(wear.worn(face, "correct", np.random.default_rng(0)).straps) == 4
    assert len(wear.worn(turned, "correct", np.random.default_rng(0)).straps) == 2


def test_a_tapered_mask_has_shorter_sides_and_the_same_middle() -> None:
    face = PEOPLE["astronaut"].face
    square, tapered = (wear.worn(face, "correct", np.random.default_rng(0), tapered=t).rows for t in (0.0, 0.4))
    side = [np.linalg.norm(rows[2, 0] - rows[0, 0]) for rows in (square, tapered)]
    assert side[1] == pytest.approx(0.6 * side[0], rel=0.02)
    assert tapered[:, 2] == pytest.approx(square[:, 2])
