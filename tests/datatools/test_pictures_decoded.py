"""Claims about pictures: upright, RGB, eight bits, whatever the file is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from datatools.errors import PictureError
from datatools.images import (
    MAX_PIXELS,
    Compression,
    compression,
    decode,
    decode_with_alpha,
    encode,
    measure,
    turn_boxes,
)

TURNS = range(1, 9)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_marked_spot_is_where_its_turned_box_says(tmp_path, orientation, suffix):
    stored = np.zeros((60, 80, 3), dtype=np.uint8)
    stored[10:18, 40:64] = 255  # a spot at x 40..64, y 10..18
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    Image.fromarray(stored).save(path, exif=exif, **({"quality": 95} if suffix == ".jpg" else {}))
    upright = decode(path)
    header = measure(path)
    assert header.orientation == orientation and header.stored_wh == (80, 60)
    assert header.size_wh == upright.shape[1::-1] == ((60, 80) if orientation > 4 else (80, 60))
    ((x1, y1, x2, y2),) = turn_boxes(np.array([[40.0, 10, 64, 18]]), (80, 60), orientation).astype(int).tolist()
    inside = np.zeros(upright.shape[:2], dtype=bool)
    inside[y1:y2, x1:x2] = True
    assert np.array_equal(upright[..., 0] > 127, inside)


@given(st.lists(st.floats(0, 40), min_size=4, max_size=4), st.sampled_from(TURNS))
def test_a_turned_box_keeps_its_area_and_stays_inside(values, orientation):
    (x1, x2), (y1, y2) = sorted(values[:2]), sorted(v * 0.75 for v in values[2:])
    ((a1, b1, a2, b2),) = turn_boxes(np.array([[x1, y1, x2, y2]]), (40, 30), orientation)
    w, h = (30, 40) if orientation > 4 else (40, 30)
    assert 0 <= a1 <= a2 <= w and 0 <= b1 <= b2 <= h
    assert (a2 - a1) * (b2 - b1) == pytest.approx((x2 - x1) * (y2 - y1), abs=1e-9)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", ".png"), ("LA", ".png"), ("RGBA", ".png"), ("P", ".png"), ("1", ".png"), ("CMYK", ".jpg"), ("CMYK", ".tif"),
     ("L", ".jpg"), ("RGB", ".bmp"), ("RGB", ".webp"), ("RGB", ".tiff")],
)  # fmt: skip
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode, suffix):
    left_dark = np.repeat(np.array([[0, 255]], dtype=np.uint8), 8, axis=1).repeat(12, axis=0)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(left_dark).convert("RGB").convert(mode).save(path)
    pixels = decode(path)
    assert pixels.shape == (12, 16, 3) and pixels.dtype == np.uint8
    assert pixels[:, :6].mean() < 20 and pixels[:, 10:].mean() > 235


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(8, axis=0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    pixels = decode(tmp_path / "a.png")
    assert pixels.shape == (8, 256, 3) and np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def cut_out() -> np.ndarray:
    """Red at the left, transparent green at the right, half-transparent blue below, (12, 16, 4)."""
    rgba = np.zeros((12, 16, 4), dtype=np.uint8)
    rgba[:, :8], rgba[:, 8:], rgba[9:] = (255, 0, 0, 255), (0, 255, 0, 0), (0, 0, 255, 128)
    return rgba


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparency_comes_with_the_colours_as_they_are_stored(tmp_path, suffix):
    how = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    Image.fromarray(cut_out()).save(tmp_path / f"a{suffix}", **how)
    rgba = decode_with_alpha(tmp_path / f"a{suffix}")
    assert rgba.dtype == np.uint8 and np.array_equal(rgba, cut_out())


@pytest.mark.parametrize("orientation", TURNS)
def test_a_picture_with_transparency_is_turned_upright_as_one_without_is(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(cut_out()).save(tmp_path / "a.png", exif=exif)
    rgba = decode_with_alpha(tmp_path / "a.png")
    assert rgba.shape[1::-1] == measure(tmp_path / "a.png").size_wh
    assert np.array_equal(rgba[..., :3], decode(tmp_path / "a.png"))
    assert (rgba[..., 3] == 255).sum() == 9 * 8 and (rgba[..., 3] == 128).sum() == 3 * 16


def test_grey_and_palette_pictures_keep_their_transparency(tmp_path):
    Image.fromarray(cut_out()).convert("LA").save(tmp_path / "grey.png")
    grey = decode_with_alpha(tmp_path / "grey.png")
    assert np.array_equal(grey[..., 3], cut_out()[..., 3]) and np.ptp(grey[..., :3], axis=2).max() == 0
    palette = Image.fromarray((np.arange(12 * 16) % 2).astype(np.uint8).reshape(12, 16)).convert("P")
    palette.putpalette([9, 8, 7, 200, 100, 50] + [0] * 762)
    palette.save(tmp_path / "palette.png", transparency=0)
    rgba = decode_with_alpha(tmp_path / "palette.png")
    assert rgba[0, 0, 3] == 0 and rgba[0, 1].tolist() == [200, 100, 50, 255]
    assert (rgba[..., 3] == 0).mean() == 0.5


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", ".png"), ("L", ".png"), ("P", ".png"), ("1", ".png"), ("RGB", ".jpg"), ("CMYK", ".jpg"), ("RGB", ".webp")],
)
def test_a_picture_that_says_nothing_of_transparency_has_none(tmp_path, mode, suffix):
    Image.fromarray(cut_out()).convert("RGB").convert(mode).save(tmp_path / f"a{suffix}")
    assert decode_with_alpha(tmp_path / f"a{suffix}") is None
    assert decode(tmp_path / f"a{suffix}").shape == (12, 16, 3)


def test_an_opaque_alpha_channel_is_said_all_the_same(tmp_path):
    Image.fromarray(cut_out()[..., :3]).convert("RGBA").save(tmp_path / "a.png")
    assert (decode_with_alpha(tmp_path / "a.png")[..., 3] == 255).all()


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_a_broken_picture_with_transparency_is_refused_like_any_other(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PictureError) as plain:
        decode(tmp_path / "a.png")
    with pytest.raises(PictureError) as caught:
        decode_with_alpha(tmp_path / "a.png")
    assert str(caught.value) == str(plain.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_encoding_and_decoding_give_the_picture_back(tmp_path, suffix):
    pixels = np.asarray(
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)).resize((64, 48))
    )
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode(pixels, suffix))
    difference = np.abs(decode(path).astype(int) - pixels)
    assert difference.max() == 0 if suffix == ".png" else difference.mean() < 4
    assert encode(pixels, suffix) == path.read_bytes()


def scene(size_wh: tuple[int, int] = (400, 300)) -> Image.Image:
    """A picture with slopes, edges and fine grain, as a photograph has them."""
    w, h = size_wh
    rng = np.random.default_rng(4)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).resize(size_wh, Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse).astype(int) + rng.normal(0, 3, (h, w, 1)).round().astype(int)
    pixels[h // 3 : h // 2, w // 4 : w // 2] = (30, 60, 200)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def change(pixels: np.ndarray, data: bytes) -> float:
    """Mean absolute difference of the pixels that a file gives back."""
    again = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    return float(np.abs(again - pixels).mean())


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [40, 60, 85])
def test_a_jpeg_encoded_like_its_source_keeps_pixels_and_size(tmp_path, quality, subsampling):
    source = tmp_path / "a.jpg"
    scene().save(source, quality=quality, subsampling=subsampling)
    like, pixels = compression(source), decode(source)
    assert like is not None and like.subsampling == subsampling
    data = encode(pixels, ".jpg", like=like)
    assert change(pixels, data) < 0.33 * min(change(pixels, encode(pixels, ".jpg", q)) for q in (75, 95))
    assert len(data) == pytest.approx(source.stat().st_size, rel=0.05)
    assert data == encode(pixels, ".jpg", 10, compression(source)), "the same bytes again, whatever the quality"
    (tmp_path / "b.jpg").write_bytes(data)
    assert compression(tmp_path / "b.jpg") == like


@pytest.mark.realdata
def test_real_photographs_are_encoded_like_their_files(shared_data):
    for path in sorted((shared_data / "data/face-mask-detection/images").iterdir())[::75]:
        like, pixels = compression(path), decode(path)
        data = encode(pixels, ".jpg", like=like)
        assert like and len(data) == pytest.approx(path.stat().st_size, rel=0.05)
        assert change(pixels, data) < 0.25 * change(pixels, encode(pixels, ".jpg", 75))


def test_without_a_model_the_bytes_are_opencvs_at_quality_95():
    import cv2

    pixels = np.asarray(scene((64, 48)))
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert encode(pixels, ".jpg") == encode(pixels, ".jpg", like=None) == data.tobytes()


def test_a_png_is_the_same_whatever_it_shall_be_like(tmp_path):
    scene((64, 48)).save(tmp_path / "a.jpg", quality=20)
    pixels = decode(tmp_path / "a.jpg")
    assert encode(pixels, ".png", like=compression(tmp_path / "a.jpg")) == encode(pixels, ".png")


def test_the_one_table_of_a_grey_jpeg_serves_light_and_colour(tmp_path):
    scene((64, 48)).convert("L").save(tmp_path / "a.jpg", qtables=[list(range(1, 65))])
    like = compression(tmp_path / "a.jpg")
    assert like == Compression((tuple(range(1, 65)),) * 2, 2)
    (tmp_path / "b.jpg").write_bytes(encode(np.asarray(scene((64, 48))), ".jpg", like=like))
    assert compression(tmp_path / "b.jpg") == like and np.ptp(decode(tmp_path / "b.jpg"), axis=2).max() > 100


def test_three_tables_stay_three_and_steps_are_cut_at_what_baseline_holds(tmp_path):
    scene((64, 48)).save(tmp_path / "a.jpg", qtables=[[2] * 64, [3] * 64, [300] * 64], subsampling=1)
    like = compression(tmp_path / "a.jpg")
    assert like == Compression(((2,) * 64, (3,) * 64, (255,) * 64), 1)
    (tmp_path / "b.jpg").write_bytes(encode(decode(tmp_path / "a.jpg"), ".jpg", like=like))
    assert compression(tmp_path / "b.jpg") == like


def test_a_jpeg_that_stores_rgb_lends_its_table_to_all_three(tmp_path):
    scene((64, 48)).save(tmp_path / "a.jpg", quality=80, keep_rgb=True)
    like = compression(tmp_path / "a.jpg")
    assert like is not None and len(like.tables) == 2 and like.tables[0] == like.tables[1] and like.subsampling == 0


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", ".jpg"), ("RGB", ".png"), ("RGB", ".bmp"), ("RGB", ".webp"), ("CMYK", ".tif")]
)
def test_what_is_no_jpeg_of_light_is_no_model(tmp_path, mode, suffix):
    scene((64, 48)).convert(mode).save(tmp_path / f"a{suffix}")
    assert compression(tmp_path / f"a{suffix}") is None


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_turns_nothing(make, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert measure(make.noise(tmp_path / "a.jpg", exif=exif)).orientation == 1


def test_a_missing_picture_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "no.jpg", tmp_path):
        with pytest.raises(PictureError, match="no such picture") as caught:
            decode(path)
        assert caught.value.code == "picture-missing" and caught.value.where == str(path)


def test_a_header_that_lies_costs_no_memory(tmp_path):
    import tracemalloc

    head = b"BM" + bytes(12) + (40).to_bytes(4, "little") + (13_000).to_bytes(4, "little") * 2 + b"\1\0\x18\0"
    (tmp_path / "a.bmp").write_bytes(head + bytes(60))
    tracemalloc.start()
    assert MAX_PIXELS > 13_000**2 and measure(tmp_path / "a.bmp").size_wh == (13_000, 13_000)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def small(kind: str) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "text"
    pixels = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(out, kind, **({"exif": exif} if kind not in ("BMP",) else {}))
    return out.getvalue()


WHOLE = {kind: small(kind) for kind in ("JPEG", "PNG", "BMP", "WEBP", "TIFF")}


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    where=st.floats(0, 1),
    how=st.sampled_from(["flip", "cut", "zero", "insert"]),
    value=st.binary(min_size=1, max_size=8),
)
def test_damaged_pictures_are_read_or_refused_and_nothing_else(tmp_path, kind, where, how, value):
    data = WHOLE[kind]
    k = int(where * (len(data) - 1))
    damaged = {
        "flip": data[:k] + value + data[k + len(value) :],
        "cut": data[:k],
        "zero": data[:k] + bytes(len(data) - k),
        "insert": data[:k] + value + data[k:],
    }[how]
    path = tmp_path / "a.jpg"
    path.write_bytes(damaged)
    for read in (decode, decode_with_alpha, compression, lambda p: measure(p, dhash=True, verify=True)):
        try:
            read(path)
        except PictureError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)


@pytest.mark.parametrize("kind", sorted(WHOLE))
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_never_taken_for_whole(tmp_path, kind, share):
    path = tmp_path / "a.jpg"
    path.write_bytes(WHOLE[kind][: int(len(WHOLE[kind]) * share)])
    with pytest.raises(PictureError):
        measure(path, verify=True)
