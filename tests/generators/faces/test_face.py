"""Claims about the measures of a face: by hand on a drawn one, and what stays the same when it is moved or mirrored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from generators.faces.face import BRIDGE, CHIN, EYES, MIRRORED, NOSE_TIP, Face
from generators.sample.people import PEOPLE


def drawn(nose_x: float = 50.0) -> Face:
    """Cheeks at x 20 and 80, bridge of the nose at (50, 30), chin at (50, 90)."""
    points = np.full((68, 2), 50.0)
    points[2], points[14], points[BRIDGE], points[CHIN], points[NOSE_TIP] = (
        (20, 60),
        (80, 60),
        (50, 30),
        (50, 90),
        (nose_x, 60),
    )
    return Face(np.array([10.0, 5, 90, 105]), points)


def turned(points: NDArray, angle_deg: float) -> NDArray:
    """Clockwise as seen, about the origin; y points down."""
    a = np.radians(angle_deg)
    return points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def mirrored(face: Face, width: float) -> Face:
    x1, y1, x2, y2 = face.xyxy
    points = face.points[list(MIRRORED)] * (-1, 1) + (width, 0)
    return Face(np.array([width - x2, y1, width - x1, y2]), points)


def test_the_measures_of_a_drawn_face_are_those_counted_by_hand() -> None:
    face = drawn()
    assert face.size == pytest.approx(np.sqrt(80 * 100))
    assert face.height == 60
    assert face.down.tolist() == [0, 1]
    assert face.across.tolist() == [1, 0]
    assert face.yaw == 0


@pytest.mark.parametrize(("nose_x", "yaw"), [(35, -0.5), (65, 0.5), (20, -1), (80, 1), (5, -1), (200, 1)])
def test_yaw_is_where_the_nose_stands_between_the_cheeks(nose_x: float, yaw: float) -> None:
    assert drawn(nose_x).yaw == pytest.approx(yaw)


@pytest.mark.parametrize("angle_deg", [30, 90, 180, -45])
def test_a_rolled_head_keeps_its_measures_and_turns_its_axes(angle_deg: float) -> None:
    face = drawn(65)
    rolled = Face(face.xyxy, turned(face.points, angle_deg))
    assert rolled.yaw == pytest.approx(face.yaw)
    assert rolled.height == pytest.approx(face.height)
    assert rolled.down == pytest.approx(turned(face.down[None], angle_deg)[0])
    assert rolled.across == pytest.approx(turned(face.across[None], angle_deg)[0])


def test_a_face_without_extent_has_measures_all_the_same() -> None:
    face = Face(np.zeros(4), np.zeros((68, 2)))
    assert (face.size, face.height) == (0, 0)
    assert np.isfinite([*face.down, *face.across, face.yaw]).all()


@pytest.mark.parametrize("person", sorted(PEOPLE))
def test_the_numbering_is_dlibs_on_the_measured_portraits(person: str) -> None:
    p = PEOPLE[person].face.points
    assert p[CHIN, 1] == p[:, 1].max(), "the chin is lowest"
    assert p[0, 0] < p[CHIN, 0] < p[16, 0], "the jaw runs from the picture's left to its right"
    assert p[list(EYES), 1].max() < p[NOSE_TIP, 1] < p[48:68, 1].min(), "eyes over the nose over the mouth"
    assert p[36:42, 0].max() < p[BRIDGE, 0] < p[42:48, 0].min()


def test_mirrored_numbers_undo_themselves() -> None:
    numbers = np.array(MIRRORED)
    assert numbers[numbers].tolist() == list(range(68))
    assert [k for k in range(68) if MIRRORED[k] == k] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66], "on the axis"


@pytest.mark.parametrize("person", sorted(PEOPLE))
def test_a_mirrored_face_is_a_face_that_looks_the_other_way(person: str) -> None:
    face = PEOPLE[person].face
    other = mirrored(face, 512)
    assert other.yaw == pytest.approx(-face.yaw)
    assert other.height == pytest.approx(face.height)
    apart = np.linalg.norm(other.moved(other.points[27] - face.points[27]).points - face.points, axis=1)
    assert apart.max() < 0.35 * face.size, "each number is at its own place again, as far as the head is symmetric"
    assert mirrored(other, 512).points == pytest.approx(face.points)


def test_both_portraits_are_seen_from_the_front() -> None:
    assert all(abs(person.face.yaw) < 0.2 for person in PEOPLE.values())


def test_arrays_are_copied_and_read_only() -> None:
    box, points = np.zeros(4), np.zeros((68, 2))
    face = Face(box, points)
    box[:], points[:] = 7, 7
    assert not face.xyxy.any() and not face.points.any()
    for array in (face.xyxy, face.points):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("box", "points", "said"),
    [
        ((3,), (68, 2), r"^xyxy: shape \(3,\), expected \(4,\)$"),
        ((1, 4), (68, 2), r"^xyxy: shape \(1, 4\), expected \(4,\)$"),
        ((4,), (5, 2), r"^points: shape \(5, 2\), expected \(68, 2\)$"),
        ((4,), (68, 3), r"^points: shape \(68, 3\), expected \(68, 2\)$"),
    ],
)
def test_other_shapes_are_refused(box: tuple[int, ...], points: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Face(np.zeros(box), np.zeros(points))


def test_a_crop_seen_three_times_as_large_is_where_arithmetic_says() -> None:
    face = Face(np.array([10.0, 20, 30, 50]), np.tile([12.0, 25], (68, 1)), 0.01, 1.5).moved((10, 15), 3)
    assert face.xyxy.tolist() == [0, 15, 60, 105]
    assert face.points[0].tolist() == [6, 30]
    assert (face.spread, face.score) == (0.01, 1.5)


@settings(deadline=None)
@given(x=st.floats(-500, 500), y=st.floats(-500, 500), scale=st.floats(0.05, 20))
def test_moving_there_and_back_changes_nothing(x: float, y: float, scale: float) -> None:
    face = PEOPLE["astronaut"].face
    there = face.moved((x, y), scale)
    back = there.moved((-x * scale, -y * scale), 1 / scale)
    assert back.points == pytest.approx(face.points, abs=1e-6)
    assert back.xyxy == pytest.approx(face.xyxy, abs=1e-6)
    assert there.yaw == pytest.approx(face.yaw, abs=1e-6)
    assert (there.height, there.size) == pytest.approx((scale * face.height, scale * face.size))
