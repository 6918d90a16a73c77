"""Claims about bad input: one line that says where, what and what to do; exit 1; nothing half-written, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import re
import struct
import time
import zlib
from pathlib import Path

import pytest

from datatools import convert, formats

BOX = [("cat", (4, 6, 24, 18))]


@pytest.fixture
def refused(cli, make, tmp_path):
    """Convert `raw`, which must fail as bad input does; returns the message."""

    def call(*args: object) -> str:
        before = make.tree(tmp_path / "raw")
        message = cli("convert", *args).error
        assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())
        assert make.tree(tmp_path / "raw") == before, "the source was touched"
        return message

    return call


@pytest.fixture
def skipped(cli, make, tmp_path):
    """Convert `raw` with --on-error skip; returns (what was left out, the pictures that came through)."""

    def call(*args: object) -> tuple[list[str], list[str]]:
        ended = cli("convert", "--on-error", "skip", "--json", "--split", "none", *args)
        assert (ended.code, ended.err) == (0, "")
        there = sorted(p.stem for p in (tmp_path / "data/yolo/images/train").iterdir())
        return [line for line in json.loads(ended.out)["done"] if line.startswith("left out")], there

    return call


def good(make, tmp_path) -> Path:
    return make.voc(tmp_path / "raw", good=BOX)


# ---------------------------------------------------------------- XML

BOMB = (
    '<!DOCTYPE lolz [<!ENTITY l "lol">'
    + "".join(f'<!ENTITY l{k} "{f"&l{k - 1 if k > 1 else str()};" * 10}">' for k in range(1, 10))
    + "]><annotation><filename>&l9;</filename></annotation>"
)
EXTERNAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file://{}">]><annotation><object><name>&x;</name></object></annotation>'
BAD_XML = {
    "cut off": ("<annotation><object><name>cat</na", "not well-formed XML"),
    "not xml": ("class,x,y\ncat,1,2\n", "not well-formed XML"),
    "empty": ("", "the file is empty, expected XML"),
    "blank": (" \n ", "the file is empty, expected XML"),
    "other root": ("<svg></svg>", "the root element is <svg>, expected <annotation>"),
    "bomb": (BOMB, "has a DOCTYPE"),
    "bomb utf-16": (f'<?xml version="1.0" encoding="utf-16"?>{BOMB}'.encode("utf-16"), "has a DOCTYPE"),
    "bomb utf-7": (f'<?xml version="1.0" encoding="UTF-7"?>{BOMB}'.encode("utf-7"), "XML|DOCTYPE"),
    "late bomb": (f"<!--{'x' * 200_000}-->{BOMB}", "DOCTYPE|not well-formed"),
    "late doctype": (f"<!--{'x' * 200_000}--><!DOCTYPE annotation><annotation/>", "has a DOCTYPE"),
    "deep": ("<a>" * 100_000, "not well-formed XML"),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?><annotation/>', "not well-formed XML"),
}


@pytest.mark.parametrize("case", BAD_XML)
def test_bad_xml_is_refused_by_name_and_fast(make, refused, skipped, tmp_path, case):
    content, expected = BAD_XML[case]
    good(make, tmp_path)
    make.noise(tmp_path / "raw/images/bad.jpg")
    make.put(tmp_path / "raw/annotations/bad.xml", content)
    start = time.perf_counter()
    message = refused()
    assert re.search(rf"^raw/annotations/bad\.xml: annotation-unreadable: .*({expected})", message), message
    assert "; mend or delete the file" in message and "--on-error skip" in message
    left, there = skipped()
    assert there == ["good"] and len(left) == 1 and "raw/annotations/bad.xml: annotation-unreadable" in left[0]
    assert time.perf_counter() - start < 20, "an expanded bomb would take for ever"


def test_xml_of_an_absurd_size_is_refused_unparsed(make, refused, tmp_path, monkeypatch):
    monkeypatch.setattr("datatools.formats.voc.MAX_BYTES", 1_000_000)
    make.noise(tmp_path / "raw/images/bad.jpg")
    make.put(tmp_path / "raw/annotations/bad.xml", f"<annotation>{' ' * 2_000_000}</annotation>")
    assert "annotation-unreadable: 2 MB of XML, expected at most 1; mend or delete the file" in refused()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_external_entity_is_never_read(make, refused, tmp_path, encoding):
    secret = make.put(tmp_path / "secret.txt", "TOP-SECRET")
    make.noise(tmp_path / "raw/images/bad.jpg")
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    make.put(tmp_path / "raw/annotations/bad.xml", (head + EXTERNAL.format(secret)).encode(encoding))
    message = refused()
    assert "has a DOCTYPE, which may name entities or other files; expected plain XML" in message
    assert "TOP-SECRET" not in message


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        (("10,5", 6, 24, 18), "number-malformed: <xmin> is '10,5' (a comma is no decimal point), expected a number"),
        (("nan", 6, 24, 18), "number-malformed: <xmin> is 'nan', expected a number"),
        ((4, 6, "inf", 18), "number-malformed: <xmax> is 'inf', expected a number"),
        ((4, 6, "", 18), "number-malformed: <xmax> is missing, expected a number"),
        ((4, "6_0", 24, 18), "number-malformed: <ymin> is '6_0', expected a number"),
        ((4, "six", 24, 18), "number-malformed: <ymin> is 'six', expected a number"),
        ((4, 6, "1e999", 18), "number-malformed: <xmax> is '1e999', expected a number"),
        ((24, 6, 4, 18), "box-inverted: cat 24 6 4 18: xmin > xmax or ymin > ymax; swap the corners"),
        ((4, 6, 4, 18), "box-empty: cat 4 6 4 18 has no area; delete it"),
        ((-40, 6, 24, 18), "box-far-outside: cat -40 6 24 18 ends 40 px outside 40×30; clip it"),
        ((0, 0, 10**12, 10**12), "box-far-outside: cat 0 0 1e+12 1e+12 ends 1e+12 px outside 40×30; clip it"),
        ((-1e308, 0, 1e308, 1e308), "box-far-outside: cat -1e+308 0 1e+308 1e+308 ends 1e+308 px outside 40×30"),
    ],
)
def test_a_bad_corner_is_refused_with_its_line(make, refused, skipped, tmp_path, corners, expected):
    make.voc(tmp_path / "raw", good=BOX, bad=[*BOX, ("cat", corners)])
    message = refused()
    assert message.startswith("raw/annotations/bad.xml:3: " + expected), message
    left, there = skipped()
    assert len(left) == 1 and "raw/annotations/bad.xml:3" in left[0]
    assert there == (["bad", "good"] if "box-empty" in expected else ["good"])


@pytest.mark.parametrize("corners", [(4.25, 6, 24.5, 18), ("+4", " 6 ", "2.4e1", "18.000")])
def test_floats_of_every_spelling_are_fine(make, cli, tmp_path, corners):
    make.voc(tmp_path / "raw", a=[("cat", corners)])
    assert cli("convert", "--quiet").code == 0
    found = formats.read(tmp_path / "raw", quiet=True).dataset.annotations[0]
    assert found.xyxy.tolist() == [[float(v) for v in corners]]


@pytest.mark.parametrize("corners", [(-1, 6, 24, 18), (4, 6, 41, 18)])
def test_a_box_a_little_outside_is_clipped_and_listed(make, cli, tmp_path, corners):
    make.voc(tmp_path / "raw", a=[("cat", corners)])
    ended = cli("convert", "--json", "--split", "none")
    assert ended.code == 0
    done = json.loads(ended.out)["done"]
    assert len(done) == 1 and done[0].startswith("clipped: raw/annotations/a.xml:2: box-outside: cat")
    box = formats.read(tmp_path / "data/yolo", quiet=True).dataset.annotations[0].xyxy.round(3).tolist()
    assert box == [[max(corners[0], 0), 6, min(corners[2], 40), 18]]


def test_no_clip_leaves_boxes_where_they_are(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=[("cat", (-40, 6, 44, 18))])
    assert cli("convert", "--no-clip", "--to", "voc", "--quiet").code == 0
    assert formats.read(tmp_path / "data/voc", quiet=True).dataset.annotations[0].xyxy.tolist() == [[-40, 6, 44, 18]]


@pytest.mark.parametrize("size", [None, (0, 0), ("", ""), ("wide", 30), (-40, 30)])
def test_a_missing_size_is_a_warning_and_the_pictures_is_used(make, cli, tmp_path, size):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/annotations/a.xml", make.voc_xml(BOX, size_wh=size))
    found = formats.read(tmp_path / "raw", quiet=True)
    assert [(p.code, p.severity) for p in found.problems] == [("size-missing", "warning")]
    assert found.dataset.annotations[0].size_wh == (40, 30)
    assert cli("convert", "--quiet").code == 0


def test_a_wrong_size_is_refused(make, refused, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/annotations/a.xml", make.voc_xml(BOX, size_wh=(80, 60)))
    expected = "raw/annotations/a.xml: size-mismatch: states 80×60, but the picture has 40×30; annotate this picture"
    assert refused().startswith(expected)


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<annotation><object><name>cat</name></object></annotation>", "<bndbox> is missing"),
        (
            "<annotation><object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
            "</annotation>",
            "<name> is missing",
        ),
    ],
)
def test_an_object_without_its_parts_is_refused(make, refused, tmp_path, xml, expected):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/annotations/a.xml", xml)
    assert refused().startswith(f"raw/annotations/a.xml:1: number-malformed: {expected}; correct it")


def test_a_class_that_is_not_declared_is_refused(make, refused, skipped, tmp_path):
    make.voc(tmp_path / "raw", good=BOX, bad=[("dog", (4, 6, 24, 18))])
    message = refused("--classes", "cat,bird")
    expected = "raw/annotations/bad.xml:2: class-unknown: class 'dog', expected one of cat bird; see --classes, --map"
    assert message.startswith(expected)
    assert skipped("--classes", "cat,bird")[1] == ["good"]


def test_an_annotation_without_objects_is_a_negative(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=BOX, empty=[])
    assert cli("convert", "--split", "none", "--quiet").code == 0
    assert (tmp_path / "data/yolo/labels/train/empty.txt").read_bytes() == b""
    assert (tmp_path / "data/yolo/images/train/empty.jpg").is_file()


# ---------------------------------------------------------------- pictures


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


# ---------------------------------------------------------------- names

ODD_NAMES = ("with space", "한글 이름", "😀", "dots...", "a.b.c", "50%", "#1", "it's", "q?&=", "x" * 120, "日本 [1]")


@pytest.mark.parametrize("write", ["yolo", "voc", "coco", "createml"])
def test_odd_names_come_through(make, cli, tmp_path, write):
    make.voc(tmp_path / "raw", **dict.fromkeys(ODD_NAMES, BOX))
    ended = cli("convert", "--to", write, "--split", "none", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    found = formats.read(tmp_path / "data" / write, quiet=True)
    assert not found.problems
    assert make.said_of(found.dataset) == {name: [("cat", (4.0, 6.0, 24.0, 18.0))] for name in ODD_NAMES}


def test_names_that_would_break_a_list_are_changed(make, cli, tmp_path):
    names = ["new\nline", "tab\tbed", "back\\slash", "line\u2028sep", "bell\x07"]
    for name in names:
        make.noise(tmp_path / "raw/images" / f"{name}.jpg")
        make.put(tmp_path / "raw/annotations" / f"{name}.xml", make.voc_xml(BOX, name="x.jpg"))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    found = formats.read(tmp_path / "data/yolo", quiet=True)
    assert not found.problems
    there = {a.id: len(a) for a in found.dataset.annotations}
    assert there == dict.fromkeys(["train/" + re.sub(r"[\n\t\\\u2028\x07]", "_", n) for n in names], 1)


def test_a_name_that_is_not_utf_8_is_a_problem_not_a_crash(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    name = os.fsdecode("사진".encode("euc-kr"))
    try:
        make.noise(tmp_path / "raw/images/x.jpg").rename(tmp_path / "raw/images" / f"{name}.jpg")
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    message = refused()
    expected = r"raw/images/\xbb\xe7\xc1\xf8.jpg: name-undecodable: a file name that is not UTF-8; rename the file"
    assert message.startswith(expected)
    assert skipped()[1] == ["good"]


def test_hangul_in_pieces_meets_hangul_whole(make, cli, tmp_path):
    whole, pieces = "\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"  # 한글 as Linux and as macOS store it
    make.noise(tmp_path / "raw/images" / f"{pieces}.jpg")
    make.put(tmp_path / "raw/annotations" / f"{whole}.xml", make.voc_xml(BOX, name=f"{whole}.jpg"))
    found = formats.read(tmp_path / "raw", quiet=True)
    assert not found.problems and [a.id for a in found.dataset.annotations] == [whole]


@pytest.mark.parametrize(
    "stated", ["../../evil.jpg", "/etc/passwd", "C:\\Users\\kim\\evil.png", "..", "", "\\\\x\\y.jpg"]
)
def test_a_filename_in_an_annotation_never_names_a_file_outside(make, cli, tmp_path, stated):
    make.noise(tmp_path / "evil.jpg")
    make.noise(tmp_path / "raw/images/a.jpg")
    xml = make.voc_xml(BOX, name=stated).replace("<size>", f"<path>{stated}</path><size>")
    make.put(tmp_path / "raw/annotations/a.xml", xml)
    before = set(make.tree(tmp_path))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    written = set(make.tree(tmp_path)) - before
    assert all(name.startswith("data/yolo/") for name in written)
    assert "data/yolo/images/train/a.jpg" in written and not any("evil" in name for name in written)


def test_a_windows_path_finds_its_picture_by_the_last_name(make, cli, tmp_path):
    make.noise(tmp_path / "raw/images/photo.jpg")
    make.put(tmp_path / "raw/annotations/0001.xml", make.voc_xml(BOX, name="C:\\Users\\kim\\photo.jpg"))
    found = formats.read(tmp_path / "raw", quiet=True)
    assert [a.id for a in found.dataset.annotations] == ["photo"] and not found.problems


def test_one_stem_in_two_folders_is_two_pictures(make, cli, tmp_path):
    make.voc(tmp_path / "raw", **{"x/1": BOX, "y/1": [("dog", (0, 0, 40, 30))]})
    make.noise(tmp_path / "raw/images/x__1.jpg", seed=5)
    make.put(tmp_path / "raw/annotations/x__1.xml", make.voc_xml([("bird", (1, 1, 9, 9))]))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    found = formats.read(tmp_path / "data/yolo", quiet=True).dataset
    names = {a.id: [found.classes[k] for k in a.labels] for a in found.annotations}
    assert names == {"train/x__1": ["cat"], "train/x__1__2": ["bird"], "train/y__1": ["dog"]}


def test_names_that_differ_in_case_alone_do_not_meet(make, cli, tmp_path):
    for k, name in enumerate(("a", "A")):
        make.noise(tmp_path / "raw/images" / f"{name}.jpg", seed=k)
        make.put(tmp_path / "raw/annotations" / f"{name}.xml", make.voc_xml(BOX))
    if len(list((tmp_path / "raw/images").iterdir())) < 2:
        pytest.skip("this disk does not tell cases apart")
    assert cli("convert", "--split", "none", "--quiet").code == 0
    assert len({p.name.casefold() for p in (tmp_path / "data/yolo/images/train").iterdir()}) == 2


def test_an_annotation_that_may_mean_two_pictures_is_refused(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    make.noise(tmp_path / "raw/images/x/1.jpg")
    make.noise(tmp_path / "raw/images/y/1.jpg", seed=4)
    make.put(tmp_path / "raw/annotations/1.xml", make.voc_xml(BOX, name="1.jpg"))
    message = refused()
    assert message.startswith(
        "raw/annotations/1.xml: stem-twice: several pictures may be meant: images/x/1.jpg, images/y/1.jpg; rename all"
    )
    left, there = skipped()
    assert there == ["good"], "neither may come in as a negative"
    assert len(left) == 1


def test_a_jpg_and_a_png_of_one_name_are_refused(make, refused, skipped, tmp_path):
    good(make, tmp_path)
    make.noise(tmp_path / "raw/images/1.jpg")
    make.noise(tmp_path / "raw/images/1.png", seed=4)
    make.put(tmp_path / "raw/annotations/1.xml", make.voc_xml(BOX, name="1.jpg"))
    message = refused()
    assert "stem-twice: shares the name '1' with raw/" in message and "rename or delete one" in message
    assert skipped()[1] == ["good"]


# ---------------------------------------------------------------- YOLO


@pytest.fixture
def yolo_raw(make, tmp_path):
    def call(text: str, classes: str | bytes | None = "cat\ndog\n") -> Path:
        make.noise(tmp_path / "raw/good.jpg")
        make.put(tmp_path / "raw/good.txt", "0 0.5 0.5 0.5 0.5\n")
        make.noise(tmp_path / "raw/bad.jpg")
        make.put(tmp_path / "raw/bad.txt", text)
        if classes is not None:
            make.put(tmp_path / "raw/classes.txt", classes)
        return tmp_path / "raw"

    return call


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0.5 0.5 0.5", "columns-wrong: 4 columns, expected 5 (class cx cy w h); complete or delete the line"),
        ("0 .5 .5 .5 .5 .9", "columns-wrong: 6 columns, expected 5 (class cx cy w h); polygons and scores are not"),
        ("0 .1 .1 .2 .2 .3 .3 .1 .3", "columns-wrong: 9 columns"),
        ("0 0.5 0.5 1.5 0.5", "not-normalised: 0.5 0.5 1.5 0.5, expected fractions from 0 to 1; divide by the pict"),
        ("0 20 15 10 10", "not-normalised: 20 15 10 10, expected fractions from 0 to 1; divide by the picture's size"),
        ("0 -0.1 0.5 0.5 0.5", "not-normalised: -0.1 0.5 0.5 0.5"),
        ("0 nan 0.5 0.5 0.5", "number-malformed: 'nan', expected a number; correct the line"),
        ("0 0,5 0.5 0.5 0.5", "number-malformed: '0,5' (a comma is no decimal point), expected a number"),
        ("2 0.5 0.5 0.5 0.5", "class-unknown: class 2, but there are 2 classes (0..1); check classes.txt or --classes"),
        ("-1 0.5 0.5 0.5 0.5", "class-unknown: class -1, but there are 2 classes (0..1)"),
        ("0.5 0.5 0.5 0.5 0.5", "class-unknown: class 0.5, but there are 2 classes (0..1)"),
        ("cat 0.5 0.5 0.5 0.5", "number-malformed: 'cat', expected a number"),
        ("0 0.5 0.5 0 0.5", "box-empty: cat 20 7.5 20 22.5 has no area; delete it"),
    ],
)
def test_a_bad_yolo_line_is_refused_with_its_number(yolo_raw, refused, skipped, line, expected):
    yolo_raw(f"0 0.5 0.5 0.25 0.25\n\n{line}\n")
    message = refused()
    assert message.startswith(f"raw/bad.txt:3: {expected}"), message
    left, there = skipped()
    assert len(left) == 1 and there == (["bad", "good"] if "box-empty" in expected else ["good"])


def test_a_label_file_that_is_no_text_is_refused(yolo_raw, refused, make, tmp_path):
    yolo_raw("")
    make.put(tmp_path / "raw/bad.txt", "0 .5 .5 .5 .5".encode("utf-16"))
    assert refused().startswith("raw/bad.txt: annotation-unreadable: not a text file; mend or delete the file")


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (None, "raw: YOLO labels but no classes.txt, expected one class name a line; add it, or pass --classes A,B,C"),
        ("", "raw/classes.txt: no class names, expected one a line; write them into it, or delete it and pass"),
        ("cat\n\ndog\n", "raw/classes.txt:2: a blank line, expected a class name; delete the line (ids count lines)"),
        ("cat\ncat\n", "raw/classes.txt:2: class 'cat' a second time, expected each name once; rename one"),
        ("고양이\n".encode("euc-kr"), "raw/classes.txt: neither UTF-8 nor this machine's encoding; save it as UTF-8"),
    ],
)
def test_a_bad_classes_txt_is_refused(yolo_raw, refused, classes, expected):
    yolo_raw("0 0.5 0.5 0.5 0.5\n", classes)
    assert refused().startswith(expected)


@pytest.mark.parametrize("classes", ["cat\ndog\n\n\n", "cat\r\ndog\r\n", "\ufeffcat\ndog", " cat \ndog"])
def test_blank_lines_at_the_end_and_other_line_ends_are_fine(yolo_raw, classes):
    assert formats.read(yolo_raw("1 0.5 0.5 0.5 0.5\n", classes), quiet=True).dataset.classes == ("cat", "dog")


def test_two_classes_txt_that_disagree_are_refused(yolo_raw, refused, make, tmp_path):
    yolo_raw("")
    make.put(tmp_path / "raw/sub/classes.txt", "dog\ncat\n")
    assert "classes.txt disagree, expected one list of classes; delete the wrong one" in refused()


def test_classes_may_be_said_where_there_is_no_list(yolo_raw, cli):
    yolo_raw("1 0.5 0.5 0.5 0.5\n", None)
    ended = cli("convert", "--classes", "cat,dog", "--split", "none", "--json")
    assert json.loads(ended.out)["total"]["boxes"] == {"cat": 1, "dog": 1}


# ---------------------------------------------------------------- data.yaml and obj.data

YAML = "train: images/train\nval: images/train\nnames: [cat]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: !!python/object/apply:os.system ['touch pwned']\n", "no plain YAML (could not determine a construct"),
        ("names: [cat\n", "no plain YAML"),
        ("train: images/train\n", "no `names`, expected a list of class names; write names: [A, B, C]"),
        ("names: [cat]\n", "names no split, expected train: images/train; add train, val or test"),
        (
            "train: images/train\nnames: {0: cat, x: dog}\n",
            "names has the ids [0, 'x'], expected 0 to 1; number them on",
        ),
        ("train: images/train\nnames: {1: cat, 2: dog}\n", "names has the ids [1, 2], expected 0 to 1"),
        ("train: images/train\nnames: [cat, cat]\n", "name 1 is 'cat', expected a different text for each class"),
        ("train: images/train\nnames: [cat, '']\n", "name 1 is '', expected a different text for each class"),
        ("train: images/train\nnc: 3\nnames: [cat]\n", "nc is 3, but there are 1 names, expected the same number"),
        ("train: nowhere\nnames: [cat]\n", "no folder nowhere with files in it, expected a folder below this one"),
        ("train: list.txt\nnames: [cat]\n", "no list list.txt, expected a file below this folder"),
        (
            "train: images/train\nval: images\nnames: [cat]\n",
            "images/train/a.jpg is in train and in val, expected each",
        ),
        ("train: /etc\nnames: [cat]\n", "no folder /etc with files in it"),
        ("train: ../../secret\nnames: [cat]\n", "no folder ../../secret with files in it"),
    ],
)
def test_a_bad_data_yaml_is_refused(make, refused, tmp_path, text, expected):
    make.noise(tmp_path / "secret/x.jpg")
    make.noise(tmp_path / "raw/images/train/a.jpg")
    make.put(tmp_path / "raw/labels/train/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/data.yaml", text)
    assert refused().startswith(f"raw/data.yaml: {expected}")
    assert not (tmp_path / "pwned").exists()


def test_a_list_that_names_pictures_that_are_not_there_says_each_line(make, refused, skipped, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/labels/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/data.yaml", "train: train.txt\nnames: [cat]\n")
    make.put(tmp_path / "raw/train.txt", "images/a.jpg\n\nimages/lost.jpg\nimages/gone.jpg\n")
    message = refused()
    assert message.startswith("raw/train.txt:3: picture-missing: no picture of that name (and 1 more errors)")
    left, there = skipped()
    assert there == ["a"] and len(left) == 2


def test_a_list_that_is_no_text_is_refused(make, refused, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/data.yaml", "train: train.txt\nnames: [cat]\n")
    make.put(tmp_path / "raw/train.txt", "images/a.jpg".encode("utf-16"))
    assert refused() == "raw/train.txt: not UTF-8 text, expected one name or path a line; save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train = train.txt\n", "raw/obj.data: names = '', expected a file below this folder; correct it"),
        ("train = no.txt\nnames = obj.names\n", "raw/obj.data: train = 'no.txt', expected a file below this folder"),
        ("train = train.txt\nnames = obj.names\nclasses = 5\n", "raw/obj.data: classes = 5, but 1 names, expected the"),
        ("train = train.txt\nvalid = two.txt\nnames = obj.names\n", "raw/obj.data: a.jpg is in train and in val"),
    ],
)
def test_a_bad_obj_data_is_refused(make, refused, tmp_path, text, expected):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/obj.names", "cat\n")
    make.put(tmp_path / "raw/train.txt", "a.jpg\n")
    make.put(tmp_path / "raw/two.txt", "data/a.jpg\n")
    make.put(tmp_path / "raw/obj.data", text)
    assert refused("--from", "darknet").startswith(expected)


# ---------------------------------------------------------------- JSON


def coco(**changes: object) -> dict:
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 6, 20, 12]}
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [one | changes.pop("annotation", {})],
        "categories": [{"id": 1, "name": "cat"}],
    }
    return document | changes


BAD_COCO = [
    (coco(annotation={"bbox": [4, 6, 20]}), "number-malformed: annotation 1: bbox is [4, 6, 20], expected [x, y, w"),
    (coco(annotation={"bbox": None}), "number-malformed: annotation 1: bbox is None, expected [x, y, width, height]"),
    (coco(annotation={"bbox": [4, 6, "20", 12]}), "number-malformed: annotation 1: '20', expected a number"),
    (coco(annotation={"bbox": [4, 6, float("nan"), 12]}), "number-malformed: annotation 1: 'nan', expected a number"),
    (coco(annotation={"bbox": [4, 6, 10**400, 12]}), "number-malformed: annotation 1: '1000000"),
    (coco(annotation={"bbox": [24, 6, -20, 12]}), "box-inverted: cat 24 6 4 18: xmin > xmax"),
    (coco(annotation={"category_id": 9}), "class-unknown: annotation 1: category 9; add it to `categories`"),
    (coco(annotation={"category_id": [1]}), "class-unknown: annotation 1: category [1]"),
    (coco(annotation={"image_id": 5}), "annotation 1 is of image 5, expected an id among `images`"),
    (coco(annotation={"image_id": None}), "an entry without `image_id`"),
    (coco(images={}), "`images` is no list of objects, expected a list of {...}; restore the file"),
    (coco(images=[{"id": 1}]), "an entry without `file_name`: {'id': 1}, expected COCO JSON; complete it"),
    (coco(images=[{"id": 1, "file_name": n} for n in "ab"]), "two images with one id, expected an id of its own"),
    (coco(categories=[{"id": 1, "name": " "}]), "category 1: class name ' ', expected a text; correct it"),
    (coco(categories=[{"id": "1", "name": "cat"}]), "a category's `id` is '1', expected a whole number; correct it"),
    (coco(images=[{"id": 1, "file_name": "../../evil.jpg"}]), "picture-missing: no picture of that name"),
]


@pytest.mark.parametrize(("document", "expected"), BAD_COCO)
def test_bad_coco_is_refused(make, refused, tmp_path, document, expected):
    make.noise(tmp_path / "evil.jpg")
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/x.json", json.dumps(document))
    message = refused()
    assert message.startswith("raw/x.json: ") and expected in message, message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"categories": [', "raw/x.json:1: no JSON (Expecting value); restore the file"),
        ('{"categories": "\xe9"}'.encode("latin-1"), "raw/x.json: not UTF-8 text, expected JSON; save it as UTF-8"),
        ('{"categories": ' + "[" * 100_000, "raw/x.json: no sensible JSON"),
        ('{"categories": ' + "9" * 5000 + "}", "raw/x.json: no sensible JSON"),
        ('{"categories": []}', "raw: no coco annotations, expected COCO JSON; name the folder that holds them, or"),
        ('[{"annotations": []}]', "raw/x.json: entry 1 has no `image`, expected the picture's name; restore the file"),
        ('[{"annotations": [', "raw/x.json:1: no JSON (Expecting value); restore the file"),
        ('[{"image": "a.jpg", "annotations": 5}]', "raw/x.json: a.jpg: `annotations` is no list of objects"),
    ],
)
def test_a_broken_document_is_refused(make, refused, tmp_path, text, expected):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/x.json", text)
    assert refused().startswith(expected)


@pytest.mark.parametrize("name", ["x.json", "x.xml", "classes.txt", "data.yaml", "obj.data"])
def test_a_link_that_leads_nowhere_is_no_crash(make, cli, tmp_path, name):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/a.txt", "0 .5 .5 .5 .5")
    (tmp_path / "raw" / name).symlink_to("nowhere")
    assert name in cli("convert", *(["--from", "voc"] if name == "x.xml" else [])).error or name == "x.json"


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ({"label": "cat"}, "box 1: no `coordinates`, expected x, y, width and height; correct it"),
        ({"label": "cat", "coordinates": {"x": 1, "y": 2, "width": 3}}, "box 1: a number is missing"),
        ({"label": "cat", "coordinates": {"x": "1", "y": 2, "width": 3, "height": 4}}, "box 1: '1', expected a number"),
        ({"coordinates": {"x": 10, "y": 10, "width": 3, "height": 4}}, "box 1: class name None, expected a text"),
    ],
)
def test_bad_createml_is_refused(make, refused, tmp_path, box, expected):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/x.json", json.dumps([{"image": "a.jpg", "annotations": [box]}]))
    assert refused().startswith(f"raw/x.json: a.jpg: number-malformed: {expected}")


# ---------------------------------------------------------------- the set, the folder, the disk


@pytest.mark.parametrize("name", ["voc", "yolo", "ultralytics", "darknet", "coco", "createml"])
def test_a_format_that_is_not_there_is_refused(make, refused, tmp_path, name):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/classes.txt", "cat\n")
    message = refused("--from", name)
    assert message.startswith("raw: no ") and "choose another --from" in message


def test_pictures_alone_are_of_no_known_format(make, refused, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    assert refused() == (
        "raw: pictures but no annotations of a known format, expected VOC XML, COCO or CreateML JSON, or YOLO txt with "
        "data.yaml, obj.data or classes.txt; name the folder that holds both"
    )


@pytest.mark.parametrize(
    ("name", "remedy"), [("raw", "name its folder"), ("raw.zip", "unpack it"), ("raw.jpg", "name its folder")]
)
def test_a_file_that_is_no_annotation_is_refused_unread(make, cli, tmp_path, name, remedy):
    make.put(tmp_path / name, "something")
    assert cli("convert", name, "--out", "out").error == (
        f"{name}: no annotation file, expected a folder, or a file of .xml .json .yaml .yml .data .txt; {remedy}"
    )


def test_an_empty_folder_and_a_missing_one_are_refused(refused, cli, tmp_path):
    assert cli("convert").error.startswith("raw: no such folder, expected pictures and their annotations; name another")
    (tmp_path / "raw").mkdir()
    assert refused() == "raw: the folder is empty, expected pictures and their annotations; see raw/README.md"


def test_a_folder_of_two_formats_asks_which(make, refused, cli, tmp_path):
    make.voc(tmp_path / "raw", a=BOX)
    make.put(tmp_path / "raw/labels/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/labels/classes.txt", "cat\n")
    assert refused() == "raw: holds voc and yolo, expected one format; choose with --from voc"
    assert cli("convert", "--from", "voc", "--quiet").code == 0


def test_nothing_left_after_skipping_is_refused(make, refused, tmp_path):
    make.voc(tmp_path / "raw", a=[("cat", (24, 6, 4, 18))])
    message = refused("--on-error", "skip")
    assert message.startswith("no picture is left after leaving out what is wrong (the first: raw/annotations/a.xml:2:")


def test_skipping_counts_and_lists_what_it_leaves_out(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=BOX, b=BOX, c=[("cat", (24, 6, 4, 18))], d=[("cat", ("x", 6, 4, 18))])
    ended = cli("convert", "--on-error", "skip", "--split", "none")
    assert ended.code == 0
    assert "1 box-inverted: a box's corners are swapped" in ended.out
    assert "1 number-malformed: a coordinate is missing, not a number, or not finite" in ended.out
    assert "left out: raw/annotations/c.xml:2: box-inverted" in ended.out
    assert "left out: raw/annotations/d.xml:2: number-malformed" in ended.out
    assert sorted(p.name for p in (tmp_path / "data/yolo/images/train").iterdir()) == ["a.jpg", "b.jpg"]


def test_the_first_error_counts_the_others(make, refused, tmp_path):
    make.voc(tmp_path / "raw", **{name: [("cat", (24, 6, 4, 18))] for name in "abc"})
    message = refused()
    assert message.startswith("raw/annotations/a.xml:2: box-inverted") and "(and 2 more errors)" in message
    assert "`datatools check` lists all" in message


def test_a_file_in_the_way_is_one_line(make, cli, tmp_path):
    good(make, tmp_path)
    make.put(tmp_path / "data", "a file")
    assert "data" in cli("convert").error
    assert (tmp_path / "data").read_text() == "a file"
    assert "Not a directory; correct the path, or change its permissions" in cli("convert", "--out", "data/yolo").error


def test_a_folder_that_may_not_be_written_is_one_line(make, cli, tmp_path, monkeypatch):
    good(make, tmp_path)

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "data/yolo.partial")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    assert cli("convert").error == ("data/yolo.partial: Permission denied; correct the path, or change its permissions")


@pytest.mark.parametrize("part", ["put", "place"])
def test_a_full_disk_loses_nothing(make, cli, tmp_path, monkeypatch, part):
    make.voc(tmp_path / "raw", a=BOX, b=BOX, c=BOX)
    assert cli("convert", "--quiet").code == 0
    before = make.tree(tmp_path / "data")
    make.voc(tmp_path / "raw", d=BOX)
    real, calls = getattr(convert, part), []

    def full(*args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args, **kwargs)

    monkeypatch.setattr(convert, part, full)
    message = cli("convert", "--overwrite", "--workers", "1").error
    assert message == "output: No space left on device; free some space, or choose another disk"
    assert make.tree(tmp_path / "data") == before
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["yolo"], "nothing half-written stays"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert cli("convert", "--overwrite", "--quiet").code == 0
    assert "images/train/d.jpg" in "".join(make.tree(tmp_path / "data/yolo")).replace("val", "train").replace(
        "test", "train"
    )


def test_stdin_of_wrong_use_is_exit_code_2(cli):
    for args in (
        ["convert", "--split", "0.5,0.6"],
        ["convert", "--split", "nan"],
        ["convert", "--split", "a,b"],
        ["convert", "--to", "darknet"],
        ["convert", "--classes", "a,,b"],
        ["convert", "--map", "a"],
        ["convert", "--seed", "-1"],
        ["nonsense"],
        ["stats", "--nonsense"],
    ):
        ended = cli(*args)
        assert ended.code == 2 and "Error: " in ended.err and "Traceback" not in ended.err
