"""Claims about a user's own masks: read, put on a face as they look, or refused in a line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from datatools.errors import PictureError, UserError
from generators.drawing import masks, overlay, wear
from generators.drawing.light import display
from generators.drawing.templates import OPTIONAL, REQUIRED, TemplateError, read
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

GREEN = (30, 160, 60)
PLACES = {
    "top_left": [20, 10],
    "top": [60, 10],
    "top_right": [100, 10],
    "bottom_left": [20, 70],
    "bottom": [60, 70],
    "bottom_right": [100, 70],
}
EXPECTED = "an object with top_left, top, top_right, bottom_left, bottom, bottom_right, each [x, y]"


def rectangle(path: Path, size_wh: tuple[int, int] = (120, 80), hole: bool = False, times: int = 1) -> Path:
    """A green rectangle, x 20..100, y 10..70, on a transparent ground."""
    w, h = size_wh
    rgba = np.zeros((h, w, 4), np.uint8)
    rgba[10 * times : 70 * times, 20 * times : 100 * times] = (*GREEN, 255)
    if hole:
        rgba[25 * times : 55 * times, 40 * times : 80 * times] = 0
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rgba).save(path)
    return path


def stated(folder: Path, text: str | dict) -> Path:
    """The rectangle with places beside it."""
    rectangle(folder / "own.png")
    (folder / "own.json").write_text(text if isinstance(text, str) else json.dumps(text))
    return folder


def pixels_of(texture: masks.Texture, size_wh: tuple[int, int]) -> NDArray:
    """Where the control points are on the user's picture, (3, 5, 2): without the frame of two around the sheet."""
    h, w = texture.albedo.shape[:2]
    at = texture.uv * (w, h) - 2
    return (at * (size_wh[0] / (w - 4))).reshape(3, 5, 2)


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(folder)
    assert isinstance(caught.value, TemplateError | PictureError)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_places_that_are_stated_are_taken_and_the_points_between_are_halfway(tmp_path: Path) -> None:
    at = pixels_of(read(stated(tmp_path, PLACES))["own"], (120, 80))
    assert at[0] == pytest.approx(np.array([[20, 10], [40, 10], [60, 10], [80, 10], [100, 10]]))
    assert at[1, :, 1] == pytest.approx([40] * 5)
    assert at[2, 2] == pytest.approx([60, 70])


def test_a_middle_that_is_stated_is_taken(tmp_path: Path) -> None:
    more = {"middle_left": [5, 44], "middle": [61, 33], "middle_right": [119, 45]}
    assert set(more) == set(OPTIONAL)
    at = pixels_of(read(stated(tmp_path, PLACES | more))["own"], (120, 80))
    assert at[1, [0, 2, 4]] == pytest.approx(np.array(list(more.values())))
    assert at[1, 1] == pytest.approx([33, 38.5])


def test_without_places_the_corners_are_read_off_the_picture(tmp_path: Path) -> None:
    rectangle(tmp_path / "own.png")
    at = pixels_of(read(tmp_path)["own"], (120, 80))
    exact = [[[20, y], [40, y], [60, y], [80, y], [100, y]] for y in (10, 40, 70)]
    assert at == pytest.approx(np.array(exact), abs=2.5)
    assert at[:, :, 1] == pytest.approx(np.array(exact)[:, :, 1])


def test_masks_have_the_names_of_their_files_and_other_files_are_no_masks(tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "한글 mask.png"):
        rectangle(tmp_path / name)
    (tmp_path / "notes.txt").write_text("bought in May")
    assert list(read(tmp_path)) == ["a", "b", "한글 mask"]


def test_a_sheet_holds_the_pictures_colours_premultiplied_in_a_transparent_frame(tmp_path: Path) -> None:
    rectangle(tmp_path / "own.png")
    texture = read(tmp_path)["own"]
    assert texture.albedo.shape == (84, 124, 4) and texture.albedo.dtype == np.float32
    assert not texture.clipped
    rim = [texture.albedo[:2], texture.albedo[-2:], texture.albedo[:, :2], texture.albedo[:, -2:]]
    assert all(not part.any() for part in rim)
    assert not texture.albedo[texture.albedo[..., 3] == 0].any()
    assert display(texture.albedo[42, 62, :3]) == pytest.approx(np.array(GREEN), abs=0.5)


def test_a_half_transparent_colour_is_halved(tmp_path: Path) -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[5:35, 5:55] = (255, 255, 255, 255)
    rgba[15:25, 20:40] = (255, 255, 255, 128)
    Image.fromarray(rgba).save(tmp_path / "own.png")
    assert read(tmp_path)["own"].albedo[22, 32] == pytest.approx([128 / 255] * 4)


@pytest.mark.parametrize("places", [True, False])
def test_a_picture_4096_wide_is_reduced_and_its_places_with_it(tmp_path: Path, places: bool) -> None:
    rectangle(tmp_path / "own.png", (4096, 2731), times=34)
    if places:
        (tmp_path / "own.json").write_text(json.dumps({k: [34 * x, 34 * y] for k, (x, y) in PLACES.items()}))
    texture = read(tmp_path)["own"]
    assert max(texture.albedo.shape) <= 516
    at = pixels_of(texture, (4096, 2731)) / 34
    assert at[[0, 0, 2, 2], [0, 4, 0, 4]] == pytest.approx(
        np.array([[20, 10], [100, 10], [20, 70], [100, 70]]), abs=2.5
    )


@pytest.mark.parametrize("kind", ["P", "LA"])
def test_a_palette_or_grey_picture_with_transparency_is_a_mask_too(tmp_path: Path, kind: str) -> None:
    rgba = Image.open(rectangle(tmp_path / "own.png"))
    if kind == "P":
        palette = Image.fromarray((np.asarray(rgba)[..., 3] > 0).astype(np.uint8)).convert("P")
        palette.putpalette([0, 0, 0, *GREEN] + [0] * 762)
        palette.save(tmp_path / "own.png", transparency=0)
    else:
        rgba.convert("LA").save(tmp_path / "own.png")
    albedo = read(tmp_path)["own"].albedo
    assert (albedo[42, 62, 3], albedo[5, 5, 3]) == (1, 0)
    assert (display(albedo[42, 62, :3]) == pytest.approx(np.array(GREEN), abs=1)) == (kind == "P")


@pytest.mark.parametrize("folder", ["absent", "notes.txt"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "notes.txt").write_text("no folder")
    where = tmp_path / folder
    assert refused(where) == f"{where}: no such folder, expected PNG files with transparency; correct --masks"


def test_a_folder_without_pngs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.jpg").write_bytes(b"")
    assert refused(tmp_path) == f"{tmp_path}: no PNG file, expected PNG files with transparency; correct --masks"


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_picture_without_transparency_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "own.png"
    Image.new(mode, (60, 40), {"RGB": GREEN, "L": 90, "RGBA": (*GREEN, 255)}[mode]).save(path)
    expected = "expected RGBA, transparent around the mask; cut the mask out"
    assert refused(tmp_path) == f"{path}: no transparency, {expected}"


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_picture_with_hardly_anything_opaque_is_refused(tmp_path: Path, size: int) -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[10 : 10 + size, 10 : 10 + size] = 255
    Image.fromarray(rgba).save(tmp_path / "own.png")
    expected = "expected a mask of 8 pixels or more; cut the mask out again"
    assert refused(tmp_path) == f"{tmp_path / 'own.png'}: hardly anything opaque, {expected}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"top"',
        json.dumps(PLACES | {"top": [1, 2, 3]}),
        json.dumps(PLACES | {"top": "high"}),
        json.dumps(PLACES | {"top": None}),
        json.dumps(PLACES | {"top": {"x": 1, "y": 2}}),
        json.dumps(PLACES | {"middle": [1]}),
        json.dumps(list(PLACES)),
    ],
)
def test_a_file_of_places_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    said = refused(stated(tmp_path, text))
    assert said == f"{tmp_path / 'own.json'}: not the places of a mask, expected {EXPECTED}; correct it"


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    stated(tmp_path, "")
    (tmp_path / "own.json").write_bytes(b"\xff\xfe\x00{")
    assert "own.json: not the places of a mask" in refused(tmp_path)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_place_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    places = {key: value for key, value in PLACES.items() if key != name}
    assert refused(stated(tmp_path, places)) == f"{tmp_path / 'own.json'}: no {name}, expected {EXPECTED}; add it"


@pytest.mark.parametrize(
    ("place", "said"),
    [([121, 10], "121, 10"), ([-0.5, 3], "-0.5, 3"), ([3, 80.25], "3, 80.25"), ([float("nan"), 1], "nan, 1")],
)
def test_a_place_outside_the_picture_is_named(tmp_path: Path, place: list[float], said: str) -> None:
    found = refused(stated(tmp_path, PLACES | {"top": place}))
    assert found == f"{tmp_path / 'own.json'}: top at {said}, expected 0..120, 0..80; correct it"


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ({"top_left": [20, 70]}, "top_left is not above bottom_left"),
        ({"top": [60, 75]}, "top is not above bottom"),
        ({"bottom_right": [100, 2]}, "top_right is not above bottom_right"),
        ({"top_left": [100, 10], "top_right": [20, 10]}, "top_left is not left of top"),
        ({"bottom": [100, 70]}, "bottom is not left of bottom_right"),
    ],
)
def test_a_mask_that_is_turned_or_flat_is_refused(tmp_path: Path, moved: dict, said: str) -> None:
    expected = "expected places as seen in the picture; correct them"
    assert refused(stated(tmp_path, PLACES | moved)) == f"{tmp_path / 'own.json'}: {said}, {expected}"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_png_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "own.png").write_bytes(data)
    assert re.match(re.escape(str(tmp_path / "own.png")) + ": ", refused(tmp_path))


def worn_by(name: str, texture: masks.Texture, mode: str = "correct") -> tuple[NDArray, NDArray, wear.Worn]:
    """(the portrait, the portrait with it on, its place)."""
    face, pixels = PEOPLE[name].face, load(name)
    place = wear.worn(face, mode, np.random.default_rng(0))
    after = pixels.copy()
    overlay.put_on(pixels, face, place, texture, np.random.default_rng(0)).onto(after)
    return pixels, after, place


def inner(place: wear.Worn, shape: tuple[int, ...], share: float) -> NDArray:
    """Pixels of the outline drawn smaller about its middle, (H, W) bool."""
    canvas, middle = np.zeros(shape[:2], np.uint8), place.outline.mean(axis=0)
    cv2.fillPoly(canvas, [np.round(middle + share * (place.outline - middle)).astype(np.int32)], 1)
    return canvas.astype(bool)


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_a_templates_colour_arrives_on_the_face(tmp_path: Path, name: str) -> None:
    rectangle(tmp_path / "own.png")
    before, after, place = worn_by(name, read(tmp_path)["own"])
    r, g, b = after[inner(place, before.shape, 0.8)].mean(axis=0)
    assert g > 1.5 * r and g > 1.5 * b
    r, g, b = before[inner(place, before.shape, 0.8)].mean(axis=0)
    assert g < r


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_the_face_is_seen_through_what_is_transparent(tmp_path: Path, name: str) -> None:
    rectangle(tmp_path / "own.png", hole=True)
    before, after, place = worn_by(name, read(tmp_path)["own"])
    centre = inner(place, before.shape, 0.2)
    r, g, b = after[centre].astype(float).mean(axis=0)
    assert r > g and r > b, "skin, in the shadow of the edges"
    rim = inner(place, before.shape, 0.85) & ~inner(place, before.shape, 0.75)
    assert after[rim][:, 1].mean() > 1.3 * after[rim][:, 0].mean()
