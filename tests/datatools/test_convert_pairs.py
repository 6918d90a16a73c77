"""Claims about conversion between formats: whatever is read, whatever is written, the boxes stay what they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from datatools import formats
from datatools.core import Annotation, Dataset, Flag

WRITERS = ("yolo", "voc", "coco", "createml")
READERS = ("voc", "yolo", "ultralytics", "darknet", "coco", "createml")
FLAGS = {"voc": (0, Flag.DIFFICULT, Flag.TRUNCATED | Flag.OCCLUDED), "coco": (0, Flag.CROWD)}
W, H = 1000, 700


@pytest.mark.parametrize("name", READERS)
def test_every_format_is_recognised_by_content_and_read(make, tmp_path, name):
    found = formats.read(make.source(name, tmp_path / "raw"), quiet=True)
    assert found.format == name
    assert make.said_of(found.dataset) == make.answer
    assert found.dataset.classes == make.classes
    assert [p.code for p in found.problems] == []


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("read", READERS)
def test_every_pair_of_formats_converts(make, cli, tmp_path, read, write):
    source = make.source(read, tmp_path / "raw")
    before = make.tree(source)
    ended = cli("convert", source, "--out", "out", "--to", write, "--split", "keep", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    found = formats.read(tmp_path / "out", quiet=True)
    assert make.said_of(found.dataset) == make.answer
    assert found.dataset.classes == make.classes
    assert not [p for p in found.problems if p.code != "annotation-missing"]
    splits = {
        a.id.rsplit("/", 1)[-1].removeprefix("obj__"): s
        for a, s in zip(found.dataset.annotations, found.dataset.splits, strict=True)
    }
    undivided = "train" if write == "yolo" else ""
    divided = {"a": "train", "b c": "val", "한글😀": "train"}
    assert splits == (divided if read in ("ultralytics", "darknet") else dict.fromkeys(divided, undivided))
    assert make.tree(source) == before, "the source was touched"


@pytest.mark.parametrize("second", WRITERS)
@pytest.mark.parametrize("first", WRITERS)
def test_converting_there_and_back_keeps_boxes_classes_and_splits(make, cli, tmp_path, first, second):
    source = make.source("ultralytics", tmp_path / "raw")
    assert cli("convert", source, "--out", "one", "--to", first, "--quiet").code == 0
    assert cli("convert", "one", "--out", "two", "--to", second, "--quiet").code == 0
    found = formats.read(tmp_path / "two", quiet=True).dataset
    assert make.said_of(found) == make.answer
    assert set(found.splits) == {"train", "val"}


def write_set(dataset: Dataset, name: str, folder: Path) -> None:
    """A data set in a format, its pictures copied beside it."""
    writer = formats.load(name)
    places = {
        a.id: f"{writer.picture_folder(split)}/{a.id}.png"
        for a, split in zip(dataset.annotations, dataset.splits, strict=True)
    }
    for a in dataset.annotations:
        target = folder / places[a.id]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(a.path, target)
    for path, text in writer.files(dataset, places):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def plain_picture(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("plain") / "plain.png"
    Image.new("L", (W, H), 90).save(path)
    return str(path)


NAMES = st.text(
    st.sampled_from("aé한😀 _-.#&'%()[]{}=+,;1"),
    min_size=1,
    max_size=8,
).filter(lambda s: s == s.strip() and s.strip(".") == s and "  " not in s)
CLASS_NAMES = st.text(st.sampled_from("aB한😀 <>&\"'$_#:-0"), min_size=1, max_size=8).map(lambda s: " ".join(s.split()))


@st.composite
def datasets(draw: st.DrawFn, flags: tuple[int, ...] = (0,)) -> Dataset:
    classes = draw(st.lists(CLASS_NAMES.filter(bool), min_size=1, max_size=3, unique=True))
    ids = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold))
    annotations = []
    for name in ids:
        n = draw(st.integers(0, 4))
        x = np.sort(draw(st.lists(st.floats(0, W), min_size=2 * n, max_size=2 * n)) or [0])[: 2 * n].reshape(-1, 2)
        y = np.sort(draw(st.lists(st.floats(0, H), min_size=2 * n, max_size=2 * n)) or [0])[: 2 * n].reshape(-1, 2)
        xyxy = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
        labels = draw(st.lists(st.integers(0, len(classes) - 1), min_size=n, max_size=n))
        said = draw(st.lists(st.sampled_from(flags), min_size=n, max_size=n))
        annotations.append(Annotation(name, "", (W, H), xyxy, labels, said))
    divided = draw(st.booleans())
    splits = [draw(st.sampled_from(("train", "val", "test"))) if divided else "" for _ in ids]
    return Dataset(tuple(classes), tuple(annotations), tuple(splits))


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_writing_and_reading_is_the_identity(tmp_path_factory, plain_picture, name, data):
    from dataclasses import replace

    drawn = data.draw(datasets(FLAGS.get(name, (0,))))
    wanted = replace(drawn, annotations=tuple(replace(a, path=plain_picture) for a in drawn.annotations))
    folder = tmp_path_factory.mktemp(name)
    write_set(wanted, name, folder)
    found = formats.read(folder, quiet=True)
    shutil.rmtree(folder)

    assert found.format == ("ultralytics" if name == "yolo" else name)
    assert {p.code for p in found.problems} <= {"annotation-missing"}
    if name in ("yolo", "coco"):
        assert found.dataset.classes == wanted.classes, "also those without a box"
    by_name = {
        a.id.rsplit("/", 1)[-1]: (a, s) for a, s in zip(found.dataset.annotations, found.dataset.splits, strict=True)
    }
    assert sorted(by_name) == sorted(a.id for a in wanted.annotations)
    for a, split in zip(wanted.annotations, wanted.splits, strict=True):
        back, side = by_name[a.id]
        assert side == (split or ("train" if name == "yolo" else ""))
        assert back.size_wh == (W, H)
        assert [found.dataset.classes[k] for k in back.labels] == [wanted.classes[k] for k in a.labels]
        assert back.flags.tolist() == a.flags.tolist()
        tolerance = {"voc": 0, "yolo": 1e-5}.get(name, 1e-9)
        assert np.abs(back.xyxy - a.xyxy).max(initial=0) <= tolerance


@pytest.mark.parametrize("name", WRITERS)
def test_writing_leaves_the_dataset_unchanged(name):
    a = Annotation("a", "a.png", (40, 30), [[1, 2, 30.5, 20]], [0], [Flag.DIFFICULT])
    dataset = Dataset(("cat",), (a,), ("train",))
    before = a.xyxy.copy()
    first = list(formats.load(name).files(dataset, {"a": "images/train/a.png"}))
    assert list(formats.load(name).files(dataset, {"a": "images/train/a.png"})) == first
    assert np.array_equal(a.xyxy, before) and dataset.annotations[0] == a


def test_what_yolo_cannot_carry_is_lost_and_nothing_else():
    flags = [Flag.DIFFICULT]
    one = Annotation("a", "", (40, 30), [[4, 6, 24, 18]], [0], flags)
    two = Annotation("a", "", (40, 30), [[4, 6, 24, 18]], [0])
    text = dict(formats.load("yolo").files(Dataset(("cat",), (one,)), {"a": "images/train/a.png"}))
    assert text == dict(formats.load("yolo").files(Dataset(("cat",), (two,)), {"a": "images/train/a.png"}))
    assert text["labels/train/a.txt"] == "0 0.35000000 0.40000000 0.50000000 0.40000000\n"


def test_two_splits_may_hold_pictures_of_the_same_name(make, cli, tmp_path):
    root = tmp_path / "raw"
    for side, seed in (("train", 1), ("valid", 2)):
        make.noise(root / side / "images" / "1.jpg", seed=seed)
        make.put(root / side / "labels" / "1.txt", YOLO_LINES[side])
    make.put(root / "data.yaml", "train: train/images\nval: valid/images\nnames: [cat]\n")
    for name in WRITERS:
        assert cli("convert", root, "--out", name, "--to", name, "--quiet").code == 0
        found = formats.read(tmp_path / name, quiet=True).dataset
        sides = zip(found.splits, found.annotations, strict=True)
        assert {side: a.xyxy.round(3).tolist() for side, a in sides} == {
            "train": [[4, 6, 24, 18]],
            "val": [[0, 0, 40, 30]],
        }


YOLO_LINES = {"train": "0 0.35 0.4 0.5 0.4\n", "valid": "0 0.5 0.5 1 1\n"}
