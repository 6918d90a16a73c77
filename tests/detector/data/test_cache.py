import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detector.data.cache import Disk, Memory, default_folder, open_cache
from detector.errors import UserError

INNER = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(b"any bytes")
    return path


@pytest.mark.parametrize("kind", ["ram", "disk"])
def test_what_is_offered_is_found_again_at_its_own_size(kind, picture, tmp_path):
    cache = open_cache(kind, 1, tmp_path / "cache")
    assert cache.find(picture, 40) is None
    assert cache.offer(picture, 40, INNER) and cache.offer(picture, 40, INNER)
    assert (cache.find(picture, 40) == INNER).all() and cache.find(picture, 64) is None


@pytest.mark.parametrize("kind", ["ram", "disk", "none"])
def test_beyond_the_budget_nothing_is_kept(kind, picture, tmp_path):
    cache = open_cache(kind, 0, tmp_path / "cache")
    assert not cache.offer(picture, 40, INNER) and cache.find(picture, 40) is None
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_a_disk_cache_is_found_by_the_next_run_and_deleting_it_loses_nothing_else(picture, tmp_path):
    folder = tmp_path / "cache"
    Disk(1, folder).offer(picture, 40, INNER)
    (file,) = folder.rglob("*.npy")
    before = file.stat().st_mtime_ns
    again = Disk(1, folder)
    assert (again.find(picture, 40) == INNER).all() and again.offer(picture, 40, INNER)
    assert file.stat().st_mtime_ns == before  # not written anew
    file.unlink()
    assert again.find(picture, 40) is None


def test_a_changed_picture_is_another(picture, tmp_path):
    cache = Disk(1, tmp_path / "cache")
    cache.offer(picture, 40, INNER)
    os.utime(picture, ns=(0, 12345))
    assert cache.find(picture, 40) is None
    picture.write_bytes(b"more bytes than before")
    assert cache.find(picture, 40) is None


@pytest.mark.parametrize("content", [b"", b"half of a file", "short", "other"])
def test_a_file_that_is_not_whole_counts_as_none_and_is_written_again(content, picture, tmp_path):
    cache = Disk(1, tmp_path / "cache")
    cache.offer(picture, 40, INNER)
    file = cache.file(picture, 40)
    if content == "other":
        np.save(file, np.zeros((3, 3)))
    else:
        file.write_bytes(file.read_bytes()[:-9] if content == "short" else content)
    assert cache.find(picture, 40) is None
    fresh = Disk(1, tmp_path / "cache")
    assert fresh.offer(picture, 40, INNER) and (fresh.find(picture, 40) == INNER).all()


def test_a_write_that_is_cut_off_leaves_no_half(picture, tmp_path, monkeypatch):
    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    cache = Disk(1, tmp_path / "cache")
    with pytest.raises(OSError, match="No space left"):
        cache.offer(picture, 40, INNER)
    assert [file for file in (tmp_path / "cache").rglob("*") if file.is_file()] == []


def test_the_default_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "balanced-detection" / "pictures"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "balanced-detection" / "pictures"


def test_wrong_choices_are_said():
    with pytest.raises(UserError, match="--cache: 'ssd', expected one of ram, disk, none"):
        open_cache("ssd", 1)
    with pytest.raises(UserError, match="--cache-mb: -1, expected 0 or more"):
        open_cache("ram", -1)
    assert isinstance(open_cache("none", 5), Memory)


def test_a_folder_that_cannot_hold_it_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"--cache-folder: .*file.*, expected a folder that can be"):
            open_cache("disk", 1, folder)


def test_a_cache_says_where_it_is(tmp_path):
    assert open_cache("ram", 1).place == "memory"
    assert open_cache("disk", 1, tmp_path / "x").place == str(tmp_path / "x")


def test_a_run_that_is_killed_while_it_fills_the_cache_leaves_what_the_next_can_use(tmp_path):
    folder = tmp_path / "cache"
    pictures = [tmp_path / f"{number}.png" for number in range(40)]
    for path in pictures:
        path.write_bytes(b"x")
    code = (
        "import os, sys, numpy as np\nfrom pathlib import Path\nfrom detector.data.cache import Disk\n"
        "cache = Disk(64, Path(sys.argv[1]))\n"
        "for i, path in enumerate(sys.argv[2:]):\n"
        "    cache.offer(Path(path), 416, np.full((312, 416, 3), i, np.uint8))\n"
        "    print(i, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(folder), *map(str, pictures)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        while run.stdout.readline() != "9\n":
            pass
        run.kill()
    cache = Disk(64, folder)
    found = [cache.find(path, 416) for path in pictures]
    assert all(inner is not None for inner in found[:10])
    for number, inner in enumerate(found):
        assert inner is None or (inner == number).all()
        assert cache.offer(pictures[number], 416, np.full((312, 416, 3), number, np.uint8))
    assert all((cache.find(path, 416) == number).all() for number, path in enumerate(pictures))
