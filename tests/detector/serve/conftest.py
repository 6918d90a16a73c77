"""A network whose weights are set by hand: it finds red and blue squares a third of the picture's longer edge wide.

A cell's redness (R less half of G and B) and blueness are its mean over 8 x 8 pixels; a 3 x 3 window of cells that is
all red, or all blue, is an object of 32 pixels. So where a box must be is known without asking the program.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from starlette.testclient import TestClient

from detector.detecting.inference import Thresholds
from detector.network.cfg import parse_cfg
from detector.network.checkpoint import Checkpoint, save
from detector.network.model import Darknet
from detector.runtimes.opening import open_runtime
from detector.serve.app import create_app
from detector.serve.engine import Engine
from detector.serve.guard import Rules
from detector.serve.limits import Limits
from detector.serve.verdicts import read_verdicts

CLASSES = ("red", "blue")
DESK_WH = (1300, 900)
HERE = "http://127.0.0.1:8000"
SQUARES_CFG = """
[net]
width=96
height=96
channels=3
[convolutional]
filters=2
size=8
stride=8
pad=0
activation=leaky
[convolutional]
filters=7
size=3
stride=1
pad=1
activation=linear
[yolo]
mask=0
anchors=32,32
classes=2
num=1
"""


@pytest.fixture(scope="session")
def squares_pt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = Darknet(parse_cfg(SQUARES_CFG, "squares"))
    first, head = (block.conv for block in model.convolutions)
    with torch.no_grad():
        colours = torch.tensor([[1, -0.5, -0.5], [-0.5, -0.5, 1]]) / 64
        first.weight.copy_(colours[:, :, None, None].expand(2, 3, 8, 8))
        head.weight.zero_()
        head.bias.zero_()
        first.bias.zero_()
        head.weight[4], head.bias[4] = 8, -8 * 6.2  # of 9 cells, each 0.78 or more where all is red
        head.weight[5, 0], head.weight[5, 1] = 4, -4
        head.weight[6, 0], head.weight[6, 1] = -4, 4
    path = tmp_path_factory.mktemp("squares") / "squares.pt"
    save(Checkpoint("squares", SQUARES_CFG, CLASSES, 96, model.state_dict()), path)
    return path


@pytest.fixture
def make_engine(squares_pt: Path) -> Callable[..., Engine]:
    def make(verdicts: Path | None = None, **limits: float) -> Engine:
        opened = open_runtime(squares_pt, runtime="torch")
        return Engine(opened, Thresholds(), read_verdicts(verdicts, CLASSES), Limits(**limits))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_app(make_engine: Callable[..., Engine]) -> Callable[..., object]:
    def make(rules: Rules | None = None, **limits: float) -> object:
        return create_app(make_engine(**limits), rules or Rules())

    return make


@pytest.fixture
def ask(make_app: Callable[..., object]) -> Callable[..., TestClient]:
    """A function that makes a client of a new application, which asks from the page's own address."""

    def make(rules: Rules | None = None, **limits: float) -> TestClient:
        return TestClient(make_app(rules, **limits), base_url=HERE)

    return make


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function that opens the page in a chromium with these arguments; what the page complained of is `said`."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no browser: chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = []

        def show(
            url: str,
            *arguments: str,
            size_wh: tuple[int, int] = DESK_WH,
            locale: str = "en-GB",
            wait: str = "#counts tr",
        ) -> Any:
            browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])
            opened.append(browser)
            page = browser.new_context(viewport={"width": size_wh[0], "height": size_wh[1]}, locale=locale).new_page()
            page.said = []
            page.on("console", lambda message: page.said.append(message.text))
            page.on("pageerror", lambda error: page.said.append(str(error)))
            page.goto(url)
            page.wait_for_selector(wait)
            return page

        yield show
        for browser in opened:
            browser.close()
