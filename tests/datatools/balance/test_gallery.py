"""`datatools preview`: every operator, policy and recipe has its row, and a file is not replaced unasked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datatools import formats
from datatools.balance.apply import Settings
from datatools.balance.gallery import by_operator, by_policy, by_recipe_made
from datatools.balance.pixels.policy import Policy, read_policy
from datatools.balance.preview import NO_BOX, caption, recipe_name
from datatools.cli import datatools
from datatools.core import Annotation
from datatools.exits import run
from datatools.images import decode
from datatools.provenance import read_provenance
from datatools.sheets import CAPTION_PX, WIDE_WH, Shot, whole


def rows_of(drawn: np.ndarray, high: int) -> int:
    """Rows of cells whose pictures of 96×64 fill the width of a cell."""
    return round((len(drawn) - 24) / high)


HIGH = round(WIDE_WH[0] * 64 / 96) + CAPTION_PX + 4


def test_each_range_of_each_operator_has_a_row(divided: Path) -> None:
    policy = Policy({"flip_horizontal": {"p": 0.5}, "affine": {"scale": (0.9, 1.1), "shift_x": (0.0, 0.1)}}, {})
    drawn = by_operator(formats.read(divided).dataset, policy, Settings(policy))
    assert drawn.shape[1] == 5 * (WIDE_WH[0] + 4) and rows_of(drawn, HIGH) == 3


def test_an_operator_that_never_happens_has_none(divided: Path) -> None:
    policy = Policy({"flip_horizontal": {"p": 1.0}, "flip_vertical": {"p": 0.0}}, {})
    assert rows_of(by_operator(formats.read(divided).dataset, policy, Settings(policy)), HIGH) == 1


def test_the_flipped_picture_of_the_sheet_is_the_flipped_picture(divided: Path) -> None:
    policy = Policy({"flip_horizontal": {}}, {})
    drawn = by_operator(formats.read(divided).dataset, policy, Settings(policy))[24 : 24 + 232]
    before, after = drawn[:, : WIDE_WH[0]], drawn[:, WIDE_WH[0] + 4 : 2 * WIDE_WH[0] + 4]
    difference = np.abs(before[:, ::-1].astype(int) - after)
    assert np.median(difference) <= 2 and np.mean(difference > 60) < 0.02  # but for the boxes' lines


def test_policies_are_rows_and_a_seed_is_a_sheet(divided: Path) -> None:
    dataset = formats.read(divided).dataset
    policies = {"one": read_policy("light"), "other": read_policy("strong")}
    drawn = [by_policy(dataset, policies, Settings(read_policy(), seed=seed), 2) for seed in (0, 0, 1)]
    assert (drawn[0] == drawn[1]).all() and drawn[0].shape[1] == 5 * (WIDE_WH[0] + 4)
    assert drawn[0].shape != drawn[2].shape or (drawn[0] != drawn[2]).any()


@pytest.mark.parametrize("by", ["operator", "policy", "recipe"])
def test_the_command_draws_and_writes_nothing_else(divided: Path, tmp_path: Path, by: str) -> None:
    before = sorted(divided.rglob("*"))
    sheet = tmp_path / "sheet.png"
    assert run(datatools, ["preview", str(divided), "--by", by, "--out", str(sheet), "--quiet"]) == 0
    pixels = cv2.imread(str(sheet))
    assert pixels.shape[1] in (4 * (WIDE_WH[0] + 4), 5 * (WIDE_WH[0] + 4)) and np.unique(pixels).size > 50
    assert sorted(divided.rglob("*")) == before


def test_a_balanced_set_shows_the_copies_that_it_holds(divided: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    assert run(datatools, ["balance", str(divided), "--out", str(out), "--quiet"]) == 0
    dataset, known = formats.read(out).dataset, read_provenance(out)
    drawn = by_recipe_made(dataset, known)
    assert drawn.shape[1] == 4 * (WIDE_WH[0] + 4)
    sheet = tmp_path / "sheet.png"
    assert run(datatools, ["preview", str(out), "--by", "recipe", "--out", str(sheet), "--quiet"]) == 0
    np.testing.assert_array_equal(decode(sheet), drawn)


@pytest.mark.parametrize(
    ("recipe", "name", "said"),
    [
        ({"recipe": "augment", "copy": 1, "seed": 0, "draw": 2}, "augment", "a#1\n"),
        ({"recipe": "augment", "copy": 1, "erased": [0, 2], "flips_only": True}, "erase", "a#1\n2 erased, flips only"),
        ({"recipe": "augment", "window": [0, 0, 9, 9], "erased": [1]}, "crop, erase", "a#1\ncrop, 1 erased"),
        ({"recipe": "augment", "sheared": True}, "sheared", "a#1\nsheared"),
        ({"recipe": "synthetic", "faces": [1]}, "synthetic", "a#1\n"),
    ],
)
def test_a_recipe_is_named_by_what_was_done(recipe: dict, name: str, said: str) -> None:
    assert recipe_name(recipe) == name
    assert caption("images/train/a#1", recipe) == said


def test_a_file_is_replaced_only_on_request(divided: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    sheet = tmp_path / "sheet.png"
    words = ["preview", str(divided), "--out", str(sheet), "--quiet"]
    sheet.write_text("mine")
    assert run(datatools, words) == 1 and sheet.read_text() == "mine"
    assert "sheet.png: is already there; pass --overwrite, or choose another --out" in capsys.readouterr().err
    assert run(datatools, [*words, "--overwrite"]) == 0 and cv2.imread(str(sheet)) is not None


def test_ignored_regions_are_white_on_a_sheet() -> None:
    pixels = np.full((64, 96, 3), 90, np.uint8)
    shown = Annotation("a", "", (96, 64), ignored=np.array([[20.0, 10, 60, 40]]))
    seen = whole(Shot(pixels, shown, NO_BOX))
    scale = min(WIDE_WH[0] / 96, (WIDE_WH[1] - CAPTION_PX) / 64)
    row, column = round(10 * scale), round(40 * scale)
    assert (seen[row, column] > 200).all() and (seen[row + 8, column] == 90).all()
