"""Claims about `datatools report`: one file that needs nothing else, and replaces nothing of the user's."""

from __future__ import annotations

import base64
import json
import re
import warnings
from pathlib import Path

import lxml.html
import numpy as np
import pytest
from lxml.html import HtmlElement

from datatools.formats import read
from datatools.provenance import Provenance, read_provenance
from datatools.report.album import SHOTS, boxes_of, make_album
from datatools.sheets import CELL_PX, COLUMNS, WIDE_COLUMNS, WIDE_WH, rgb


def page_at(path: str | Path) -> HtmlElement:
    return lxml.html.document_fromstring(Path(path).read_text(encoding="utf-8"))


def rows_of(page: HtmlElement) -> list[list[str]]:
    return [[cell.text_content() for cell in row] for row in page.iter("tr")]


def pictures_of(page: HtmlElement) -> list[str]:
    return [str(image.get("alt")) for image in page.iter("img")]


def test_the_page_needs_nothing_but_itself(cli, balanced) -> None:
    assert cli("report").code == 0
    text = Path("report.html").read_text(encoding="utf-8")
    page = page_at("report.html")
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {e.tag for e in page.iter()}
    for element in page.iter():
        for key, value in element.attrib.items():
            assert key not in ("href", "srcset", "action") and not key.startswith("on"), (element.tag, key)
            assert key != "src" or value.startswith("data:image/")
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'; img-src data:;" in text
    for image in page.iter("img"):
        kind, data = str(image.get("src")).removeprefix("data:image/").split(";base64,")
        start = {"png": b"\x89PNG", "jpeg": b"\xff\xd8"}[kind]
        assert base64.b64decode(data, validate=True).startswith(start)


def test_the_page_is_well_formed(cli, balanced) -> None:
    """Every element that is opened is closed: an XML reader, which forgives nothing, reads the body."""
    cli("report", "--quiet")
    body = re.search(r"<body>.*</body>", Path("report.html").read_text(encoding="utf-8"), re.DOTALL)
    assert body
    closed = re.sub(r"(<img[^>]*)>", r"\1/>", body[0])
    assert len(lxml.etree.fromstring(closed)) == len(page_at("report.html").find("body"))


def test_the_page_says_what_was_counted_by_hand(cli, balanced) -> None:
    ended = cli("report")
    assert ended.err == "source: data/balanced (the only converted or synthetic or balanced split)\n"
    assert ended.out.endswith("train: a photograph is shown up to 3 times (train/a)\nreport: report.html\n")
    page = page_at("report.html")
    rows = rows_of(page)
    assert ["cat", "2", "4", "66.7%", ""] in rows and ["images", "2", "5", "", ""] in rows
    assert ["cat", "1", "100.0%", ""] in rows, "val holds photographs only: one column"
    assert ["cat", "4", "2", "2", "3×", "2", "train/a"] in rows
    assert ["dog", "1", "2"] in rows, "a picture holds both, two hold a dog"
    assert pictures_of(page) == [
        *("statistics", "heat maps: cat, dog", "cat", "dog"),
        *("pictures by augment", "pictures by copy", "pictures by synthetic"),
    ]
    assert "pictures: 2 by augment, 3 by copy, 1 by synthetic" in page.text_content()


def test_a_bar_is_dark_for_photographs_and_pale_for_what_was_made(cli, balanced) -> None:
    """Of train: 2 of 4 cats and 1 of 2 dogs are photographed; of val: one cat."""
    cli("report", "--quiet")
    styles = [str(bar.get("style")) for bar in page_at("report.html").iter("span")]
    widths = [float(style.split("width:")[1].split("px")[0]) for style in styles]
    assert widths == [160, 160, 80, 80, 320, 0, 0, 0]
    assert [style.split("opacity:")[1] for style in styles] == ["1", "0.4"] * 4


@pytest.mark.parametrize("name", ["voc", "yolo", "ultralytics", "darknet", "coco", "createml"])
def test_any_format_is_shown_without_what_only_a_manifest_says(make, cli, tmp_path, name) -> None:
    make.source(name, tmp_path / "raw")
    said = json.loads(cli("report", "raw", "--json").out)
    assert said["recipes"] == said["repetition"] == said["photographs_alone"] == {}
    page = page_at("report.html")
    assert not {"Repetition"} & {heading.text for heading in page.iter("h2")}
    assert pictures_of(page)[-3:] == ["cat", "red dog & <co>", "pictures"]


def test_a_set_without_boxes_and_one_of_many_classes_are_shown(make, cli, tmp_path) -> None:
    make.voc(tmp_path / "none", a=[])
    make.voc(tmp_path / "many", a=[(f"c{k:02d}", (1, 1, 20, 20)) for k in range(21)])
    assert cli("report", "none", "--out", "none.html").code == 0
    assert pictures_of(page_at("none.html")) == ["statistics", "pictures"]
    assert cli("report", "many", "--out", "many.html").code == 0
    shown = pictures_of(page_at("many.html"))
    assert shown[0] == "heat maps: c00, c01, c02, c03" and "statistics" not in shown and len(shown) == 6 + 21 + 1


def test_boxes_without_sense_are_shown_as_problems(make, cli, tmp_path) -> None:
    far = ((1e308, 0, -1e308, 5), (-50, -50, 5, 5), (3, 3, 3, 9), (-1e300, -1e300, 1e300, 1e300))
    make.voc(tmp_path / "raw", a=[("cat", box) for box in far])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ended = cli("report", "raw", "--json")
    said = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "") and len(pictures_of(page_at("report.html"))) == 4
    assert said["problems"] == {"box-inverted": 1, "box-empty": 1, "box-far-outside": 2}


def test_names_of_the_users_are_escaped(make, cli, tmp_path) -> None:
    make.source("voc", tmp_path / "<b>raw&")
    assert cli("report", "<b>raw&").code == 0
    text, page = Path("report.html").read_text(encoding="utf-8"), page_at("report.html")
    assert "<b>" not in text and "<co>" not in text
    assert page.findtext(".//h1") == "<b>raw&"
    assert any(row[0] == "red dog & <co>" for row in rows_of(page))


def test_the_object_holds_every_figure(cli, balanced) -> None:
    said = json.loads(cli("report", "--json").out, parse_constant=pytest.fail)
    assert said["out"] == "report.html" and said["source"] == "data/balanced" and said["total"]["images"] == 6
    assert said["photographs_alone"] == {"train": {"images": 2, "boxes": {"cat": 2, "dog": 1}}}
    assert said["repetition"]["train"]["cat"] == {
        "boxes": 4,
        "distinct": 2,
        "photographs": 2,
        "most": 3,
        "photograph": "train/a",
        "effective": 1.6,
    }
    assert said["position"]["cat"][0][0] == 1 and np.sum(said["size"]["dog"]) == 2
    assert said["problems"] == said["examples"] == {}


def test_problems_are_listed_with_file_and_line(make, cli, balanced) -> None:
    make.put(balanced / "labels/train/b.txt", "0 0.5 0.5 0.4 0.4\n7 0.5 0.5 0.1 0.1\n")
    ended = cli("report", "--json")
    said = json.loads(ended.out)
    assert said["problems"] == {"class-unknown": 1}
    assert said["examples"]["class-unknown"][0]["line"] == 2
    text = page_at("report.html").text_content()
    assert "data/balanced/labels/train/b.txt:2: class-unknown: " in text and "1 errors, 0 warnings" in text


def test_a_picture_that_cannot_be_shown_is_a_problem_and_no_end(make, cli, balanced) -> None:
    broken = balanced / "images/train/b.jpg"
    broken.write_bytes(broken.read_bytes()[:-200])
    ended = cli("report", "--json")
    said = json.loads(ended.out)
    assert ended.code == 0 and said["problems"] == {"picture-truncated": 1}
    assert said["examples"]["picture-truncated"][0]["file"] == "data/balanced/images/train/b.jpg"
    assert "data/balanced/images/train/b.jpg: picture-truncated: " in page_at("report.html").text_content()


def test_a_report_is_replaced_only_where_the_user_says_so(cli, balanced) -> None:
    assert cli("report").code == 0
    before = Path("report.html").read_bytes()
    (balanced / "labels/train/b.txt").write_text("")
    assert cli("report", "--quiet").error == "report.html: is already there; pass --overwrite, or choose another --out"
    assert Path("report.html").read_bytes() == before
    assert cli("report", "--overwrite").code == 0
    assert Path("report.html").read_bytes() != before


def test_a_file_of_the_users_is_never_replaced(cli, balanced) -> None:
    Path("mine.html").write_text("<html>mine</html>")
    message = "mine.html: was not made by this program; choose another --out"
    assert cli("report", "nowhere", "--out", "mine.html", "--overwrite").error == message, "before anything is read"
    assert Path("mine.html").read_text() == "<html>mine</html>"
    assert cli("report", "--out", "data").code == 2


def test_nothing_is_written_where_nothing_can_be_read(cli, tmp_path) -> None:
    assert cli("report", "nowhere").error.startswith("nowhere: no such folder")
    assert not list(tmp_path.iterdir())


def test_the_same_set_gives_the_same_bytes_whatever_the_number_of_workers(cli, balanced) -> None:
    cli("report", "--out", "1.html")
    cli("report", "--out", "2.html", "--workers", 2)
    assert Path("1.html").read_bytes() == Path("2.html").read_bytes()


def test_sheets_show_boxes_in_the_colour_of_their_class(balanced) -> None:
    found = make_album(read(balanced).dataset, read_provenance(balanced))
    assert list(found.classes) == ["cat", "dog"] and list(found.recipes) == ["augment", "copy", "synthetic"]
    assert found.recipes["augment"].shape == (24 + WIDE_WH[1], WIDE_COLUMNS * (WIDE_WH[0] + 4), 3)
    for label, pixels in enumerate(found.classes.values()):
        drawn = (np.abs(pixels[24:].astype(int) - rgb(label)).sum(axis=2) < 9).sum()
        assert drawn > 200
    assert found.problems == ()


def test_a_sheet_holds_a_dozen_spread_from_the_smallest_to_the_largest(make, tmp_path) -> None:
    for k in range(34):
        side = 34 - k if k % 2 else k + 1  # large and small ones in turns: 1, 33, 3, 31 ...
        make.noise(tmp_path / f"raw/images/{k:02d}.jpg", (40, 40))
        objects = [("cat", (0, 0, side, side))]
        make.put(tmp_path / f"raw/annotations/{k:02d}.xml", make.voc_xml(objects, (40, 40), f"{k:02d}.jpg"))
    dataset = read(tmp_path / "raw").dataset
    sides = [wanted.caption.split()[0] for wanted in boxes_of(dataset, 0)]
    assert sides == [str(n) for n in (1, 3, 7, 9, 13, 15, 19, 21, 25, 27, 31, 33)], "of the odd numbers, each twice"
    found = make_album(dataset, Provenance())
    assert found.classes["cat"].shape[0] == 24 + SHOTS // COLUMNS * CELL_PX


def test_boxes_that_cannot_be_seen_are_on_no_sheet(make, tmp_path) -> None:
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/annotations/a.xml", make.voc_xml([("cat", (90, 90, 99, 99))]))
    found = make_album(read(tmp_path / "raw").dataset, Provenance())
    assert found.classes == {} and list(found.recipes) == [""]


@pytest.mark.realdata
def test_the_real_photographs_are_shown(cli, shared_data) -> None:
    said = json.loads(cli("report", shared_data / "data/face-mask-detection", "--json").out)
    assert said["total"]["images"] == 753 and said["problems"].keys() <= {"box-outside", "near-duplicate"}
    assert len(pictures_of(page_at("report.html"))) == 2 + 3 + 1
