"""Claims about mask artwork: a recipe says all of it, what is drawn follows the stated shares, a sheet shows it."""

from __future__ import annotations

import json
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from generators.drawing import cloth, masks, motifs
from generators.drawing.light import display, linear
from generators.drawing.masks import COLOURS, KINDS, WIDTHS, Recipe, draw_recipe, texture

COLOUR = st.tuples(*[st.integers(8, 250)] * 3)
RECIPES = st.builds(
    Recipe,
    kind=st.sampled_from(sorted(KINDS)),
    colour=COLOUR,
    pattern=st.sampled_from(motifs.PATTERNS),
    second=COLOUR,
    print=st.sampled_from(motifs.PRINTS),
    valve=st.booleans(),
    seed=st.integers(0, 2**16 - 1),
)


@pytest.fixture(scope="module")
def drawn() -> list[Recipe]:
    """Four thousand draws from one stream."""
    rng = np.random.default_rng(0)
    return [draw_recipe(rng) for _ in range(4000)]


def sheet(width: int = 144) -> tuple[NDArray, NDArray]:
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(width * 2 // 3) + 0.5) / (width * 2 // 3))
    return u.astype(np.float32), v.astype(np.float32)


def seen(recipe: Recipe, across_px: float) -> NDArray:
    """Its sheet in sRGB, reduced to the smallest width, (48, 72, 3)."""
    return display(cv2.resize(texture(recipe, across_px).albedo[..., :3], (72, 48), interpolation=cv2.INTER_AREA))


def named(colour: tuple[int, int, int]) -> str:
    """The colour of the table that it is nearest to."""
    return min(COLOURS, key=lambda name: float(np.abs(np.subtract(COLOURS[name], colour)).sum()))


def test_a_recipe_says_only_what_is_not_plain() -> None:
    assert Recipe("surgical").as_dict() == {"kind": "surgical"}
    said = Recipe("cloth", (1, 2, 3), "dots", (255, 255, 255), "heart", seed=7).as_dict()
    assert said == {"kind": "cloth", "colour": (1, 2, 3), "pattern": "dots", "print": "heart", "seed": 7}
    assert Recipe("template", template="own").as_dict() == {"kind": "template", "template": "own"}


@given(RECIPES)
def test_a_recipe_comes_back_from_the_manifest(recipe: Recipe) -> None:
    back = json.loads(json.dumps(recipe.as_dict()))
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in back.items()}
    assert Recipe(**lists) == recipe


@settings(max_examples=60, deadline=None)
@given(recipe=RECIPES, across=st.floats(1, 900))
def test_every_recipe_is_a_sheet_of_linear_opaque_colours(recipe: Recipe, across: float) -> None:
    painted = texture(recipe, across)
    h, w = painted.albedo.shape[:2]
    assert w in WIDTHS and h == w * 2 // 3 and painted.albedo.shape == (h, w, 4)
    assert painted.albedo.dtype == np.float32
    assert painted.albedo.min() >= 0 and painted.albedo.max() <= 1
    assert (painted.albedo[..., 3] == 1).all()
    assert painted.uv.shape == (15, 2) and painted.uv[[0, 4, 7, 14]].tolist() == [[0, 0], [1, 0], [0.5, 0.5], [1, 1]]
    assert (painted.clipped, painted.skin, painted.relief) == (True, False, 1.0)


@pytest.mark.parametrize(("across", "width"), [(1, 72), (72, 72), (73, 144), (144, 144), (200, 288), (5000, 288)])
def test_the_sheet_is_no_finer_than_it_will_be_seen(across: float, width: int) -> None:
    assert texture(Recipe("surgical"), across).albedo.shape[1] == width


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [{}, {"valve": True}, {"print": "heart"}, {"print": "star"}, {"print": "smile"}])
def test_a_mask_looks_alike_at_every_width(kind: str, how: dict) -> None:
    recipe = Recipe(kind, (150, 160, 200), second=(60, 60, 90), seed=5, **how)
    small, middle, large = (seen(recipe, width) for width in WIDTHS)
    assert np.abs(middle - large).mean() < 2.5
    assert np.abs(small - large).mean() < 4


@pytest.mark.parametrize("name", motifs.PATTERNS[1:])
@pytest.mark.parametrize("seed", range(5))
def test_a_pattern_has_as_much_of_the_second_colour_at_every_width(name: str, seed: int) -> None:
    small, middle, large = (motifs.pattern(name, *sheet(width), seed) for width in WIDTHS)
    assert small is not None and middle is not None and large is not None
    assert [small.mean(), middle.mean()] == pytest.approx([large.mean()] * 2, abs=0.05)
    coarse = [cv2.resize(mark, (18, 12), interpolation=cv2.INTER_AREA) for mark in (small, middle, large)]
    assert np.abs(coarse[0] - coarse[2]).mean() < 0.1 and np.abs(coarse[1] - coarse[2]).mean() < 0.06


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COLOURS)
def test_a_plain_mask_has_the_colour_it_was_given(kind: str, name: str) -> None:
    painted = display(texture(Recipe(kind, COLOURS[name], seed=3)).albedo[..., :3])
    assert np.median(painted, axis=(0, 1)) == pytest.approx(np.array(COLOURS[name]), abs=0.06 * max(COLOURS[name]) + 2)


@pytest.mark.parametrize("kind", KINDS)
def test_folds_are_brightness_around_one_and_hang_on_the_stream_alone(kind: str) -> None:
    u, v = sheet()
    light = cloth.FOLDS[kind](u, v, np.random.default_rng(4))
    assert light.shape == u.shape
    assert 0.3 < light.min() < 0.95 < light.max() < 1.3
    assert light.mean() == pytest.approx(1, abs=0.12)
    assert np.array_equal(light, cloth.FOLDS[kind](u, v, np.random.default_rng(4)))
    assert not np.array_equal(light, cloth.FOLDS[kind](u, v, np.random.default_rng(5)))


def test_there_are_folds_for_every_kind_and_no_other() -> None:
    assert set(cloth.FOLDS) == set(KINDS) == set(masks.TAPERED)
    assert all(0 <= Recipe(kind).tapered <= 0.5 for kind in KINDS)
    assert Recipe("template").tapered == 0


def test_a_surgical_mask_has_three_pleats_from_side_to_side() -> None:
    u, v = sheet(288)
    counts = []
    for seed in range(9):
        profile = cloth.FOLDS["surgical"](u, v, np.random.default_rng(seed))[20:-20, 120:168].mean(axis=1)
        dark = profile < 0.85
        counts.append(int((dark[1:] & ~dark[:-1]).sum()))
    assert Counter(counts).most_common(1)[0][0] == 3, counts


@pytest.mark.parametrize("name", motifs.PATTERNS[1:])
def test_a_pattern_marks_a_part_of_the_cloth(name: str) -> None:
    for seed in range(6):
        mark = motifs.pattern(name, *sheet(), seed)
        assert mark is not None and mark.dtype == np.float32
        assert mark.min() == 0 and 0.4 < mark.max() <= 1
        assert 0.1 < mark.mean() < 0.7


def test_plain_cloth_has_no_pattern_and_no_name_no_print() -> None:
    assert motifs.pattern("plain", *sheet(), 0) is None
    assert motifs.printed("", (96, 144)) is None


@pytest.mark.parametrize("name", motifs.PRINTS[1:])
def test_a_print_is_a_small_filled_shape_clear_of_the_hem(name: str) -> None:
    for width in WIDTHS:
        mark = motifs.printed(name, (width * 2 // 3, width))
        assert mark is not None and mark.shape == (width * 2 // 3, width)
        assert mark.min() >= 0 and 0.9 < mark.max() <= 1.001
        assert 0.01 < mark.mean() < 0.15
        rim = np.concatenate([mark[:2].ravel(), mark[-2:].ravel(), mark[:, :2].ravel(), mark[:, -2:].ravel()])
        assert rim.max() < 0.01


def test_prints_differ() -> None:
    shapes = [motifs.printed(name, (96, 144)) for name in motifs.PRINTS[1:]]
    assert all(np.abs(a - b).sum() > 50 for k, a in enumerate(shapes) for b in shapes[:k])


def test_a_star_points_upwards_and_a_smile_curves_downwards_in_its_middle() -> None:
    star, smile = (motifs.printed(name, (192, 288)) for name in ("star", "smile"))
    assert star is not None and smile is not None
    rows = np.nonzero(star.max(axis=1) > 0.5)[0]
    assert (star[rows[0] + 2] > 0.5).sum() < (star[rows[-1] - 2] > 0.5).sum() + 8
    columns = np.nonzero(smile.max(axis=0) > 0.5)[0]
    end, middle = (np.nonzero(smile[:, x] > 0.5)[0].mean() for x in (columns[2], columns[len(columns) // 2]))
    assert middle > end + 10


def test_a_valve_is_a_disc_left_of_the_middle_in_grey() -> None:
    u, v = sheet(288)
    body, relief = motifs.valve(u, v)
    there = body > 0.5
    assert u[there].mean() == pytest.approx(0.31, abs=0.02) and v[there].mean() == pytest.approx(0.52, abs=0.02)
    ys, xs = np.nonzero(there)
    assert np.ptp(xs) == pytest.approx(np.ptp(ys), rel=0.05), "round on the sheet"
    assert there.sum() == pytest.approx(np.pi / 4 * (np.ptp(xs) + 1) ** 2, rel=0.05), "and filled"
    assert 50 < relief[there].min() < relief[there].max() < 256
    black = texture(Recipe("folded", (30, 30, 30), valve=True))
    assert display(black.albedo[..., :3])[there].mean() > 100 > display(black.albedo[..., :3])[~there].mean()


def test_light_cloth_has_light_straps_and_dark_cloth_dark_ones() -> None:
    assert texture(Recipe("surgical", COLOURS["white"])).strap.mean() > linear(np.array(200))
    assert texture(Recipe("knit", COLOURS["black"])).strap.mean() < linear(np.array(100))


def test_the_same_stream_draws_the_same_masks_and_another_one_others() -> None:
    def ten(seed: int) -> list[Recipe]:
        rng = np.random.default_rng(seed)
        return [draw_recipe(rng) for _ in range(10)]

    assert ten(1) == ten(1) != ten(2)


def test_kinds_are_drawn_in_their_shares(drawn: list[Recipe]) -> None:
    counts = Counter(recipe.kind for recipe in drawn)
    assert sum(KINDS.values()) == pytest.approx(1)
    assert chisquare([counts[kind] for kind in KINDS], [len(drawn) * share for share in KINDS.values()]).pvalue > 1e-4


def test_masks_are_mostly_white_then_light_blue_as_people_wear_them(drawn: list[Recipe]) -> None:
    counts = Counter(named(recipe.colour) for recipe in drawn)
    assert [name for name, _ in counts.most_common(3)] == ["white", "light blue", "black"]
    assert set(counts) == set(COLOURS), "and every colour of the table is worn by somebody"


def test_only_respirators_have_valves_and_only_cloth_is_patterned(drawn: list[Recipe]) -> None:
    respirators = [recipe for recipe in drawn if recipe.kind in ("folded", "flat")]
    assert 0.1 < np.mean([recipe.valve for recipe in respirators]) < 0.5
    cloths = [recipe for recipe in drawn if recipe.kind == "cloth"]
    assert {recipe.pattern for recipe in cloths} == set(motifs.PATTERNS)
    assert {recipe.print for recipe in cloths} == set(motifs.PRINTS)
    for recipe in drawn:
        assert not recipe.valve or recipe in respirators
        assert (recipe.pattern, recipe.print) == ("plain", "") or recipe.kind == "cloth"


def test_dyes_vary_and_stay_near_their_name(drawn: list[Recipe]) -> None:
    white = {recipe.colour for recipe in drawn if recipe.kind == "surgical" and named(recipe.colour) == "white"}
    assert len(white) > 500
    assert all(8 <= channel <= 250 for recipe in drawn for channel in recipe.colour)
    assert all(np.abs(np.subtract(colour, COLOURS["white"])).max() < 30 for colour in white)


def test_every_drawn_recipe_can_be_painted(drawn: list[Recipe]) -> None:
    for recipe in drawn[:200]:
        assert texture(recipe, 72).albedo.std() > 0.001, "and has folds"
