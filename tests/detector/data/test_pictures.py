import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.data.pictures import measure, pad, read_picture, shrink
from detector.errors import DataError


def noise(width=40, height=30):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp"])
def test_a_picture_that_is_cut_off_is_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"half.{suffix}"
    noise().save(path)
    assert read_picture(path).shape == (30, 40, 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(DataError, match=rf"half\.{suffix}: (broken|not a) picture"):
        read_picture(path)


@pytest.mark.parametrize(("content", "message"), [(b"", "(0 bytes)"), (b"<html>", "(6 bytes)")])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"x.jpg: not a picture {message}, expected a JPEG, PNG")):
        read_picture(tmp_path / "x.jpg")


def test_a_missing_picture_is_said(tmp_path):
    with pytest.raises(DataError, match=r"x\.jpg: no such picture"):
        read_picture(tmp_path / "x.jpg")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 13_200, 13_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    with pytest.raises(DataError, match=r"bomb\.png: 13200 x 13000 pixels, expected at most 170000000"):
        read_picture(tmp_path / "bomb.png")


def test_exif_orientation_is_applied(tmp_path):
    picture = Image.new("RGB", (40, 30), "white")
    picture.paste("red", (0, 0, 10, 10))
    exif = picture.getexif()
    exif[0x0112] = 6  # turn a quarter clockwise to show
    picture.save(tmp_path / "x.png", exif=exif)
    shown = read_picture(tmp_path / "x.png")
    assert shown.shape == (40, 30, 3) and measure(tmp_path / "x.png") == (30, 40)
    assert shown[5, 25].tolist() == [255, 0, 0] and shown[5, 5].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    stream = io.BytesIO()
    noise().convert(mode).save(stream, format="TIFF" if mode == "CMYK" else "PNG")
    (tmp_path / "x.png").write_bytes(stream.getvalue())
    found = read_picture(tmp_path / "x.png")
    assert (found.shape, found.dtype) == ((30, 40, 3), np.uint8)


def test_a_letterbox_keeps_the_shape_and_centres_the_picture_on_grey():
    inner = shrink(np.zeros((30, 60, 3), np.uint8), 96)
    assert inner.shape == (48, 96, 3)
    square = pad(inner, 96)
    assert square.shape == (96, 96, 3)
    assert (square[:24] == 114).all() and (square[24:72] == 0).all() and (square[72:] == 114).all()


def test_sixteen_bit_grey_is_scaled_not_cut_off(tmp_path: Path) -> None:
    grey = np.array([[0, 257 * 100], [257 * 200, 65535]], dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png")[..., 0].tolist() == [[0, 100], [200, 255]]


def test_a_format_outside_the_list_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="not a picture"):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_header_tells_the_size_that_reading_gives(tmp_path: Path, turn: int) -> None:
    picture = noise()
    exif = picture.getexif()
    exif[0x0112] = turn
    picture.save(tmp_path / "x.jpg", exif=exif)
    assert measure(tmp_path / "x.jpg") == read_picture(tmp_path / "x.jpg").shape[1::-1]
