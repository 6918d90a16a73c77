"""`generators sample` as it is typed: what it says, writes, keeps and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datatools.exits import run
from generators.cli import generators


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sample(*options: str) -> int:
    return run(generators, ["sample", "--images", "6", *options])


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_bare_command_fills_raw_and_says_what_it_made(folder, capsys):
    assert sample() == 0
    said = capsys.readouterr().out
    assert said.startswith("wrote raw: 6 pictures, ")
    assert "with_mask" in said and "synthetic" in said and "Not for real use" in said
    assert {p.split("/")[0] for p in files(folder / "raw")} == {"images", "annotations", "README.txt", "manifest.jsonl"}


def test_json_says_the_same_to_programs(folder, capsys):
    assert sample("--json", "--seed", "3") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["images"] == 6 and said["seed"] == 3 and said["synthetic"] and said["written"]
    assert sorted(said["boxes"]) == ["mask_weared_incorrect", "with_mask", "without_mask"]


def test_quiet_says_nothing(folder, capfd):
    assert sample("--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_a_dry_run_writes_nothing(folder, capsys):
    assert sample("--dry-run") == 0
    assert capsys.readouterr().out.startswith("would write raw: 6 pictures")
    assert files(folder) == set()


def test_a_readme_alone_is_not_in_the_way_and_stays(folder):
    (folder / "raw").mkdir()
    (folder / "raw/README.md").write_text("where the data is")
    assert sample() == 0
    assert sample("--overwrite", "--seed", "1") == 0
    assert (folder / "raw/README.md").read_text() == "where the data is"


def test_an_earlier_sample_is_kept_unless_the_user_says_otherwise(folder, capsys):
    sample()
    before = (folder / "raw/manifest.jsonl").read_bytes()
    assert sample("--seed", "1") == 1
    assert capsys.readouterr().err == "error: raw: is already there; pass --overwrite, or choose another --out\n"
    assert (folder / "raw/manifest.jsonl").read_bytes() == before
    assert sample("--seed", "1", "--overwrite") == 0
    assert (folder / "raw/manifest.jsonl").read_bytes() != before


@pytest.mark.parametrize("options", [(), ("--overwrite",), ("--dry-run",)])
def test_a_folder_with_the_users_own_pictures_is_refused(folder, capsys, options):
    (folder / "raw/images").mkdir(parents=True)
    (folder / "raw/images/mine.jpg").write_bytes(b"precious")
    assert sample(*options) == 1
    expected = "error: raw: holds images/mine.jpg, which was not made by this program; choose another --out, or move it"
    assert capsys.readouterr().err.startswith(expected)
    assert files(folder) == {"raw/images/mine.jpg"}


def test_a_picture_that_the_user_added_to_a_sample_is_never_replaced(folder, capsys):
    sample()
    (folder / "raw/images/mine.jpg").write_bytes(b"precious")
    assert sample("--overwrite") == 1
    assert "raw: holds images/mine.jpg, which manifest.jsonl does not list" in capsys.readouterr().err
    assert (folder / "raw/images/mine.jpg").read_bytes() == b"precious"


def test_a_manifest_that_is_none_is_named_with_its_line(folder, capsys):
    (folder / "raw").mkdir()
    (folder / "raw/manifest.jsonl").write_text('{"image": "images/a.jpg"}\nnonsense\n')
    (folder / "raw/a.jpg").touch()
    assert sample("--overwrite") == 1
    assert "raw/manifest.jsonl:2: not a line of a manifest" in capsys.readouterr().err


def test_a_file_in_the_folders_place_is_refused(folder, capsys):
    (folder / "raw").write_text("a file")
    assert sample("--overwrite") == 1
    assert "raw: is a file, expected a folder, or nothing" in capsys.readouterr().err


def test_a_link_in_the_folders_place_is_refused(folder, capsys):
    (folder / "elsewhere").mkdir()
    (folder / "raw").symlink_to("elsewhere")
    assert sample("--overwrite") == 1
    assert "raw: is a link to another folder" in capsys.readouterr().err


def test_a_run_that_fails_leaves_nothing_behind(folder, monkeypatch):
    monkeypatch.setattr("generators.sample.make.about", lambda planned: 1 / 0)
    assert sample() == 3
    assert files(folder) == set()


def test_too_few_pictures_are_wrong_usage(folder, capsys):
    assert run(generators, ["sample", "--images", "5"]) == 2
    assert "5 is not in the range 6<=x<=9999" in capsys.readouterr().err


def test_asking_for_help_imports_nothing_heavy():
    heavy = "('numpy', 'cv2', 'PIL', 'skimage', 'scipy')"
    code = f"import sys, generators.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
