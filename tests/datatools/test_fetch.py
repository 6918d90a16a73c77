"""`datatools fetch` with a kagglehub that is a small folder, one that fails, and none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from datatools import fetch as fetching
from datatools.cli import datatools
from datatools.exits import run
from datatools.images import encode

URL = "https://www.kaggle.com/datasets/andrewmvd/face-mask-detection"
BY_HAND = f"download {URL} by hand and unpack it, so that there are raw/images and raw/annotations"
LABELS = {"one": ["with_mask", "with_mask"], "two": ["without_mask"], "three": ["mask_weared_incorrect"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder: raw/ holds its README.md alone."""
    user = tmp_path / "user"
    (user / "raw").mkdir(parents=True)
    (user / "raw/README.md").write_text("where the data is")
    monkeypatch.chdir(user)
    return user


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """What kagglehub would have put into its cache: three pictures, four boxes."""
    cache = tmp_path / "cache"
    (cache / "images").mkdir(parents=True)
    (cache / "annotations").mkdir()
    for k, (stem, labels) in enumerate(LABELS.items()):
        (cache / f"images/{stem}.png").write_bytes(encode(np.full((30, 40, 3), 60 * k, np.uint8), ".png"))
        boxes = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>2</ymin><xmax>{x + 9}</xmax><ymax>12</ymax>"
            "</bndbox></object>"
            for x, name in enumerate(labels)
        )
        size = "<size><width>40</width><height>30</height><depth>3</depth></size>"
        (cache / f"annotations/{stem}.xml").write_text(f"<annotation>{size}{boxes}</annotation>")
    return cache


@pytest.fixture
def kagglehub(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Installs a kagglehub whose dataset_download is the function given."""

    def install(dataset_download: Callable) -> None:
        module = ModuleType("kagglehub")
        module.dataset_download = dataset_download  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "kagglehub", module)

    return install


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_the_download_is_copied_into_raw_and_the_readme_stays(folder, download, kagglehub):
    asked = []
    kagglehub(lambda handle: asked.append(handle) or str(download))
    assert run(datatools, ["fetch", "--quiet"]) == 0
    assert asked == ["andrewmvd/face-mask-detection"]
    assert files(folder) == {f"raw/{f}" for f in files(download)} | {"raw/manifest.jsonl", "raw/README.md"}
    for name in files(download):
        assert (folder / "raw" / name).read_bytes() == (download / name).read_bytes()
    first = json.loads((folder / "raw/manifest.jsonl").read_text().splitlines()[0])
    assert first == {"image": "images/one.png", "sources": [URL], "recipe": "fetch"}


def test_counts_that_differ_from_the_published_ones_are_shown_beside_them(folder, download, kagglehub, capsys):
    kagglehub(lambda handle: str(download))
    assert run(datatools, ["fetch"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote raw: NOT as published: compare with {URL} before you rely on it")
    rows = [line.split() for line in said.splitlines()]
    assert ["pictures", "3", "853"] in rows and ["with_mask", "2", "3232"] in rows


def test_counts_that_agree_are_said_to_agree(folder, download, kagglehub, monkeypatch, capsys):
    monkeypatch.setattr(fetching, "PICTURES", 3)
    monkeypatch.setattr(fetching, "BOXES", {"mask_weared_incorrect": 1, "with_mask": 2, "without_mask": 1})
    kagglehub(lambda handle: str(download))
    assert run(datatools, ["fetch"]) == 0
    assert capsys.readouterr().out.startswith("wrote raw: as published\n")


def test_json_stays_one_object_whatever_kagglehub_prints(folder, download, kagglehub, capsys):
    kagglehub(lambda handle: print("Downloading ...") or str(download))
    assert run(datatools, ["fetch", "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert said["images"] == 3 and said["boxes"]["with_mask"] == 2 and said["as_published"] is False
    assert "Downloading ..." in err


def test_the_published_numbers_are_those_of_the_whole_set():
    assert fetching.PICTURES == 853
    assert fetching.BOXES == {"with_mask": 3232, "without_mask": 717, "mask_weared_incorrect": 123}


def test_without_kagglehub_one_line_names_the_extra(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    assert run(datatools, ["fetch"]) == 1
    expected = f'error: kagglehub: is not installed; pip install "balanced-detection[kaggle]", or {BY_HAND}\n'
    assert capsys.readouterr().err == expected
    assert files(folder) == {"raw/README.md"}


@pytest.mark.parametrize("error", [ConnectionError("no route\nto host"), ValueError("403"), OSError(28, "disk full")])
def test_without_a_network_one_line_says_what_to_download_and_where_to_put_it(folder, kagglehub, capsys, error):
    def fail(handle: str) -> str:
        raise error

    kagglehub(fail)
    assert run(datatools, ["fetch"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {fetching.HANDLE}: cannot be downloaded ({type(error).__name__}: ")
    assert said.endswith(f"; {BY_HAND}\n") and said.count("\n") == 1
    assert files(folder) == {"raw/README.md"}


@pytest.mark.parametrize("missing", ["images", "annotations"])
def test_a_download_without_its_folders_is_refused_whole(folder, download, kagglehub, capsys, missing):
    (download / missing).rename(download / "other")
    kagglehub(lambda handle: str(download))
    assert run(datatools, ["fetch"]) == 1
    assert f"the download holds no {missing}/, expected images/ and annotations/" in capsys.readouterr().err
    assert files(folder) == {"raw/README.md"}


def test_the_users_own_data_is_refused_before_anything_is_downloaded(folder, kagglehub, capsys):
    (folder / "raw/mine.jpg").write_bytes(b"precious")
    kagglehub(lambda handle: pytest.fail("downloaded"))
    assert run(datatools, ["fetch", "--overwrite"]) == 1
    assert "raw: holds mine.jpg, which was not made by this program" in capsys.readouterr().err


def test_an_earlier_download_is_replaced_only_when_asked(folder, download, kagglehub, capsys):
    kagglehub(lambda handle: str(download))
    assert run(datatools, ["fetch", "--quiet"]) == 0
    assert run(datatools, ["fetch"]) == 1
    assert "raw: is already there; pass --overwrite" in capsys.readouterr().err
    assert run(datatools, ["fetch", "--overwrite", "--quiet"]) == 0
