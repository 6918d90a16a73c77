"""Claims about what stands before a face: put there by the test, it is found where it is; a beard is none."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from generators.faces.face import CHIN, NOSE_TIP, Face
from generators.faces.front import LEAST_PX, Front, in_front
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

NAMES = sorted(PEOPLE)
COLOURS = {"dark": (20, 20, 25), "blue": (30, 60, 200), "green": (20, 120, 40)}
BESIDE, BEFORE = (-0.3, 0.05, 0.4), (0.0, 0.1, 0.8)  # x and y from the chin, radius: in face heights


def disc(name: str, where: tuple[float, float, float]) -> NDArray:
    """Pixels of a disc, (H, W) bool."""
    face, canvas = PEOPLE[name].face, np.zeros(load(name).shape[:2], np.uint8)
    x, y = (face.points[CHIN] + np.array(where[:2]) * face.height).astype(int).tolist()
    cv2.circle(canvas, (x, y), int(where[2] * face.height), 1, -1)
    return canvas.astype(bool)


def covered(name: str, where: tuple[float, float, float], colour: tuple[int, int, int]) -> NDArray:
    """The portrait with a disc over it."""
    return np.where(disc(name, where)[..., None], np.array(colour, np.uint8), load(name))


def everywhere(front: Front, pixels: NDArray) -> NDArray:
    return front.over((0, 0, pixels.shape[1], pixels.shape[0]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.3])
def test_nothing_stands_before_the_portraits(name: str, scale: float) -> None:
    small = cv2.resize(load(name), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert in_front(small, PEOPLE[name].face.moved((0, 0), scale)) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_disc_over_one_side_of_the_chin_is_found_where_it_is(name: str, colour: str) -> None:
    pixels = covered(name, BESIDE, COLOURS[colour])
    before = pixels.copy()
    front = in_front(pixels, PEOPLE[name].face)
    assert np.array_equal(pixels, before)
    assert front is not None
    assert 0.1 < front.hidden < 0.5
    cover, there = everywhere(front, pixels), disc(name, BESIDE)
    assert cover.dtype == np.float32 and cover.min() >= 0 and cover.max() <= 1.001
    rim = np.ones((3, 3), np.uint8)
    inner = cv2.erode(there.astype(np.uint8), rim, iterations=6).astype(bool)
    assert cover[inner].mean() > 0.97
    points = PEOPLE[name].face.points
    face = np.zeros(there.shape, np.uint8)
    cv2.fillPoly(face, [np.round(points[[*range(17), 26, 17]]).astype(np.int32)], 1)
    bare = face.astype(bool) & ~cv2.dilate(there.astype(np.uint8), rim, iterations=8).astype(bool)
    assert cover[bare].mean() < 0.03, "the rest of the face is free"


@pytest.mark.parametrize("name", NAMES)
def test_on_which_side_it_stands_is_where_it_covers(name: str) -> None:
    x = PEOPLE[name].face.points[CHIN, 0]
    for side in (-1, 1):
        pixels = covered(name, (side * 0.32, 0.05, 0.4), COLOURS["green"])
        front = in_front(pixels, PEOPLE[name].face)
        assert front is not None
        columns = np.nonzero(everywhere(front, pixels) > 0.5)[1]
        assert (columns.mean() - x) * side > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_lower_face_that_is_hidden_altogether_counts_as_hidden(name: str, colour: str) -> None:
    front = in_front(covered(name, BEFORE, COLOURS[colour]), PEOPLE[name].face)
    assert front is not None and front.hidden > 0.85


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("below", [0.0, 0.12, 0.3])
def test_a_dark_band_around_a_bare_mouth_is_a_beard(name: str, below: float) -> None:
    p, face = PEOPLE[name].face.points, PEOPLE[name].face
    edge = np.concatenate([p[3:14] + below * face.height * face.down, p[[54, 55, 56, 57, 58, 59, 48]]])
    pixels = load(name).copy()
    cv2.fillPoly(pixels, [np.round(edge).astype(np.int32)], (40, 30, 28))
    assert in_front(pixels, face) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_spot_that_stays_inside_the_face_is_no_thing(name: str) -> None:
    assert in_front(covered(name, (0, -0.13, 0.09), COLOURS["dark"]), PEOPLE[name].face) is None
    assert in_front(covered(name, (0.2, -0.35, 0.1), COLOURS["blue"]), PEOPLE[name].face) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("out", [0.1, 0.14])
def test_half_a_beard_that_hardly_leaves_the_face_is_no_thing(name: str, out: float) -> None:
    p, pixels = PEOPLE[name].face.points, load(name).copy()
    outwards = (p[3:8] - p[57]) / np.linalg.norm(p[3:8] - p[57], axis=1, keepdims=True)
    edge = np.concatenate([p[3:8] + out * PEOPLE[name].face.height * outwards, p[[8, 57, 48]]])
    cv2.fillPoly(pixels, [np.round(edge).astype(np.int32)], (30, 60, 200))
    assert in_front(pixels, PEOPLE[name].face) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_thing_beside_the_face_covers_nothing(name: str) -> None:
    assert in_front(covered(name, (1.2, 0.2, 0.4), COLOURS["blue"]), PEOPLE[name].face) is None


@pytest.mark.parametrize("name", NAMES)
def test_hair_that_falls_over_a_cheek_from_above_is_no_thing(name: str) -> None:
    p, pixels = PEOPLE[name].face.points, load(name).copy()
    top, width = int(p[19, 1] - 20), 0.16 * PEOPLE[name].face.height
    pixels[top : int(p[CHIN, 1]) + 9, int(p[4, 0] - width) : int(p[4, 0] + width)] = (25, 22, 20)
    assert in_front(pixels, PEOPLE[name].face) is None


def test_a_face_too_small_to_tell_has_nothing_before_it() -> None:
    face, pixels = PEOPLE["astronaut"].face, covered("astronaut", BEFORE, COLOURS["blue"])
    for px, found in ((0.9 * LEAST_PX, False), (1.5 * LEAST_PX, True)):
        scale = px / face.height
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        assert (in_front(small, face.moved((0, 0), scale)) is not None) == found


@pytest.mark.parametrize("corner", [(0, 0), (300, 170), (701, 333)])
def test_the_same_face_in_a_larger_picture_is_covered_the_same(corner: tuple[int, int]) -> None:
    pixels, face = covered("astronaut", BESIDE, COLOURS["green"]), PEOPLE["astronaut"].face
    x, y = corner
    large = np.zeros((512 + y + 40, 512 + x + 90, 3), np.uint8)
    large[y : y + 512, x : x + 512] = pixels
    here, there = in_front(pixels, face), in_front(large, face.moved((-x, -y)))
    assert here is not None and there is not None
    assert np.array_equal(here.cover, there.cover)
    assert (there.x - here.x, there.y - here.y, there.hidden) == (x, y, here.hidden)
    assert np.array_equal(here.over((150, 90, 280, 230)), there.over((150 + x, 90 + y, 280 + x, 230 + y)))


def test_a_region_is_covered_as_the_whole_picture_is_there() -> None:
    pixels = covered("grace_hopper", BESIDE, COLOURS["dark"])
    front = in_front(pixels, PEOPLE["grace_hopper"].face)
    assert front is not None
    part = front.over((200, 250, 300, 380))
    assert part == pytest.approx(everywhere(front, pixels)[250:380, 200:300], abs=0.05)


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-900, 900), y=st.floats(-900, 900), scale=st.floats(0.05, 6), angle=st.floats(-180, 180))
def test_no_face_at_any_place_is_too_much(x: float, y: float, scale: float, angle: float) -> None:
    pixels = covered("astronaut", BESIDE, COLOURS["green"])[60:200, 150:290]
    face = PEOPLE["astronaut"].face.moved((150, 60), scale)
    a, middle = np.radians(angle), face.points[NOSE_TIP]
    turned = (face.points - middle) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + middle + (x, y)
    front = in_front(pixels, Face(face.xyxy, turned))
    assert front is None or 0 < front.hidden <= 1


def test_a_polygon_is_hidden_by_its_share_that_is_covered() -> None:
    cover = np.zeros((40, 60), np.uint8)
    cover[:, 30:] = 1  # from x = 100 + 30 / 0.5 on
    front = Front(0.3, cover, 100, 200, 0.5)
    for x1, x2, share in ((110, 150, 0), (140, 180, 0.5), (165, 210, 1), (130, 170, 0.25)):
        polygon = np.array([[x1, 210], [x2, 210], [x2, 270], [x1, 270]], float)
        assert front.hides(polygon) == pytest.approx(share, abs=0.06)
    assert front.hides(np.array([[0.0, 0], [9, 0], [9, 9]])) == 0, "what lies elsewhere is not hidden"


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8), (47, 131)])
def test_what_stands_in_front_comes_back_from_json(shape: tuple[int, int]) -> None:
    cover = (np.random.default_rng(0).random(shape) > 0.5).astype(np.uint8)
    front = Front(0.25, cover, -3, 17, 0.375)
    back = Front.of_dict(json.loads(json.dumps(front.as_dict())))
    assert np.array_equal(back.cover, cover) and back.cover.dtype == np.uint8
    assert (back.hidden, back.x, back.y, back.scale) == (0.25, -3, 17, 0.375)
    assert np.array_equal(back.over((-9, 9, 200, 90)), front.over((-9, 9, 200, 90)))


@pytest.mark.parametrize("name", sorted(PEOPLE))
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("colour", [(20, 20, 22), (200, 60, 60), (60, 140, 40)])
def test_a_microphone_held_to_the_mouth_is_found(name: str, side: int, colour: tuple[int, int, int]) -> None:
    face, pixels = PEOPLE[name].face, np.array(load(name))
    mouth = face.points[48:60].mean(axis=0)
    end = mouth + face.height * (1.4 * face.down + 0.7 * side * face.across)
    ends = [tuple(int(v) for v in point) for point in (mouth, end)]
    cv2.line(pixels, *ends, colour, int(0.33 * face.height), cv2.LINE_AA)
    found = in_front(pixels, face)
    assert found is not None and 0.2 < found.hidden < 0.6
