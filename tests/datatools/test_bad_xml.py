"""Claims about bad input, XML: one line that says where, what and what to do; exit 1; nothing lost."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from datatools import formats

BOX = [("cat", (4, 6, 24, 18))]


def good(make, tmp_path) -> Path:
    return make.voc(tmp_path / "raw", good=BOX)


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
