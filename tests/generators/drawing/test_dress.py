"""Claims about what a face is given to wear: what passes keeps every limit, what does not is told why."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from generators.drawing import dress, negatives, wear
from generators.drawing.dress import FAULTS, LEAST_CONTRAST, ROLES, Dress, Setting, Unfit, draw, setting_of
from generators.drawing.masks import Recipe, texture
from generators.faces.face import Face
from generators.faces.front import Front
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

NAMES = sorted(PEOPLE)
MODES = sorted(ROLES)
UNDER_CHIN = ("correct", "nose_out", "nose_mouth_out")
ANYWHERE = (4000, 4000)


def stream(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def central(name: str) -> Face:
    """A face far from every edge of a picture of ANYWHERE's size."""
    return PEOPLE[name].face.moved((-1500, -1500))


def with_points(face: Face, numbers: Iterable[int], at: NDArray) -> Face:
    points = face.points.copy()
    points[list(numbers)] = at
    return Face(face.xyxy, points)


def test_each_mode_makes_its_wearer_what_the_label_says() -> None:
    assert ROLES == {
        "correct": "correct",
        "nose_out": "incorrect",
        "nose_mouth_out": "incorrect",
        "chin_out": "incorrect",
        "ear_hang": "incorrect",
        "scarf": "none",
        "hand": "none",
        "beard": "none",
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_a_face_with_room_around_it_is_dressed(name: str, mode: str) -> None:
    found = draw(central(name), mode, stream(), ANYWHERE)
    assert isinstance(found, Dress)
    assert (found.mode, found.worn.mode, found.role) == (mode, mode, ROLES[mode])
    assert (found.recipe.kind == mode) == (found.role == "none")
    shows = wear.SHOWS[mode] if mode in wear.MODES else negatives.SHOWS[mode]
    assert wear.fault(central(name), found.worn, shows) == ""


@pytest.mark.parametrize("mode", MODES)
def test_the_same_stream_gives_the_same_dress_and_another_one_another(mode: str) -> None:
    a, b, c = (draw(central("astronaut"), mode, stream(seed), ANYWHERE) for seed in (4, 4, 5))
    assert isinstance(a, Dress) and isinstance(b, Dress) and isinstance(c, Dress)
    assert a.as_dict() == b.as_dict() != c.as_dict()
    assert np.array_equal(a.worn.rows, b.worn.rows) and not np.array_equal(a.worn.rows, c.worn.rows)


def test_the_manifest_has_mode_mask_and_seed() -> None:
    place = wear.worn(central("astronaut"), "nose_out", stream())
    said = Dress("nose_out", place, Recipe("surgical", (1, 2, 3)), 77).as_dict()
    assert said == {"mode": "nose_out", "mask": {"kind": "surgical", "colour": (1, 2, 3)}, "seed": 77}
    assert json.loads(json.dumps(said))["mask"]["colour"] == [1, 2, 3]


def misshapen(mode: str) -> tuple[Face, str]:
    """A face on which a mode cannot show what it says, and the start of the reason."""
    face = central("astronaut")
    p, up = face.points, -3 * face.height * face.down
    far = face.height * 3 * face.across
    jaws = (*range(2, 6), *range(11, 15))
    return {
        "correct": (with_points(face, (48, 62, 66), p[30] + up), "mouth only "),
        "nose_out": (with_points(face, (9,), p[9] + up), "chin only "),
        "nose_mouth_out": (with_points(face, (30, 31, 35), p[8] - (0, 2)), "nose 75% covered"),
        "chin_out": (with_points(face, (7, 9), p[30]), "chin 67% covered"),
        "ear_hang": (with_points(face, jaws, np.concatenate([p[2:6] - far, p[11:15] + far])), ""),
        "scarf": (with_points(face, (51, 54, 57, 62), p[8] + 0.3 * face.height * face.down), "mouth "),
        "hand": (with_points(face, (48, 54), np.stack([p[48] - far, p[54] + far])), "mouth only "),
        "beard": (with_points(face, (30, 31, 35), (p[57] + p[8]) / 2), "nose 75% covered"),
    }[mode]


@pytest.mark.parametrize("mode", MODES)
def test_a_mask_that_would_not_show_its_label_is_refused_with_the_group(mode: str) -> None:
    face, said = misshapen(mode)
    found = draw(face, mode, stream(), ANYWHERE)
    assert isinstance(found, Unfit)
    assert found.reason == "label" and found.detail.startswith(said) and found.detail.endswith(("covered", "the face"))


@pytest.mark.parametrize("mode", MODES)
def test_another_box_that_would_be_covered_is_in_the_way(mode: str) -> None:
    face = central("grace_hopper")
    (x, y), h = face.points[30], face.height
    found = draw(
        face, mode, stream(), ANYWHERE, np.array([[0.0, 0, 3, 3], [x - 3 * h, y - 2 * h, x + 3 * h, y + 3 * h]])
    )
    assert found == Unfit("in-the-way", "100% of the mask over other boxes")


@pytest.mark.parametrize("mode", UNDER_CHIN)
def test_another_box_on_the_chin_is_in_the_way_of_what_goes_under_it_only(mode: str) -> None:
    face = central("astronaut")
    x, y = face.points[8]
    box = np.array([[x - 30, y - 12, x + 30, y + 60]])
    found = draw(face, mode, stream(), ANYWHERE, box)
    assert isinstance(found, Unfit) and found.reason == "in-the-way"
    assert found.detail.endswith("% of the mask over other boxes")
    assert isinstance(draw(face, "chin_out", stream(), ANYWHERE, box), Dress)
    assert isinstance(draw(face, mode, stream(), ANYWHERE, box + np.array([0, 100, 0, 100])), Dress), (
        "nor is one farther down"
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_face_at_the_pictures_bottom_edge_is_cut(mode: str) -> None:
    face = PEOPLE["astronaut"].face
    found = draw(face, mode, stream(), (512, 142))  # the edge runs through the mouth
    if mode == "ear_hang":
        found = draw(face, mode, stream(), (512, 125))
    if mode == "chin_out":
        found = draw(face, mode, stream(), (512, 130))
    assert isinstance(found, Unfit)
    assert found.reason == "cut" and found.detail.endswith("% of the mask outside the picture")


@pytest.mark.parametrize(("offset", "cut"), [((240, 0), True), ((-290, 0), True), ((0, 150), True), ((185, 0), False)])
def test_a_face_that_leaves_the_picture_to_another_side_is_cut_too(offset: tuple[int, int], cut: bool) -> None:
    found = draw(PEOPLE["astronaut"].face.moved(offset), "correct", stream(), (512, 512))
    assert (isinstance(found, Unfit) and found.reason == "cut") == cut == (not isinstance(found, Dress))


@pytest.mark.parametrize("mode", MODES)
def test_a_face_behind_something_wears_nothing(mode: str) -> None:
    face = central("astronaut")
    x, y = np.round(face.points[30] - 300).astype(int).tolist()
    wall = Front(1.0, np.ones((600, 600), np.uint8), x, y, 1.0)
    assert draw(face, mode, stream(), ANYWHERE, setting=Setting(wall)) == Unfit(
        "hidden", "100% of the mask behind something"
    )
    air = Front(0.1, np.zeros((600, 600), np.uint8), x, y, 1.0)
    assert isinstance(draw(face, mode, stream(), ANYWHERE, setting=Setting(air)), Dress)


def share_inside(outline: NDArray, boxes: NDArray) -> float:
    """Share of a polygon's area inside of boxes, counted on a fine grid by Matplotlib."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    x, y = np.meshgrid(np.linspace(low[0], high[0], 120), np.linspace(low[1], high[1], 120))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    points = points[Outline(outline).contains_points(points)]
    held = [((points >= box[:2]) & (points < box[2:])).all(axis=1) for box in boxes]
    return float(np.mean(np.any(held, axis=0))) if len(held) else 0.0


@settings(max_examples=80, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    size=st.tuples(st.integers(180, 400), st.integers(120, 300)),
    box=st.tuples(st.floats(0, 400), st.floats(0, 300), st.floats(1, 200), st.floats(1, 200)),
    seed=st.integers(0, 99),
)
def test_what_is_worn_keeps_the_limits_by_an_independent_count(
    mode: str, size: tuple[int, int], box: tuple[float, ...], seed: int
) -> None:
    others = np.array([[box[0], box[1], box[0] + box[2], box[1] + box[3]]])
    found = draw(PEOPLE["astronaut"].face, mode, stream(seed), size, others)
    if isinstance(found, Unfit):
        assert found.reason in FAULTS and found.detail
        return
    outline = found.worn.outline
    assert 1 - share_inside(outline, np.array([[0, 0, *size]])) <= dress.MAX_CUT + 0.03
    assert share_inside(outline, others) <= dress.MAX_COVERED + 0.03


def test_half_of_the_masks_and_no_negative_come_from_the_users_own() -> None:
    own = {"mine": texture(Recipe("surgical")), "yours": texture(Recipe("knit"))}
    drawn = [draw(central("astronaut"), "correct", stream(seed), ANYWHERE, wardrobe=own) for seed in range(200)]
    names = [found.recipe.template for found in drawn if isinstance(found, Dress)]
    assert len(names) > 190
    assert set(names) == {"mine", "yours", ""}
    assert 0.35 < names.count("") / len(names) < 0.65
    assert 0.5 < names.count("mine") / names.count("yours") < 2
    for mode in negatives.NEGATIVES:
        found = draw(central("astronaut"), mode, stream(), ANYWHERE, wardrobe=own)
        assert isinstance(found, Dress) and not found.recipe.template


def test_a_mask_of_the_skins_own_brightness_is_not_given() -> None:
    face = PEOPLE["astronaut"].face
    dark = Setting(skin=(34.0, 33.0, 36.0), white=(220.0, 220.0, 225.0))
    drawn = [draw(face, "nose_out", np.random.default_rng(seed), ANYWHERE, setting=dark) for seed in range(60)]
    colours = [np.mean(d.recipe.colour) for d in drawn if isinstance(d, Dress)]
    assert len(colours) == 60 and min(colours) > 60  # black ones are drawn again
    nowhere = draw(face, "nose_out", stream(), ANYWHERE, setting=Setting(skin=(30.0,) * 3, white=(34.0,) * 3))
    assert isinstance(nowhere, Unfit) and nowhere.reason == "faint" and "contrast" in nowhere.detail


def test_a_mask_that_hangs_from_the_ear_of_a_small_face_is_too_fine() -> None:
    face = PEOPLE["astronaut"].face
    small = face.moved((0, 0), 20 / face.size)
    assert draw(small, "ear_hang", stream(), ANYWHERE) == Unfit("faint", "ear_hang on a face of 20 px")
    assert isinstance(draw(small, "nose_out", stream(), ANYWHERE), Dress)


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_a_setting_survives_json_and_white_is_brighter_than_skin(name: str) -> None:
    found = setting_of(load(name), PEOPLE[name].face)
    again = Setting.of_dict(json.loads(json.dumps(found.as_dict())))
    assert found.skin is not None and found.white is not None and again.skin is not None and again.white is not None
    assert list(again.skin) == list(found.skin) and list(again.white) == list(found.white)
    assert np.linalg.norm(np.array(found.white) - found.skin) > LEAST_CONTRAST
    assert np.mean(found.white) > np.mean(found.skin)
