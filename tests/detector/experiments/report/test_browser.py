"""Claims about the report in a real browser (chromium): it opens from the disk, whole, with the network off."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from PIL import Image

from detector.experiments.report.write import write_report

from .conftest import found, record

PHONE_WH, DESK_WH = (390, 844), (1300, 900)
PARTS = ["In short", "Configurations", "Comparisons", "Recall, and what it costs in precision"]
PARTS += ["Where mistakes cost unlike", "Counts", "AP@0.5 by size", "Learning", "Calibration"]
PARTS += ["Worst mistakes of plain", "Worst mistakes of more, the best", "Runs", "Settings"]
CONTRAST = """[...document.querySelectorAll('p, td, th, caption span, li')].map(e => {
  const luminance = c => { const [r, g, b] = c.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b }
  const [a, b] = [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor].map(luminance)
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) })"""


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no browser: chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page(suite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    for i in range(8):
        Image.new("RGB", (100, 100), (200, 30, 30)).save(folder / f"{i}.png")
    runs = [(record("plain", 0), found(4, 0, folder, alarms=2)), (record("more", 0), found(8, 1, folder, alarms=1))]
    write_report(suite, [*runs, (record("broken", 0, "failed", "<script>"), None)], folder, lambda line: None, 20)
    return folder / "report.html"


@pytest.fixture
def opened(browser, page):
    """The report in a window of a given size and colours, and what the browser asked for and complained of."""
    contexts = []

    def show(size_wh: tuple[int, int], scheme: str) -> tuple[Any, list[str], list[str]]:
        asked: list[str] = []
        said: list[str] = []
        viewport = {"width": size_wh[0], "height": size_wh[1]}
        context = browser.new_context(viewport=viewport, offline=True, color_scheme=scheme)
        contexts.append(context)
        window = context.new_page()
        window.on("request", lambda request: asked.append(request.url))
        window.on("console", lambda message: said.append(message.text))
        window.goto(page.as_uri())
        return window, asked, said

    yield show
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("size_wh", "scheme"), [(PHONE_WH, "dark"), (DESK_WH, "light")], ids=["phone", "desk"])
def test_every_part_is_seen_in_letters_that_can_be_read_and_no_request_leaves(opened, size_wh, scheme):
    window, asked, said = opened(size_wh, scheme)
    assert [h.inner_text() for h in window.query_selector_all("h2")] == PARTS
    assert window.evaluate("document.scrollingElement.scrollWidth") == size_wh[0]
    pictures = window.query_selector_all("img")
    assert len(pictures) == 7 and all(p.evaluate("e => e.complete && e.naturalWidth > 0") for p in pictures)
    assert [url for url in asked if not url.startswith("data:image/")] == [window.url] and said == []
    sizes = window.evaluate("[...document.querySelectorAll('p, td, th, li')].map(e => getComputedStyle(e).fontSize)")
    assert min(float(size.removesuffix("px")) for size in sizes) >= 14
    assert min(window.evaluate(CONTRAST)) >= 4.5
