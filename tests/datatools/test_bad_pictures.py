"""Claims about bad input, pictures: one line that says where, what and what to do; exit 1; nothing lost."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path

import pytest

BOX = [("cat", (4, 6, 24, 18))]


def good(make, tmp_path) -> Path:
    return make.voc(tmp_path / "raw", good=BOX)


def png_header(w: int, h: int) -> bytes:
    """A whole PNG by its header, with no pixels to speak of."""
    head = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.write_bytes(
        {
            "truncated": data[: len(data) // 2],
            "empty": b"",
            "text": b"this is no picture",
            "gif": b"GIF89a" + b"\0" * 50,
            "bomb": png_header(60_000, 60_000),
            "large": png_header(17_500, 10_000),
            "garbage": data[:200] + bytes(len(data) - 200),
        }[how]
    )


@pytest.mark.parametrize("split", ["auto", "none", "keep"])
@pytest.mark.parametrize(
    ("how", "suffix", "expected"),
    [
        ("truncated", ".jpg", "picture-truncated: the picture is broken"),
        ("truncated", ".png", "picture-truncated: the picture is broken"),
        ("empty", ".jpg", "picture-unreadable: the file is empty, expected a picture; restore it or delete it"),
        ("empty", ".png", "picture-unreadable: the file is empty, expected a picture; restore it or delete it"),
        ("text", ".jpg", "picture-unreadable: no picture that can be decoded, expected JPEG, PNG, BMP, WebP or TIFF"),
        ("gif", ".jpg", "picture-unreadable: no picture that can be decoded"),
        ("bomb", ".png", "picture-too-large: far too many pixels, expected at most 170 megapixels; scale it down"),
        ("large", ".png", "picture-too-large: 17500×10000 pixels, expected at most 170 megapixels; scale it down"),
        ("garbage", ".png", "picture-unreadable: the picture is broken"),
    ],
)
def test_a_broken_picture_is_refused(make, refused, skipped, tmp_path, how, suffix, expected, split):
    good(make, tmp_path)
    spoil(make.noise(tmp_path / f"raw/images/bad{suffix}", (100, 80)), how)
    make.put(tmp_path / "raw/annotations/bad.xml", make.voc_xml(BOX, size_wh=(100, 80)))
    assert re.match(rf"raw/images/bad\{suffix}: {expected}", refused("--split", split))
    left, there = skipped()
    assert there == ["good"] and len(left) == 1


def test_an_annotation_without_its_picture_is_refused(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    make.put(tmp_path / "raw/annotations/lost.xml", make.voc_xml(BOX, name="lost.jpg"))
    expected = (
        "raw/annotations/lost.xml: picture-missing: no picture of that name; put the picture beside it, or delete"
    )
    assert refused().startswith(expected)
    assert skipped()[1] == ["good"]


def test_links_that_lead_nowhere_are_named(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    (tmp_path / "raw/images/loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "raw/images/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "raw/annotations/good2.xml").symlink_to("nowhere.xml")
    make.noise(tmp_path / "raw/images/good2.jpg")
    assert "raw/images/gone.jpg: picture-missing: no such picture" in refused()
    left, there = skipped()
    assert there == ["good"] and len(left) == 3


def test_a_folder_that_links_to_itself_is_read_once(make, cli, tmp_path):
    good(make, tmp_path)
    (tmp_path / "raw/images/again").symlink_to("..")
    (tmp_path / "raw/more").symlink_to("images")
    (tmp_path / "raw/images/more").symlink_to("../more")
    ended = cli("convert", "--json", "--split", "none")
    assert ended.code == 0
    assert json.loads(ended.out)["problems"]["symlink-loop"] >= 1
    found = cli("check", "--json")
    assert json.loads(found.out)["counts"]["symlink-loop"] >= 1
