"""Claims about the report: one file that shows what was made, and never replaces anything of the user's."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from datatools.images import decode
from datatools.sheets import rgb
from generators.showing.report import notes

FILL = ("--fill", "mask_weared_incorrect=7")


class Page(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(str(dict(attrs)["src"]))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_holds_its_pictures_and_no_script(split, overlay) -> None:
    ended = overlay(*FILL, "--report", "seen")
    assert ended.out.endswith("report: seen/report.html\n")
    page = Page(Path("seen/report.html").read_text(encoding="utf-8"))
    names = {p.name for p in Path("seen").iterdir()}
    assert names == {
        *("report.html", "before-after.png", "mode-nose_out.png", "mode-nose_mouth_out.png", "rejected-too-small.png")
    }
    assert len(page.images) == len(names) - 1
    assert not {"script", "link", "iframe"} & set(page.tags)
    for source in page.images:
        data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"), validate=True)
        assert data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")
    for said in ("7 synthetic faces in 7 pictures", "each of the 3 usable faces is used 2 to 3 times", "too-small"):
        assert said in page.text


def test_a_report_is_replaced_only_where_the_user_says_so(split, overlay) -> None:
    overlay(*FILL, "--report", "seen")
    before = Path("seen/report.html").read_bytes()
    assert overlay(*FILL, "--report", "seen", "--out", "b").error == (
        "seen/report.html: is already there; pass --overwrite, or choose another --report"
    )
    assert not Path("b").exists(), "refused before anything was made"
    assert overlay(*FILL, "--seed", 1, "--report", "seen", "--overwrite").code == 0
    assert Path("seen/report.html").read_bytes() != before


def test_files_of_the_users_are_never_replaced(split, overlay) -> None:
    for name in ("page", "pictures"):
        Path(name).mkdir()
    Path("page/report.html").write_text("mine")
    Path("pictures/before-after.png").write_bytes(b"mine")
    assert overlay(*FILL, "--report", "page", "--overwrite").error == (
        "page/report.html: was not made by this program; choose another --report"
    )
    assert overlay(*FILL, "--report", "pictures", "--overwrite").error.startswith(
        "pictures/before-after.png: might be replaced"
    )
    assert Path("page/report.html").read_text() == "mine"
    assert Path("pictures/before-after.png").read_bytes() == b"mine"


def test_a_sheet_shows_each_face_with_its_box_in_the_colour_of_its_class(split, overlay) -> None:
    overlay(*FILL, "--report", "seen")
    pixels = decode("seen/mode-nose_out.png").astype(int)
    for label in (0, 2):  # of the legend
        assert (np.abs(pixels[:24] - rgb(label)).sum(axis=2) < 9).sum() > 100
    assert (np.abs(pixels[24:] - rgb(0)).sum(axis=2) < 9).sum() > 500


def test_much_repetition_and_what_could_not_be_done_are_said() -> None:
    said = {"usable": 2, "uses_of_a_face": [21, 22], "exchanged": 3, "short": 4}
    text = "\n".join(notes(said, Path("o")))
    assert re.search(r"^warning: so many uses teach single faces by heart", text, re.MULTILINE)
    assert "another mode of the same role was worn 3 times" in text
    assert "warning: 4 faces fewer than ordered" in text
    assert "used once" in notes(said | {"uses_of_a_face": [1, 1]}, None)[0]
    assert len(notes({"usable": 2, "uses_of_a_face": [2, 2], "exchanged": 0, "short": 0}, None)) == 1
