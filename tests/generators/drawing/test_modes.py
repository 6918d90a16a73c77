"""The sheet of modes shows them all, and shows the user's own masks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner

from datatools.exits import run
from generators.cli import generators
from generators.drawing import dress, modes


def shape_of(data: bytes) -> tuple[int, ...]:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape


def test_every_mode_has_a_title_and_a_row() -> None:
    assert set(modes.TITLES) == set(dress.ROLES)
    assert shape_of(modes.sheet(columns=2)) == (len(dress.ROLES) * (modes.CELL_PX + modes.TITLE_PX), 464, 3)


def test_the_same_seed_draws_the_same_sheet_and_another_one_another() -> None:
    assert modes.sheet(1, columns=2) == modes.sheet(1, columns=2) != modes.sheet(2, columns=2)


def test_the_command_writes_a_picture_and_does_not_replace_one(tmp_path: Path, capsys) -> None:
    file = tmp_path / "modes.jpg"
    assert CliRunner().invoke(generators, ["modes", str(file)]).exit_code == 0
    before = file.read_bytes()
    assert run(generators, ["modes", str(file)]) == 1
    assert capsys.readouterr().err == f"error: {file}: is already there; pass --overwrite, or choose another name\n"
    assert file.read_bytes() == before


def test_a_file_of_another_kind_is_refused(tmp_path: Path, capsys) -> None:
    assert run(generators, ["modes", str(tmp_path / "modes.gif")]) == 1
    assert ".png" in capsys.readouterr().err


def test_the_users_own_masks_are_among_those_that_are_drawn(tmp_path: Path) -> None:
    rgba = np.zeros((60, 90, 4), np.uint8)
    rgba[5:55, 5:85] = (0, 0, 255, 255)
    cv2.imwrite(str(tmp_path / "red.png"), rgba)
    from generators.drawing import templates

    own = modes.sheet(0, columns=4, wardrobe=templates.read(tmp_path))
    pixels = cv2.imdecode(np.frombuffer(own, np.uint8), cv2.IMREAD_COLOR)[: modes.CELL_PX + modes.TITLE_PX].astype(int)
    red = (pixels[..., 2] > 120) & (pixels[..., 1] < 60) & (pixels[..., 0] < 60)
    assert red.sum() > 1500
