"""Claims about a mask on a photograph: it changes its own region only, follows the light, and hangs on nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from generators.drawing import negatives, wear
from generators.drawing.light import display, linear
from generators.drawing.masks import COLOURS, KINDS, Recipe, Texture, texture
from generators.drawing.overlay import Patch, put_on, region, survey
from generators.faces.face import CHIN, NOSE_TIP, Face
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

NAMES = sorted(PEOPLE)
MODES = (*wear.MODES, *negatives.NEGATIVES)
WHITE = texture(Recipe("surgical", COLOURS["white"], seed=1))


def shape_of(face: Face, mode: str, seed: int = 0) -> wear.Worn:
    rng = np.random.default_rng(seed)
    return wear.worn(face, mode, rng) if mode in wear.MODES else negatives.worn(face, mode, rng)


def sheet_of(mode: str, seed: int = 0) -> Texture:
    return WHITE if mode in wear.MODES else negatives.texture(negatives.draw_recipe(mode, np.random.default_rng(seed)))


def dressed(pixels: NDArray, face: Face, mode: str = "correct", **how: object) -> Patch:
    grain = np.random.default_rng(how.pop("grain", 5))
    return put_on(pixels, face, shape_of(face, mode), how.pop("sheet", sheet_of(mode)), grain, **how)


def after(pixels: NDArray, patch: Patch) -> NDArray:
    copy = pixels.copy()
    patch.onto(copy)
    return copy


def inner(face: Face, place: wear.Worn, shape: tuple[int, ...], share: float = 0.8) -> NDArray:
    """Pixels of the outline drawn smaller about its middle, (H, W) bool."""
    canvas, middle = np.zeros(shape[:2], np.uint8), place.outline.mean(axis=0)
    cv2.fillPoly(canvas, [np.round(middle + share * (place.outline - middle)).astype(np.int32)], 1)
    return canvas.astype(bool)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_a_patch_changes_its_region_and_leaves_its_input_alone(name: str, mode: str) -> None:
    pixels, face = load(name).copy(), PEOPLE[name].face
    before = pixels.copy()
    patch = dressed(pixels, face, mode)
    assert np.array_equal(pixels, before)
    x1, y1, x2, y2 = region(face, shape_of(face, mode), pixels.shape[1::-1])
    assert (patch.x, patch.y, *patch.rgb.shape) == (x1, y1, y2 - y1, x2 - x1, 3)
    assert patch.cloth.shape == patch.cover.shape == patch.rgb.shape[:2] and patch.rgb.dtype == np.uint8
    assert patch.cloth.min() >= 0 and patch.cover.max() <= 1.001 and (patch.cover >= patch.cloth - 1e-5).all()
    changed = (after(pixels, patch) != before).any(axis=2)
    assert changed[y1:y2, x1:x2].mean() > 0.1
    changed[y1:y2, x1:x2] = False
    assert not changed.any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_the_patchs_edge_is_the_photographs_so_that_no_seam_is_seen(name: str, mode: str) -> None:
    pixels, patch = load(name), dressed(load(name), PEOPLE[name].face, mode)
    h, w = patch.rgb.shape[:2]
    below = pixels[patch.y : patch.y + h, patch.x : patch.x + w].astype(int)
    off = np.abs(patch.rgb - below).max(axis=2)
    sides = {"left": off[:, 0], "top": off[0]}
    sides |= {"right": off[:, -1]} if patch.x + w < pixels.shape[1] else {}
    sides |= {"bottom": off[-1]} if patch.y + h < pixels.shape[0] else {}
    assert {side: int(values.max()) for side, values in sides.items() if values.max() > 3} == {}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_boxes_that_are_kept_stay_byte_for_byte(name: str, mode: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    (x, y), h = shape_of(face, mode).outline.mean(axis=0), face.height
    keep = np.array(
        [
            [x - 0.1 * h, y - 0.1 * h, x + 0.7 * h, y + 0.05 * h],
            [x - 9.5, y - h - 0.5, x + 3.2, y - 0.2 * h],
            [-50, -50, 5, 5],
            [x + 7, y + 7, x + 9e3, y + 9e3],
        ]
    )
    changed = after(pixels, dressed(pixels, face, mode, keep=keep))
    for box in keep:
        x1, y1 = np.maximum(np.floor(box[:2]), 0).astype(int)
        x2, y2 = np.ceil(box[2:]).astype(int)
        assert np.array_equal(changed[y1:y2, x1:x2], pixels[y1:y2, x1:x2])
    free = dressed(pixels, face, mode)
    assert not np.array_equal(after(pixels, free), changed), "and without them they would have changed"


@pytest.mark.parametrize("mode", ["correct", "ear_hang", "hand"])
def test_the_same_seed_gives_the_same_bytes_and_another_one_only_other_grain(mode: str) -> None:
    pixels, face = load("astronaut"), PEOPLE["astronaut"].face
    one, same, other = (dressed(pixels, face, mode, grain=seed) for seed in (1, 1, 2))
    assert one.rgb.tobytes() == same.rgb.tobytes()
    assert not np.array_equal(one.rgb, other.rgb)
    assert np.array_equal(one.cover, other.cover)
    noise = survey(pixels, face).light.noise
    assert np.abs(one.rgb.astype(int) - other.rgb).max() < 8 * noise + 2


def test_a_survey_that_is_given_changes_nothing() -> None:
    pixels, face = load("grace_hopper"), PEOPLE["grace_hopper"].face
    given_one = dressed(pixels, face, seen=survey(pixels, face))
    assert given_one.rgb.tobytes() == dressed(pixels, face).rgb.tobytes()


@pytest.mark.parametrize("mode", ["correct", "nose_mouth_out", "scarf"])
@pytest.mark.parametrize("corner", [(0, 0), (37, 900)])
def test_the_same_surroundings_in_a_larger_picture_give_the_same_bytes(mode: str, corner: tuple[int, int]) -> None:
    pixels, face, (x, y) = load("astronaut"), PEOPLE["astronaut"].face, corner
    large = np.full((512 + y + 300, 512 + x + 700, 3), 90, np.uint8)
    large[y : y + 512, x : x + 512] = pixels
    here, there = dressed(pixels, face, mode), dressed(large, face.moved((-x, -y)), mode)
    assert (there.x - here.x, there.y - here.y) == (x, y)
    assert np.abs(here.rgb.astype(int) - there.rgb).max() <= 1, "but for the last bit of a sum"
    assert (here.rgb != there.rgb).mean() < 0.001


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_what_is_seen_is_where_pixels_differ(name: str, mode: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    patch = dressed(pixels, face, mode)
    seen = patch.seen_xyxy
    assert seen is not None
    there = after(pixels, patch).astype(int) - pixels
    strong = np.abs(there).max(axis=2) > 0
    x1, y1, x2, y2 = seen.astype(int)
    assert strong[y1:y2, x1:x2].mean() > 0.4
    for line in (strong[y1, x1:x2], strong[y2 - 1, x1:x2], strong[y1:y2, x1], strong[y1:y2, x2 - 1]):
        assert line.any(), "each side touches what changed"
    edge = shape_of(face, mode).outline
    low, high = edge.min(axis=0), edge.max(axis=0)
    limit = 0.08 * face.height + 2
    assert (seen[:2] > low - limit).all() and (seen[2:] < high + limit).all()


def test_nothing_is_seen_of_a_mask_that_is_kept_off_altogether() -> None:
    pixels, face = load("astronaut"), PEOPLE["astronaut"].face
    patch = dressed(pixels, face, keep=np.array([[0.0, 0, 512, 512]]))
    assert patch.seen_xyxy is None
    assert np.array_equal(after(pixels, patch), pixels)


def test_seen_boxes_are_in_the_pictures_pixels() -> None:
    cloth = np.zeros((8, 9), np.float32)
    cloth[2:5, 3:7] = 1
    cloth[6, 8] = 0.1  # hardly to be seen
    patch = Patch(100, 200, np.zeros((8, 9, 3), np.uint8), cloth, cloth)
    assert patch.seen_xyxy is not None and patch.seen_xyxy.tolist() == [103, 202, 107, 205]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_has_its_colour_in_the_light_of_the_face(name: str, kind: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    centre = inner(face, shape_of(face, "correct"), pixels.shape)
    colours = [
        after(pixels, dressed(pixels, face, sheet=texture(Recipe(kind, COLOURS[colour], seed=1))))[centre].mean(axis=0)
        for colour in ("white", "black", "red", "navy")
    ]
    white, black, red, navy = colours
    assert white.min() > 140 and black.max() < 90
    assert red[0] > 1.7 * red[2] and navy[2] > 1.15 * navy[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_is_darker_where_the_face_is(name: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    x = (np.arange(pixels.shape[1]) + 0.5 - face.points[NOSE_TIP, 0]) / face.height
    centre = inner(face, shape_of(face, "correct"), pixels.shape, 0.7)
    left, right = centre & (x < -0.2)[None], centre & (x > 0.2)[None]

    def brighter_at_right(slope: float) -> float:
        gain = 0.5 * np.clip(np.exp(slope * x), 0.2, 2)
        shaded = np.round(display(linear(pixels) * gain[None, :, None])).astype(np.uint8)
        result = after(shaded, dressed(shaded, face)).mean(axis=2)
        return float(result[right].mean() / result[left].mean())

    assert brighter_at_right(-0.9) < 0.87 * brighter_at_right(0)
    assert brighter_at_right(0.9) > 1.15 * brighter_at_right(0)


@pytest.mark.parametrize("name", NAMES)
def test_a_darker_photograph_has_a_darker_mask(name: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    centre = inner(face, shape_of(face, "correct"), pixels.shape)
    means = []
    for share in (0.1, 0.3, 0.6, 1.0):
        darker = np.round(display(linear(pixels) * share)).astype(np.uint8)
        means.append(float(after(darker, dressed(darker, face))[centre].mean()))
    assert means == sorted(means) and means[0] < 0.5 * means[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_grey_photograph_stays_grey(name: str) -> None:
    grey = np.repeat(cv2.cvtColor(load(name), cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    red = texture(Recipe("cloth", COLOURS["red"], "dots", COLOURS["green"]))
    patch = dressed(grey, PEOPLE[name].face, sheet=red)
    assert np.ptp(patch.rgb.astype(int), axis=2).max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_on_a_blurred_face_is_blurred(name: str) -> None:
    face = PEOPLE[name].face
    centre = inner(face, shape_of(face, "correct"), load(name).shape)

    def detail(sigma: float) -> float:
        pixels = cv2.GaussianBlur(load(name), (0, 0), sigma) if sigma else load(name)
        return float(np.abs(cv2.Laplacian(after(pixels, dressed(pixels, face)).astype(np.float32), -1))[centre].mean())

    assert detail(3) < 0.6 * detail(0)


@pytest.mark.parametrize("name", NAMES)
def test_the_mask_throws_a_shadow_below_it_and_hardly_one_above(name: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    place = shape_of(face, "nose_out")
    darker = pixels.astype(int).sum(axis=2) - after(pixels, dressed(pixels, face, "nose_out")).astype(int).sum(axis=2)
    step = 0.05 * face.height * face.down
    below = np.round(place.rows[2, 1:4] + step).astype(int)
    above = np.round(place.rows[0, 1:4] - 2 * step).astype(int)
    assert np.mean([darker[y, x] for x, y in below]) > np.mean([darker[y, x] for x, y in above])
    assert all(darker[y, x] > 0 for x, y in below)


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_before_the_face_stands_before_the_mask(name: str) -> None:
    face, pixels = PEOPLE[name].face, load(name).copy()
    x, y = (face.points[CHIN] + np.array([-0.3, 0.05]) * face.height).astype(int).tolist()
    cv2.circle(pixels, (x, y), int(0.4 * face.height), (20, 120, 40), -1)
    disc = np.zeros(pixels.shape[:2], np.uint8)
    cv2.circle(disc, (x, y), int(0.36 * face.height), 1, -1)
    off = np.abs(after(pixels, dressed(pixels, face)).astype(int) - pixels).max(axis=2)
    assert off[disc > 0].mean() < 8
    bare = inner(face, shape_of(face, "correct"), pixels.shape) & (cv2.dilate(disc, np.ones((9, 9)), iterations=2) == 0)
    assert off[bare].mean() > 25
