"""Claims about contact sheets and pages: a box is drawn where it is, text is escaped, only own pages are replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datatools.core import Annotation
from datatools.errors import OutputError
from datatools.pages import Markup, drawing, page_of, refuse_page, table
from datatools.sheets import CAPTION_PX, CELL_PX, WIDE_WH, Shot, cell, note, rgb, sheet, spread, whole, window


def a_shot(box: tuple[float, ...], size_wh: tuple[int, int] = (100, 80), **more: object) -> Shot:
    pixels = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
    return Shot(pixels, Annotation("p", "", size_wh, np.array([box]), np.array([1])), 0, **more)  # type: ignore[arg-type]


def test_a_window_is_square_around_the_box_and_inside_the_picture() -> None:
    assert window(np.array([40.0, 30, 60, 50]), (100, 80)) == (28, 18, 72, 62)
    assert window(np.array([0.0, 0, 10, 20]), (100, 80)) == (0, 0, 27, 32)


def test_a_box_is_drawn_where_it_is() -> None:
    made = cell(a_shot((40, 30, 60, 50))).astype(int)
    room = CELL_PX - CAPTION_PX
    scale = room / 44
    x1, x2 = round((40 - 28) * scale), round((60 - 28) * scale)
    y = round((40 - 18) * scale)
    for x in (x1, x2):
        assert np.abs(made[y, x] - rgb(1)).sum() < 30
    assert (made[y, (x1 + x2) // 2] == 90).all()
    assert (cell(a_shot((40, 30, 60, 50), framed=False))[y, x1] == 90).all()


def test_sheets_of_any_number_of_cells() -> None:
    one = cell(a_shot((40, 30, 60, 50), caption="Gesicht ü"))
    for n, rows in ((0, 1), (1, 1), (6, 1), (7, 2)):
        assert sheet([one] * n, ("a", "b")).shape == (24 + rows * CELL_PX, 6 * (CELL_PX + 4), 3)


def test_a_few_of_many_are_evenly_spaced_and_all_of_few() -> None:
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread(range(3), 8) == [0, 1, 2] and spread([], 8) == []


def test_a_whole_picture_is_shown_as_large_as_fits_with_all_of_its_boxes() -> None:
    made = whole(a_shot((0, 0, 50, 80))).astype(int)
    width, height = WIDE_WH
    scale = (height - CAPTION_PX) / 80
    assert made.shape == (height, width, 3)
    assert (made[: round(80 * scale), : round(100 * scale)] != 255).any(axis=2).all(), "from border to border"
    assert (made[:, round(100 * scale) + 1 :] == 255).all() and (made[height - CAPTION_PX + 1 :] == 255).all()
    assert np.abs(made[round(40 * scale), round(50 * scale)] - rgb(1)).sum() < 30
    assert sheet([whole(a_shot((0, 0, 50, 80)))] * 5, ("a",), 4).shape == (24 + 2 * height, 4 * (width + 4), 3)


def test_a_line_of_a_caption_stays_a_line() -> None:
    one, two = (cell(a_shot((40, 30, 60, 50), caption=text))[CELL_PX - CAPTION_PX :] for text in ("a b", "a\nb"))
    dark = [(rows < 128).any(axis=(1, 2)) for rows in (one, two)]
    assert not dark[0][16:].any() and dark[1][16:].any()


def test_a_box_of_any_corners_can_be_drawn() -> None:
    assert whole(a_shot((-1e308, -9e9, 1e300, 9e12))).shape == whole(a_shot((40, 30, 20, 10))).shape


def test_a_cell_without_a_picture_says_why() -> None:
    assert note("").shape == (CELL_PX, CELL_PX, 3) and (note("") == 255).all()
    said = note("cannot be read")
    assert (said[: CELL_PX - CAPTION_PX] == 255).all() and (said[CELL_PX - CAPTION_PX :] < 128).any()


def test_text_of_the_users_is_escaped() -> None:
    made = table(("<b>", "n"), [("<script>alert(1)</script>", 3)])
    assert "<script>" not in made and "&lt;script&gt;" in made and "&lt;b&gt;" in made


def test_a_page_escapes_its_title_and_keeps_its_parts() -> None:
    page = page_of("<x> & co", "some command", ["<p>kept</p>"])
    assert "<h1>&lt;x&gt; &amp; co</h1>\n<p>kept</p></body>" in page and "<x>" not in page
    assert table(("a",), [(Markup("<b>1</b>"),)]).count("<b>1</b>") == 1
    assert table(("a",), []) == ""
    assert drawing(b"abc", 'a "b"') == '<img alt="a &quot;b&quot;" src="data:image/png;base64,YWJj">'


def test_only_a_page_of_the_same_command_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    refuse_page(page, "one", "--out", overwrite=False)
    page.write_text(page_of("t", "one", []), encoding="utf-8")
    refuse_page(page, "one", "--out", overwrite=True)
    with pytest.raises(OutputError, match=r"p\.html: is already there; pass --overwrite, or choose another --out"):
        refuse_page(page, "one", "--out", overwrite=False)
    with pytest.raises(OutputError, match=r"p\.html: was not made by this program; choose another --out"):
        refuse_page(page, "two", "--out", overwrite=True)
