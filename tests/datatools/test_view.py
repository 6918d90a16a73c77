"""Claims about `datatools view`: which pictures are chosen, and how a terminal, a pipe and a PNG show them."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datatools.halfblocks import Screen, blocks, screen_of, side_by_side
from datatools.images import decode, encode
from datatools.sheets import rgb
from datatools.view import Choice, look

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def terminal(encoding: str = "utf-8") -> Terminal:
    return Terminal(io.BytesIO(), encoding=encoding)


def pixels_of(lines: list[str]) -> np.ndarray:
    """What a terminal with 24-bit colours shows, read from the escapes alone."""
    rows = []
    for line in lines:
        above, below, colours = [], [], {38: None, 48: None}
        for ground, r, g, b, letter in re.findall(r"\x1b\[(38|48);2;(\d+);(\d+);(\d+)m|(▀)", line):
            if letter:
                above.append(colours[38])
                below.append(colours[48])
            else:
                colours[int(ground)] = (int(r), int(g), int(b))
        rows += [above, below]
    return np.array(rows, dtype=np.uint8)


@pytest.fixture
def pictures(make, tmp_path):
    """Plain red, green and blue pictures with known boxes, in two splits."""
    root = tmp_path / "data/yolo"
    for split, name, colour, text in (
        ("train", "red", RED, "0 0.5 0.5 0.5 0.5\n"),
        ("train", "green", GREEN, "0 0.5 0.5 0.5 0.5\n1 0.2 0.2 0.1 0.1\n0 0.8 0.8 0.1 0.1\n"),
        ("val", "blue", BLUE, ""),
    ):
        make.put(root / f"images/{split}/{name}.png", encode(np.full((48, 64, 3), colour, np.uint8), ".png"))
        make.put(root / f"labels/{split}/{name}.txt", text)
    make.put(root / "data.yaml", "train: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n")
    return root


def test_a_pipe_gets_a_plain_table(cli, pictures):
    ended = cli("view", pictures)
    assert ended.code == 0 and "\x1b" not in ended.out
    rows = [re.split(r"\s{2,}", line.strip()) for line in ended.out.splitlines()[2:]]
    assert rows == [
        ["train/green", "train", "64×48", "2 cat, 1 dog"],
        ["train/red", "train", "64×48", "1 cat"],
        ["val/blue", "val", "64×48", "no boxes"],
    ]


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ((), ["train/green", "train/red", "val/blue"]),
        (("--split", "val"), ["val/blue"]),
        (("--class", "dog"), ["train/green"]),
        (("--class", "cat", "--split", "train"), ["train/green", "train/red"]),
        (("red",), ["train/red"]),
        (("blue.png", "train/red", "red.png"), ["train/red", "val/blue"]),
    ],
)
def test_pictures_are_chosen_by_split_class_and_name(cli, pictures, options, chosen):
    said = json.loads(cli("view", pictures, *options, "--json").out)
    assert [p["picture"] for p in said["pictures"]] == chosen


def test_a_seed_chooses_and_chooses_the_same_again(cli, pictures):
    def chosen(seed: int) -> tuple[str, ...]:
        said = json.loads(cli("view", pictures, "--count", 1, "--seed", seed, "--json").out)
        return tuple(p["picture"] for p in said["pictures"])

    drawn = [chosen(seed) for seed in range(12)]
    assert drawn == [chosen(seed) for seed in range(12)] and {len(d) for d in drawn} == {1}
    assert set(drawn) == {("train/green",), ("train/red",), ("val/blue",)}


def test_a_sheet_shows_the_picture_and_its_box_in_the_colour_of_the_class(cli, pictures, tmp_path):
    assert cli("view", pictures, "red", "--out", "sheet.png", "--quiet").code == 0
    sheet = decode(tmp_path / "sheet.png")
    shown = sheet[24:, :348]
    assert tuple(shown[5, 5]) == RED
    frame = np.argwhere(np.abs(shown[:240].astype(int) - rgb(0)).sum(axis=2) < 100)
    scale = 348 / 64  # the picture is as wide as its cell
    assert np.abs(frame.min(axis=0) - (12 * scale, 16 * scale)).max() <= 2
    said = cli("view", pictures, "red", "--out", "sheet.png").error
    assert said == "sheet.png: is already there; pass --overwrite, or choose another --out"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--class", "bird"), "--class: no picture with bird, expected some of cat, dog; correct it, or leave it out"),
        (("--split", "test"), "--split: no picture in test, expected some of train, val; correct it, or leave it out"),
        (("RED.gif",), "RED.gif: no such picture in the set, expected an id or a file name, such as train/green"),
        (("re",), "re: no such picture in the set, expected an id or a file name, such as train/green, train/red"),
        (("--out", "x.gif"), "x.gif: a picture of type .gif, expected .png; rename it"),
    ],
)
def test_what_is_not_there_is_one_line(cli, pictures, options, said):
    assert cli("view", pictures, *options, "--quiet").error == said


def test_a_picture_that_cannot_be_decoded_is_named_where_it_would_be(cli, pictures, make):
    path = pictures / "images/train/red.png"
    make.put(path, path.read_bytes()[:-30])
    assert cli("view", pictures, "--out", "sheet.png", "--quiet").code == 0
    text, _ = look(pictures, Choice(("red",)), None, Screen(80), quiet=True)
    assert text.endswith("\n\ntrain/red\n1 cat") and "▀" not in text


def test_a_terminal_shows_the_picture_and_its_boxes(pictures):
    text, _ = look(pictures, Choice(("red",)), None, Screen(80), quiet=True)
    lines = text.splitlines()
    assert lines[-2:] == ["train/red", "1 cat"] and "cat" in lines[0] and "dog" in lines[0]
    shown = pixels_of([line for line in lines if "▀" in line])
    assert shown.shape == (48, 64, 3) and (shown[0] == RED).all() and (shown[-1] == RED).all()
    ys, xs = np.nonzero(np.abs(shown.astype(int) - rgb(0)).sum(axis=2) < 100)
    assert abs(ys.min() - 12) <= 1 and abs(ys.max() - 36) <= 1 and abs(xs.min() - 16) <= 1 and abs(xs.max() - 48) <= 1


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_half_blocks_lose_no_pixel(h, w, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
    shown = pixels_of(blocks(pixels, Screen(80)))
    assert np.array_equal(shown[:h], pixels) and len(shown) == h + h % 2


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_256_colours_take_the_nearest_of_the_cube(colour):
    (line,) = blocks(np.array([[colour]], dtype=np.uint8), Screen(80, true_colour=False))
    number = int(re.findall(r"38;5;(\d+)m", line)[0]) - 16
    levels = np.array([0, 95, 135, 175, 215, 255])
    found = levels[[number // 36, number // 6 % 6, number % 6]]
    nearest = np.abs(levels[:, None] - np.array(colour)).min(axis=0)
    assert (np.abs(found - colour) <= nearest + 1).all()


@pytest.mark.parametrize(
    ("environment", "encoding", "expected"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "utf-8", True),
        ({"TERM": "xterm-256color"}, "utf-8", False),
        ({"TERM": "dumb"}, "utf-8", None),
        ({}, "utf-8", None),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "utf-8", None),
        ({"TERM": "xterm"}, "ascii", None),
    ],
)
def test_only_a_terminal_with_colours_gets_pictures(environment, encoding, expected):
    found = screen_of(terminal(encoding), environment)
    assert (found.true_colour if found else None) is expected
    assert screen_of(io.StringIO(), {"TERM": "xterm"}) is None


def test_pictures_stand_side_by_side_as_far_as_they_fit_and_captions_obey_nobody():
    one = np.zeros((2, 64, 3), np.uint8)
    shown = [(one, "a\nb"), (one, "c\nd\x1b[2J"), (one, "e\n" + "한" * 40)]
    narrow, wide = side_by_side(shown, Screen(64)), side_by_side(shown, Screen(130))
    assert len(narrow.split("\n\n")) == 3 and len(wide.split("\n\n")) == 2
    assert "\x1b[2J" not in wide and "한" * 31 + "…" in wide
