"""Claims about `datatools convert` as a whole: what it writes, that it repeats itself, and what it refuses to lose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from datatools import formats
from datatools.convert import target_names
from datatools.core import Annotation, Dataset

BOX = [("cat", (4, 6, 24, 18))]
DOG = [("dog", (0, 0, 40, 30))]


def many(make, root: Path, n: int = 20) -> Path:
    return make.voc(root, **{f"p{k:02}": DOG if k % 4 == 0 else BOX for k in range(n)})


def test_the_yolo_folder_is_what_darknet_and_ultralytics_expect(make, cli, tmp_path):
    many(make, tmp_path / "raw")
    assert cli("convert", "--quiet").code == 0
    out = tmp_path / "data/yolo"
    assert sorted(p.name for p in out.iterdir()) == [
        "classes.txt", "data.yaml", "images", "labels", "manifest.jsonl",
        "obj.data", "obj.names", "test.txt", "train.txt", "val.txt",
    ]  # fmt: skip
    said = yaml.safe_load((out / "data.yaml").read_text(encoding="utf-8"))
    assert said == {
        "train": "images/train", "val": "images/val", "test": "images/test",
        "nc": 2, "names": ["cat", "dog"], "kind": "converted",
    }  # fmt: skip
    assert (out / "classes.txt").read_text() == (out / "obj.names").read_text() == "cat\ndog\n"
    pairs = dict(line.split(" = ") for line in (out / "obj.data").read_text().splitlines())
    assert pairs == {
        "classes": "2",
        "train": "train.txt",
        "valid": "val.txt",
        "names": "obj.names",
        "backup": "backup/",
    }
    listed = {s: (out / f"{s}.txt").read_text().split() for s in ("train", "val", "test")}
    assert {s: len(v) for s, v in listed.items()} == {"train": 16, "val": 2, "test": 2}
    for line in [line for lines in listed.values() for line in lines]:
        assert line.startswith("./images/") and (out / line).is_file()
        # what the PyTorch-YOLOv3 family does to find the labels
        assert (out / line.replace("images", "labels").replace(".png", ".txt").replace(".jpg", ".txt")).is_file()
    entries = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert entries[0]["sources"] == ["p00"] and entries[0]["recipe"] == "copy"
    assert {e["image"] for e in entries} == {line[2:] for v in listed.values() for line in v}


def test_ultralytics_finds_the_pictures_from_wherever_it_is_run(make, cli, tmp_path, monkeypatch):
    many(make, tmp_path / "raw")
    assert cli("convert", "--quiet").code == 0
    monkeypatch.chdir("/")
    file = tmp_path / "data/yolo/data.yaml"
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    root = Path(said.get("path") or file.parent)  # as its check_det_dataset resolves it
    assert all((root / said[split]).resolve().is_dir() for split in ("train", "val", "test"))


def test_darknets_own_reader_finds_the_same_set_in_our_folder(make, cli, tmp_path):
    many(make, tmp_path / "raw")
    assert cli("convert", "--quiet").code == 0
    one, two = (formats.read(tmp_path / "data/yolo", name, quiet=True) for name in ("ultralytics", "darknet"))
    assert not one.problems and not two.problems
    for split in ("train", "val"):  # Darknet knows no third
        assert one.dataset.of_split(split) == two.dataset.of_split(split) != ()


@pytest.mark.parametrize("write", ["yolo", "voc", "coco", "createml"])
def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(make, cli, tmp_path, write):
    many(make, tmp_path / "raw", 12)
    make.noise(tmp_path / "raw/images/odd.bmp")
    make.put(tmp_path / "raw/annotations/odd.xml", make.voc_xml(BOX))
    args = ("convert", "--to", write, "--split", "0.5,0.25,0.25", "--quiet")
    for name, workers in (("one", 1), ("two", 2), ("again", 0)):
        assert cli(*args, "--out", name, "--workers", workers).code == 0
    first = make.tree(tmp_path / "one")
    assert first == make.tree(tmp_path / "two") == make.tree(tmp_path / "again")
    assert cli(*args, "--out", "other", "--seed", 5).code == 0
    assert make.tree(tmp_path / "other") != first


def test_the_order_in_which_the_disk_lists_files_changes_nothing(make, cli, tmp_path, monkeypatch):
    many(make, tmp_path / "raw", 12)
    assert cli("convert", "--out", "one", "--quiet").code == 0
    real = os.walk

    def backwards(*args: object, **kwargs: object):
        for folder, below, names in real(*args, **kwargs):
            below.reverse()
            names.reverse()
            yield folder, below, names

    monkeypatch.setattr(os, "walk", backwards)
    assert cli("convert", "--out", "two", "--quiet").code == 0
    assert make.tree(tmp_path / "one") == make.tree(tmp_path / "two")


def test_near_duplicates_stay_on_one_side(make, cli, tmp_path):
    many(make, tmp_path / "raw", 12)
    for k in range(0, 12, 2):  # every second picture has a twin of another name and type
        make.noise(tmp_path / "raw/images" / f"twin{k:02}.png", seed=list(f"p{k:02}.jpg".encode()))
        make.put(tmp_path / "raw/annotations" / f"twin{k:02}.xml", make.voc_xml(BOX))
    for seed in range(3):
        args = ("--split", "0.4,0.3,0.3", "--seed", seed, "--overwrite", "--json")
        assert json.loads(cli("convert", *args).out)["near_duplicate_groups"] == 6
        entries = [json.loads(x) for x in (tmp_path / "data/yolo/manifest.jsonl").read_text().splitlines()]
        side = {e["sources"][0]: e["split"] for e in entries}
        assert all(side[f"p{k:02}"] == side[f"twin{k:02}"] for k in range(0, 12, 2))
        assert sum("group" in e for e in entries) == 12


def test_a_dry_run_says_the_same_and_writes_nothing(make, cli, tmp_path):
    many(make, tmp_path / "raw")
    before = make.tree(tmp_path)
    dry = cli("convert", "--dry-run")
    assert dry.code == 0 and "raw (voc) -> data/yolo (dry run: nothing written)" in dry.out
    assert make.tree(tmp_path) == before
    real = cli("convert")
    assert real.out == dry.out.replace(" (dry run: nothing written)", "")
    assert cli("convert", "--dry-run").code == 0, "also where a result is already there"


def test_the_summary_is_one_object_for_programs(make, cli, tmp_path):
    many(make, tmp_path / "raw")
    ended = cli("convert", "--json")
    said = json.loads(ended.out, parse_constant=pytest.fail)
    assert said["from"] == "voc" and said["out"] == "data/yolo" and said["source"] == "raw" and not said["dry_run"]
    assert said["total"]["boxes"] == {"cat": 15, "dog": 5} and said["splits"]["train"]["images"] == 16
    assert cli("convert", "--overwrite", "--quiet").out == ""


def test_a_split_without_a_class_is_said(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=DOG, **{f"p{k}": BOX for k in range(9)})
    assert "val has no box of dog: its AP cannot be measured there" in cli("convert").out


# ---------------------------------------------------------------- nothing is lost


def test_nothing_is_overwritten_without_being_told(make, cli, tmp_path):
    many(make, tmp_path / "raw", 4)
    assert cli("convert", "--quiet").code == 0
    before = make.tree(tmp_path / "data")
    assert cli("convert").error == "data/yolo: is already there; pass --overwrite, or choose another --out"
    assert make.tree(tmp_path / "data") == before
    assert cli("convert", "--overwrite", "--quiet").code == 0
    assert make.tree(tmp_path / "data") == before


def test_a_folder_that_we_did_not_make_is_never_overwritten(make, cli, tmp_path):
    many(make, tmp_path / "raw", 4)
    make.put(tmp_path / "precious/thesis.txt", "years of work")
    expected = "precious: was not made by this program, expected a folder with manifest.jsonl; choose another --out"
    assert cli("convert", "--out", "precious", "--overwrite").error == expected
    assert cli("convert", "--out", "precious/thesis.txt", "--overwrite").error.startswith(
        "precious/thesis.txt: was not made by this program"
    )
    (tmp_path / "empty").mkdir()
    assert cli("convert", "--out", "empty", "--overwrite", "--quiet").code == 0


@pytest.mark.parametrize("out", ["raw", "raw/yolo", ".", "raw/../raw/x", "link/x"])
def test_a_result_never_mixes_with_its_source(make, cli, tmp_path, out):
    many(make, tmp_path / "raw", 2)
    (tmp_path / "link").symlink_to("raw")
    before = make.tree(tmp_path)
    assert (
        "lies inside its source raw, or around it, expected a folder apart; choose"
        in cli("convert", "--out", out).error
    )
    assert make.tree(tmp_path) == before


def test_a_result_behind_a_link_is_replaced_and_the_link_stays(make, cli, tmp_path):
    many(make, tmp_path / "raw", 4)
    assert cli("convert", "--out", "disk/yolo", "--quiet").code == 0
    (tmp_path / "data").mkdir()
    (tmp_path / "data/yolo").symlink_to("../disk/yolo")
    assert cli("convert", "--overwrite", "--quiet", "--seed", 3).code == 0
    assert (tmp_path / "data/yolo").is_symlink() and (tmp_path / "disk/yolo/data.yaml").is_file()
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["yolo"]


@pytest.mark.parametrize("link", ["copy", "hard", "symlink"])
def test_pictures_are_copied_or_linked_as_asked(make, cli, tmp_path, link):
    many(make, tmp_path / "raw", 3)
    make.noise(tmp_path / "raw/images/deep/x.bmp")
    make.put(tmp_path / "raw/annotations/deep/x.xml", make.voc_xml(BOX))
    assert cli("convert", "--link", link, "--split", "none", "--quiet").code == 0
    source, target = tmp_path / "raw/images/p01.jpg", tmp_path / "data/yolo/images/train/p01.jpg"
    assert target.read_bytes() == source.read_bytes()
    assert target.is_symlink() == (link == "symlink")
    assert target.samefile(source) == (link != "copy")
    if link == "symlink":
        assert not target.readlink().is_absolute(), "the project may move"
    other = tmp_path / "data/yolo/images/train/deep__x.png"
    assert other.is_file() and not other.is_symlink(), "what is re-encoded cannot be linked"


def test_a_hard_link_to_another_disk_becomes_a_copy(make, cli, tmp_path, monkeypatch):
    import errno

    many(make, tmp_path / "raw", 2)

    def elsewhere(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    assert cli("convert", "--link", "hard", "--split", "none", "--quiet", "--workers", 1).code == 0
    assert (tmp_path / "data/yolo/images/train/p01.jpg").is_file()


SLOW = """
import signal, sys, time
import datatools.convert as convert
from datatools.cli import main
real = convert.put
def put(path, data):
    real(path, data)
    print("wrote", flush=True)
    time.sleep(60)
convert.put = put
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
sys.argv = ["datatools", "convert", "--workers", "1"]
main()
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_conversion_leaves_no_result_and_the_next_one_succeeds(make, cli, tmp_path, sign):
    many(make, tmp_path / "raw", 4)
    started = subprocess.Popen(
        [sys.executable, "-c", SLOW], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout.readline() == b"wrote\n"
    started.send_signal(sign)
    _, err = started.communicate(timeout=20)
    assert not (tmp_path / "data/yolo").exists()
    if sign == signal.SIGINT:
        assert (
            started.returncode == 130
            and err.decode().strip().startswith("interrupted; ")
            and not list((tmp_path / "data").iterdir())
        )
    assert cli("convert", "--quiet").code == 0
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["yolo"]
    clean = make.tree(tmp_path / "data/yolo")
    assert cli("convert", "--out", "clean", "--quiet").code == 0
    assert make.tree(tmp_path / "clean") == clean


# ---------------------------------------------------------------- pictures and names on the way


def test_pictures_are_brought_upright_and_into_two_types(make, cli, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, extra in (
        ("a.jpeg", {}),
        ("b.JPG", {}),
        ("c.bmp", {}),
        ("d.webp", {}),
        ("e.tiff", {}),
        ("f.jpg", {"exif": exif}),
    ):
        make.noise(tmp_path / "raw/images" / name, **extra)
        make.put(tmp_path / "raw/annotations" / f"{name[0]}.xml", make.voc_xml(BOX, name=name))
    assert cli("convert", "--split", "none", "--quiet").code == 0
    images = tmp_path / "data/yolo/images/train"
    assert sorted(p.name for p in images.iterdir()) == ["a.jpg", "b.jpg", "c.png", "d.png", "e.png", "f.jpg"]
    manifest = [json.loads(x) for x in (tmp_path / "data/yolo/manifest.jsonl").read_text().splitlines()]
    assert [e["recipe"] for e in manifest] == ["copy", "copy", "transcode", "transcode", "transcode", "turn"]
    with Image.open(images / "f.jpg") as upright:
        assert upright.size == (30, 40) and upright.getexif().get(0x0112, 1) == 1
    found = formats.read(tmp_path / "data/yolo", quiet=True)
    assert not found.problems
    turned = found.dataset.annotations[-1]
    assert turned.xyxy.round(3).tolist() == [[12, 4, 24, 24]], "stored (4, 6, 24, 18) shown turned by 90°"
    whole = np.asarray(Image.open(tmp_path / "raw/images/c.bmp").convert("RGB"))
    assert np.array_equal(np.asarray(Image.open(images / "c.png")), whole)


def named(*ids: str, splits: tuple[str, ...] = ()) -> dict[str, str]:
    return target_names(
        Dataset((), tuple(Annotation(i, "", (1, 1)) for i in ids), splits), lambda s: f"images/{s or 'train'}"
    )


def test_target_names_never_meet():
    assert named("a", "x/a", "train/a") == {
        "a": "images/train/a",
        "x/a": "images/train/x__a",
        "train/a": "images/train/train__a",
    }
    assert named("train/a", "val/a", splits=("train", "val")) == {"train/a": "images/train/a", "val/a": "images/val/a"}
    clash = named("x/a", "x__a", "X__A")
    assert len({v.casefold() for v in clash.values()}) == 3 and clash["x/a"] == "images/train/x__a"


def test_the_split_of_the_source_is_kept_undone_or_made_anew(make, cli, tmp_path):
    make.source("ultralytics", tmp_path / "raw")

    def splits(*args: object) -> set[str]:
        assert cli("convert", "--overwrite", "--quiet", *args).code == 0
        return set(json.loads(cli("stats", "data/yolo", "--json").out)["splits"])

    assert splits() == splits("--split", "keep") == {"train", "val"}
    assert splits("--split", "none") == {"train"}
    assert splits("--split", "1") == {"train"}
    assert "test" in splits("--split", "0.4,0.3,0.3")


def test_classes_given_on_the_command_line_set_the_ids(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=BOX, b=DOG)
    args = ("--classes", "dog,cat", "--map", "cat=dog", "--split", "none", "--quiet")
    assert cli("convert", *args).code == 0
    assert (tmp_path / "data/yolo/classes.txt").read_text() == "dog\ncat\n"
    assert [(tmp_path / f"data/yolo/labels/train/{n}.txt").read_text()[0] for n in "ab"] == ["0", "0"]
    assert cli("convert", "--drop", "cat", "--overwrite", "--split", "none", "--quiet").code == 0
    assert (tmp_path / "data/yolo/classes.txt").read_text() == "dog\n"
    assert (tmp_path / "data/yolo/labels/train/a.txt").read_text() == "", (
        "a picture whose boxes are dropped is a negative"
    )


def test_every_value_in_a_yolo_file_is_between_0_and_1(make, cli, tmp_path):
    rng = np.random.default_rng(0)
    boxes = [("cat", (x, y, x + 19.7, y + 13.3)) for x, y in (rng.random((40, 2)) * (29, 22) - (5, 4)).tolist()]
    make.voc(tmp_path / "raw", a=boxes)
    assert cli("convert", "--split", "none", "--quiet").code == 0
    lines = (tmp_path / "data/yolo/labels/train/a.txt").read_text().splitlines()
    values = np.array([line.split() for line in lines], dtype=float)[:, 1:]
    assert len(values) == 40 and values.min() >= 0 and values.max() <= 1
    assert (values[:, :2] - values[:, 2:] / 2).min() > -1e-7 and (values[:, :2] + values[:, 2:] / 2).max() < 1 + 1e-7


# ---------------------------------------------------------------- as a program


def program(*args: object, cwd: Path, **env: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "datatools.cli", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, env={**os.environ, **env}, timeout=60)


def test_the_program_ends_with_its_exit_codes(make, tmp_path):
    many(make, tmp_path / "raw", 4)
    done = program("convert", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"") and "─" in done.stdout.decode()
    again = program("convert", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, b"")
    assert again.stderr.decode() == "error: data/yolo: is already there; pass --overwrite, or choose another --out\n"
    assert program("convert", "--nonsense", cwd=tmp_path).returncode == 2


def test_a_narrow_console_shows_what_it_can(make, tmp_path):
    make.voc(tmp_path / "raw", 한글=[("고양이", (1, 1, 9, 9))])
    ended = program("stats", "raw", cwd=tmp_path, PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert ended.returncode == 0 and b"\\uace0\\uc591\\uc774" in ended.stdout
    assert b"Traceback" not in ended.stderr


def test_a_reader_that_goes_away_is_no_fault(make, tmp_path):
    many(make, tmp_path / "raw", 4)
    command = f"{sys.executable} -m datatools.cli stats raw | true"
    ended = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=60)
    assert b"Traceback" not in ended.stderr


def test_help_is_there_at_once(tmp_path):
    start = time.perf_counter()
    assert b"convert" in program("--help", cwd=tmp_path).stdout
    assert time.perf_counter() - start < 10
