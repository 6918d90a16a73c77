"""Claims about the predictor's file: where it is looked for, what is refused, and that it is loaded once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from datatools.errors import UserError
from generators.faces import predictor
from generators.sample.photographs import load as photograph

FIVE = "shape_predictor_5_face_landmarks.dat"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The 68-point file of the package that `make test` installs."""
    monkeypatch.delenv(predictor.VARIABLE, raising=False)
    return predictor.find()


def refused(path: Path | None) -> str:
    with pytest.raises(UserError) as caught:
        predictor.load(predictor.find(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_installed_file_is_found_without_importing_its_package():
    code = (
        "import sys; from generators.faces import predictor; path = predictor.find()\n"
        "print(path.name, [m for m in ('face_recognition_models', 'dlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "shape_predictor_68_face_landmarks.dat []\n"


def test_the_option_goes_before_the_variable_and_the_variable_before_what_is_installed(
    installed, tmp_path, monkeypatch
):
    named, by_variable = tmp_path / "named.dat", tmp_path / "variable.dat"
    named.write_bytes(b"one")
    by_variable.write_bytes(b"another")
    assert predictor.find(named) == named
    monkeypatch.setenv("DLIB_PREDICTOR", str(by_variable))
    assert predictor.find() == by_variable
    assert predictor.find(named) == named
    monkeypatch.setenv("DLIB_PREDICTOR", "")
    assert predictor.find() == installed


def test_the_systems_folders_are_searched_where_the_package_is_not_installed(installed, tmp_path, monkeypatch):
    (tmp_path / predictor.FILE).symlink_to(installed)
    monkeypatch.setattr(predictor, "PACKAGE", "no_such_package")
    monkeypatch.setattr(predictor, "FOLDERS", (tmp_path / "nothing", tmp_path))
    assert predictor.find() == tmp_path / predictor.FILE


def test_where_none_is_found_the_places_and_the_extra_are_named(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "PACKAGE", "no_such_package")
    monkeypatch.setattr(predictor, "FOLDERS", (tmp_path,))
    assert refused(None) == (
        f"shape_predictor_68_face_landmarks.dat: not found (searched: the package no_such_package, {tmp_path}); "
        'pip install "balanced-detection[landmarks]", or name it with --predictor'
    )


def test_a_file_that_the_user_named_and_that_is_not_there_is_said(installed, tmp_path, monkeypatch):
    path = tmp_path / "none.dat"
    expected = f"{path}: no such file, expected a shape predictor of dlib; correct --predictor, or leave it out after "
    assert refused(path).startswith(expected)
    monkeypatch.setenv("DLIB_PREDICTOR", str(path))
    assert refused(None) == expected.replace("--predictor", "$DLIB_PREDICTOR") + predictor.INSTALL
    assert refused(tmp_path).startswith(f"{tmp_path}: no such file")


def test_another_file_in_a_default_place_is_refused(installed, tmp_path, monkeypatch):
    (tmp_path / predictor.FILE).write_bytes(b"something else")
    monkeypatch.setattr(predictor, "PACKAGE", "no_such_package")
    monkeypatch.setattr(predictor, "FOLDERS", (tmp_path,))
    said = refused(None)
    assert said.startswith(f"{tmp_path / predictor.FILE}: is damaged (sha256 ")
    assert "expected sha256 fbdc2cb80eb9; install or download it again" in said


def test_a_damaged_copy_of_a_known_file_is_refused_though_the_user_named_it(installed, tmp_path):
    data = bytearray((installed.parent / FIVE).read_bytes())
    data[4_000_000] ^= 1
    path = tmp_path / "mine.dat"
    path.write_bytes(data)
    assert "is damaged" in refused(path) and "expected sha256 c4b1e9804792" in refused(path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is no shape predictor, or a damaged one ("),
        (b"this is no predictor at all " * 9, "is no shape predictor, or a damaged one ("),
        (bytes(range(256)) * 40, "is no shape predictor, or a damaged one ("),
        (b"BZh91AY&SY" + bytes(50), "is compressed, expected a shape predictor of dlib; unpack it with bunzip2"),
    ],
    ids=["empty", "text", "bytes", "bz2"],
)
def test_what_is_no_predictor_is_one_line(tmp_path, data, expected):
    path = tmp_path / "mine.dat"
    path.write_bytes(data)
    assert refused(path).startswith(f"{path}: {expected}")


def test_a_predictor_that_is_cut_off_is_one_line(installed, tmp_path):
    path = tmp_path / "mine.dat"
    path.write_bytes((installed.parent / FIVE).read_bytes()[:1_000_000])
    assert refused(path).startswith(f"{path}: is no shape predictor, or a damaged one (")


def test_another_model_of_dlib_is_no_predictor(installed):
    assert "is no shape predictor" in refused(installed.parent / "mmod_human_face_detector.dat")


def test_a_file_that_may_not_be_read_ends_a_command_with_one_line(tmp_path, monkeypatch, capsys):
    import click

    from datatools.exits import run

    path = tmp_path / "mine.dat"
    path.write_bytes(b"")

    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", denied)
    assert run(click.Command("x", callback=lambda: predictor.load(path)), []) == 1
    expected = f"error: {path}: Permission denied; correct the path, or change its permissions\n"
    assert capsys.readouterr().err == expected


def test_five_landmarks_load_but_are_not_enough_for_masks(installed):
    path = installed.parent / FIVE
    five = predictor.load(predictor.find(path))
    assert five.landmarks == 5
    with pytest.raises(UserError) as caught:
        five.expect()
    assert str(caught.value) == (
        f"{path}: predicts 5 landmarks, expected 68; "
        'name another with --predictor, or pip install "balanced-detection[landmarks]"'
    )


def test_it_is_loaded_once_a_process_by_whatever_path(installed, tmp_path):
    (tmp_path / "link.dat").symlink_to(installed)
    first = predictor.load(installed)
    assert first.landmarks == 68
    assert predictor.load(tmp_path / "link.dat") is first


def test_points_are_dlibs_own_in_continuous_pixels(installed):
    import dlib

    grey = cv2.cvtColor(photograph("astronaut"), cv2.COLOR_RGB2GRAY)
    ours = predictor.load(installed).points(grey, (226.0, 130.0), 100.0)
    theirs = dlib.shape_predictor(str(installed))(grey, dlib.rectangle(176, 80, 275, 179))
    assert ours.shape == (68, 2)
    assert np.array_equal(ours - 0.5, [(p.x, p.y) for p in theirs.parts()])


def test_without_dlib_the_remedy_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(UserError, match=r"^dlib: cannot be imported \(.*\); pip install dlib-bin \(or dlib"):
        predictor.imported()
