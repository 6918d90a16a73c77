"""Claims about the report in a real browser (chromium): it opens from the disk, whole, with the network off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PARTS = [
    "Boxes of each class",
    "Repetition",
    "Sizes, and classes that come together",
    "Where boxes lie, and how large they are",
    "cat, from the smallest to the largest",
    "dog, from the smallest to the largest",
    "pictures by augment",
    "pictures by copy",
    "pictures by synthetic",
    "Problems",
]
SEEN = "e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; }"
PHONE_WH, DESK_WH = (390, 844), (1300, 900)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no browser: chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, cli, balanced, tmp_path):
    """The report in a window of a given size, and what the browser asked for and complained of."""
    assert cli("report", balanced, "--quiet").code == 0
    asked: list[str] = []
    said: list[str] = []
    contexts = []

    def show(size_wh: tuple[int, int]) -> tuple[Any, list[str], list[str]]:
        context = browser.new_context(viewport={"width": size_wh[0], "height": size_wh[1]}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((tmp_path / "report.html").as_uri())
        return page, asked, said

    yield show
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size_wh", [PHONE_WH, DESK_WH], ids=["phone", "desk"])
def test_every_part_and_picture_is_seen_and_no_request_leaves(opened, tmp_path, size_wh):
    page, asked, said = opened(size_wh)
    assert [h.inner_text() for h in page.query_selector_all("h2")] == PARTS
    assert all(h.evaluate(SEEN) for h in page.query_selector_all("h1, h2, h3, table"))
    pictures = page.query_selector_all("img")
    assert len(pictures) >= 7 and all(p.evaluate("e => e.complete && e.naturalWidth > 0") for p in pictures)
    assert all(p.evaluate(SEEN) for p in pictures)
    assert [url for url in asked if not url.startswith("data:image/")] == [(tmp_path / "report.html").as_uri()]
    assert said == []


def test_a_phone_shows_the_page_at_its_own_width_in_letters_that_can_be_read(opened):
    page, _, _ = opened(PHONE_WH)
    assert page.evaluate("document.scrollingElement.scrollWidth") == PHONE_WH[0]
    sizes = page.evaluate("[...document.querySelectorAll('p, td, th, li')].map(e => getComputedStyle(e).fontSize)")
    assert sizes and min(float(size.removesuffix("px")) for size in sizes) >= 14
    sheets = page.query_selector_all(".scroll")
    assert len(sheets) >= 5 and all(s.evaluate("e => e.scrollWidth > e.clientWidth") for s in sheets)


def test_nothing_of_a_hostile_set_runs_in_the_page(browser, cli, make, tmp_path):
    name = "<img src=x onerror=console.log('ran')>"
    make.noise(tmp_path / "set/images/train/a.jpg")
    make.put(tmp_path / "set/labels/train/a.txt", "0 0.5 0.5 0.5 0.5\n")
    make.put(tmp_path / "set/data.yaml", f'train: images/train\nnc: 1\nnames: ["{name}"]\n')
    assert cli("report", "set", "--quiet").code == 0
    said: list[str] = []
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(Path(tmp_path / "report.html").as_uri())
    assert name in page.inner_text("table") and said == []
    assert not page.query_selector_all('img[src="x"]')
    context.close()
