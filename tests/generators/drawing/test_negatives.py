"""Claims about hard negatives: each lies where its name says, hides what it may, and is painted in its own colours."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from generators.drawing import negatives, wear
from generators.drawing.light import display
from generators.drawing.masks import COLOURS, Recipe
from generators.drawing.negatives import NEGATIVES, SHOWS, draw_recipe, texture, worn
from generators.faces.face import BRIDGE, CHIN, MOUTH, NOSE, NOSE_TIP, Face
from generators.sample.people import PEOPLE

NAMES = sorted(PEOPLE)


def inside(edge: NDArray, points: NDArray) -> float:
    """Share of points inside of a polygon."""
    outline = edge.astype(np.float32)
    return float(np.mean([cv2.pointPolygonTest(outline, tuple(map(float, p)), False) >= 0 for p in points]))


def shapes(name: str, kind: str) -> list[wear.Worn]:
    return [worn(PEOPLE[name].face, kind, np.random.default_rng(seed)) for seed in range(25)]


def turned(face: Face, angle_deg: float) -> Face:
    a, middle = np.radians(angle_deg), face.points[NOSE_TIP]
    return Face(
        face.xyxy, (face.points - middle) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + middle
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", NEGATIVES)
def test_its_place_is_three_rows_of_five_without_straps(name: str, kind: str) -> None:
    for shape in shapes(name, kind):
        assert (shape.mode, shape.rows.shape, shape.straps) == (kind, (3, 5, 2), ())
        assert cv2.contourArea(shape.outline.astype(np.float32)) > 0.15 * PEOPLE[name].face.height ** 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", NEGATIVES)
def test_most_draws_show_what_they_should(name: str, kind: str) -> None:
    face = PEOPLE[name].face
    faults = [wear.fault(face, shape, SHOWS[kind]) for shape in shapes(name, kind)]
    assert faults.count("") >= 15, faults


@pytest.mark.parametrize("name", NAMES)
def test_a_scarf_is_around_the_neck_and_wider_than_the_jaw(name: str) -> None:
    p = PEOPLE[name].face.points
    for shape in shapes(name, "scarf"):
        assert inside(shape.outline, p[[*NOSE, *MOUTH, BRIDGE]]) == 0
        assert shape.rows[1, 0, 0] < p[4, 0] and shape.rows[1, -1, 0] > p[12, 0]
        assert shape.rows[2, 2, 1] > p[CHIN, 1] + 0.3 * PEOPLE[name].face.height


@pytest.mark.parametrize("name", NAMES)
def test_a_hand_is_before_the_mouth_and_comes_from_below_one_side(name: str) -> None:
    p, sides = PEOPLE[name].face.points, set()
    for shape in shapes(name, "hand"):
        assert inside(shape.outline, p[list(MOUTH)]) >= wear.COVERED
        wrist = shape.rows[2, 2]
        assert wrist[1] > p[57, 1]
        sides.add(bool(wrist[0] > p[CHIN, 0]))
    assert sides == {True, False}, "from either side"


@pytest.mark.parametrize("name", NAMES)
def test_a_beard_is_on_the_chin_and_below_the_nose(name: str) -> None:
    p = PEOPLE[name].face.points
    for shape in shapes(name, "beard"):
        assert inside(shape.outline, p[list(NOSE)]) == 0
        assert inside(shape.outline, np.stack([p[57], (p[57] + p[CHIN]) / 2, (p[48] + p[5]) / 2])) == 1
        assert shape.rows[:, 0, 0].max() < shape.rows[:, -1, 0].min()


@pytest.mark.parametrize("kind", NEGATIVES)
@pytest.mark.parametrize("angle", [30, -30, 90])
def test_its_place_turns_with_the_head(kind: str, angle: float) -> None:
    face = PEOPLE["astronaut"].face
    there = worn(turned(face, angle), kind, np.random.default_rng(1)).rows
    here = worn(face, kind, np.random.default_rng(1)).rows
    a, middle = np.radians(angle), face.points[NOSE_TIP]
    rolled = (here - middle) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + middle
    assert there == pytest.approx(rolled, abs=1e-6)


@pytest.mark.parametrize("kind", NEGATIVES)
@pytest.mark.parametrize("seed", range(4))
def test_a_sheet_is_premultiplied_linear_colour(kind: str, seed: int) -> None:
    sheet = texture(draw_recipe(kind, np.random.default_rng(seed)))
    albedo = sheet.albedo
    assert albedo.ndim == 3 and albedo.shape[2] == 4 and albedo.dtype == np.float32
    assert np.isfinite(albedo).all() and albedo.min() >= 0 and albedo[..., 3].max() <= 1
    if not sheet.skin:  # a share of the skin may be brighter than the skin is on the whole
        assert (albedo[..., :3] <= albedo[..., 3:] + 1e-6).all()
    assert sheet.uv.shape == (15, 2)
    assert sheet.strap.tolist() == [0, 0, 0]


def test_a_scarf_is_opaque_cloth_a_hand_is_of_skin_and_a_beard_throws_no_shadow() -> None:
    scarf, hand, beard = (texture(draw_recipe(kind, np.random.default_rng(0))) for kind in ("scarf", "hand", "beard"))
    assert (scarf.albedo[..., 3] == 1).all() and scarf.relief > 0 and not scarf.skin
    assert hand.skin and hand.relief > 0
    assert not beard.skin and beard.relief == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_hand_has_fingers_side_by_side_and_a_palm_without_gaps(seed: int) -> None:
    alpha = texture(Recipe("hand", seed=seed)).albedo[..., 3]
    h, w = alpha.shape
    assert (alpha[int(0.45 * h) : int(0.5 * h), int(0.4 * w) : int(0.6 * w)] == 1).all()
    tips = alpha[int(0.12 * h)] > 0.5
    assert 2 <= (np.diff(tips.astype(int)) == 1).sum() <= 5


@pytest.mark.parametrize("seed", range(6))
def test_a_beard_leaves_the_mouth_bare_and_thins_out_at_its_edges(seed: int) -> None:
    alpha = texture(Recipe("beard", (50, 40, 36), seed=seed)).albedo[..., 3]
    h, w = alpha.shape
    assert alpha[int(0.34 * h), w // 2] == 0
    assert alpha[int(0.7 * h), int(0.3 * w) : int(0.7 * w)].mean() > 0.5
    assert alpha[0].mean() < 0.1 and alpha[:, 0].mean() < 0.15 and alpha[:, -1].mean() < 0.15


def test_a_beard_has_the_colour_of_its_hair() -> None:
    for colour in ((38, 32, 30), (120, 112, 106)):
        albedo = texture(Recipe("beard", colour, seed=2)).albedo
        thick = albedo[..., 3] > 0.4
        shown = display(albedo[thick][:, :3] / albedo[thick][:, 3:])
        assert np.median(shown, axis=0) == pytest.approx(np.array(colour), abs=8)


def test_a_scarf_has_its_two_colours() -> None:
    for seed in range(12):
        recipe = Recipe("scarf", (40, 41, 45), second=(228, 216, 190), seed=seed)
        shown = display(texture(recipe).albedo[..., :3])
        light = (shown.mean(axis=2) > 110).mean()
        assert light == 0 or 0.1 < light < 0.5, "plain, or striped for a part"


def test_the_same_seed_paints_the_same_sheet_and_another_one_another() -> None:
    for kind in NEGATIVES:
        a, b, c = (texture(Recipe(kind, (90, 60, 40), seed=seed)).albedo for seed in (3, 3, 4))
        assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_recipes_are_of_their_kind_and_in_colours_that_are_worn() -> None:
    rng = np.random.default_rng(0)
    scarfs, beards, hands = ([draw_recipe(kind, rng) for _ in range(600)] for kind in ("scarf", "beard", "hand"))
    assert {r.kind for r in scarfs} == {"scarf"} and {r.kind for r in hands} == {"hand"}
    assert {r.colour for r in scarfs} <= set(COLOURS.values()) and len({r.colour for r in scarfs}) == 8
    assert all(r.colour != r.second for r in scarfs)
    hair = Counter(r.colour for r in beards)
    assert len(hair) == 5 and all(max(colour) <= 160 for colour in hair)
    assert hair.most_common(1)[0][0] == min(hair, key=sum), "mostly the darkest"
    assert len({r.seed for r in hands}) > 550
    assert set(negatives.SHOWS) == {r.kind for r in (*scarfs, *beards, *hands)}
