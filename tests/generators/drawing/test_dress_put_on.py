"""Claims about a dress once it is painted: the same each time, and the face's box grows to hold what is seen of it."""

from __future__ import annotations

import numpy as np
import pytest

from generators.drawing import masks, overlay, wear
from generators.drawing.dress import ROLES, Dress, Unfit, box_after, draw, put_on
from generators.drawing.masks import Recipe, texture
from generators.faces.face import Face
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

NAMES = sorted(PEOPLE)
MODES = sorted(ROLES)
UNDER_CHIN = ("correct", "nose_out", "nose_mouth_out")


def stream(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def chosen(name: str, mode: str, seed: int = 0) -> Dress:
    face = PEOPLE[name].face
    found = draw(face, mode, stream(seed), load(name).shape[1::-1])
    assert isinstance(found, Dress), found
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_a_box_grows_to_hold_what_is_seen_of_a_mask_and_nothing_else(name: str, mode: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    size = (pixels.shape[1], pixels.shape[0])
    worn = chosen(name, mode)
    patch = put_on(pixels, face, worn)
    after, seen = box_after(face.xyxy, worn, patch, size), patch.seen_xyxy
    assert seen is not None
    if ROLES[mode] == "none":
        assert after.tolist() == face.xyxy.tolist()
        return
    both = np.stack([face.xyxy, seen])
    assert after.tolist() == [*both[:, :2].min(axis=0), *both[:, 2:].max(axis=0)]


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_under_the_chin_makes_the_box_longer(name: str) -> None:
    pixels, face = load(name), PEOPLE[name].face
    lowered = Face(np.append(face.xyxy[:3], face.points[8, 1] - 1), face.points)
    for mode in UNDER_CHIN:
        worn = chosen(name, mode)
        after = box_after(lowered.xyxy, worn, put_on(pixels, lowered, worn), (512, 600))
        assert after[3] > lowered.xyxy[3] + 0.02 * face.height
        assert (after[1], after[3] < 600) == (lowered.xyxy[1], True)


@pytest.mark.parametrize("mode", UNDER_CHIN)
def test_a_box_never_leaves_the_picture(mode: str) -> None:
    pixels, face = load("astronaut")[:182], PEOPLE["astronaut"].face
    found = draw(face, mode, stream(), (512, 182))
    if isinstance(found, Unfit):
        assert found.reason == "cut"
        return
    after = box_after(face.xyxy, found, put_on(pixels, face, found), (512, 182))
    assert (after[:2] >= 0).all() and after[2] <= 512 and after[3] == 182


def test_a_mask_that_cannot_be_seen_leaves_the_box_as_it_was() -> None:
    worn = chosen("astronaut", "correct")
    nothing = np.zeros((4, 4), np.float32)
    patch = overlay.Patch(0, 0, np.zeros((4, 4, 3), np.uint8), nothing, nothing)
    face = PEOPLE["astronaut"].face
    assert box_after(face.xyxy, worn, patch, (512, 512)).tolist() == face.xyxy.tolist()


@pytest.mark.parametrize("mode", MODES)
def test_a_dress_is_painted_the_same_each_time_and_keeps_boxes(mode: str) -> None:
    pixels, face = load("astronaut"), PEOPLE["astronaut"].face
    worn = chosen("astronaut", mode)
    one, two = (put_on(pixels, face, worn, seen=seen) for seen in (None, overlay.survey(pixels, face)))
    assert one.rgb.tobytes() == two.rgb.tobytes()
    kept = pixels.copy()
    put_on(pixels, face, worn, np.array([[0.0, 0, 512, 512]])).onto(kept)
    assert np.array_equal(kept, pixels)


def test_a_mask_of_the_users_own_is_the_one_that_is_put_on() -> None:
    pixels, face = load("astronaut"), PEOPLE["astronaut"].face
    place = wear.worn(face, "correct", stream())
    own = {"mine": texture(Recipe("knit", (200, 20, 20)), 288)}
    patch = put_on(pixels, face, Dress("correct", place, Recipe("template", template="mine"), 1), wardrobe=own)
    same = overlay.put_on(pixels, face, place, own["mine"], np.random.default_rng(1))
    assert patch.rgb.tobytes() == same.rgb.tobytes()
    assert masks.NO_OWN == {}
