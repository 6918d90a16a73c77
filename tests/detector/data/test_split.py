import re

import numpy as np
import pytest

from detector.data.split import ignore_path, label_path, read_labels, read_regions, read_split
from detector.errors import DataError


def test_a_label_line_is_a_class_and_a_box(tmp_path):
    (tmp_path / "7.txt").write_text("1 0.5 0.25 0.1 0.2\n\n0 1 1 0.5 0.5\n")
    classes, boxes = read_labels(tmp_path / "7.txt", ("a", "b"))
    assert classes.tolist() == [1, 0] and classes.dtype == np.int64
    assert boxes.tolist() == [[0.5, 0.25, 0.1, 0.2], [1, 1, 0.5, 0.5]]


@pytest.mark.parametrize("text", ["", "\n\n", None])
def test_an_empty_or_absent_file_is_a_picture_without_objects(tmp_path, text):
    if text is not None:
        (tmp_path / "7.txt").write_text(text)
    classes, boxes = read_labels(tmp_path / "7.txt", ("a",))
    assert classes.shape == (0,) and boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("4 .5 .5 .1 .1", "7.txt:2: class 4, but there are 3 classes (0..2); check names in data.yaml"),
        ("-1 .5 .5 .1 .1", "7.txt:2: class -1, but there are 3 classes (0..2)"),
        ("0 .5 .5 .1", "7.txt:2: 4 columns, expected 5 (class cx cy w h)"),
        ("0 .5 .5 .1 .1 .9", "7.txt:2: 6 columns, expected 5 (class cx cy w h)"),
        ("0 .5 .5 1.2 .1", "7.txt:2: .5 .5 1.2 .1, expected values in 0..1; boxes are shares of the picture"),
        ("0 -.1 .5 .1 .1", "7.txt:2: -.1 .5 .1 .1, expected values in 0..1"),
        ("0 nan .5 .1 .1", "7.txt:2: nan .5 .1 .1, expected values in 0..1"),
        ("0 .5 .5 inf .1", "7.txt:2: .5 .5 inf .1, expected values in 0..1"),
        ("0 .5 .5 0 .1", "7.txt:2: a box 0 wide and 0.1 high, expected both above 0"),
        ("0 0,5 .5 .1 .1", "7.txt:2: '0 0,5 .5 .1 .1', expected a whole number and four numbers"),
        ("mask .5 .5 .1 .1", "7.txt:2: 'mask .5 .5 .1 .1', expected a whole number and four numbers"),
    ],
)
def test_a_wrong_label_line_is_said_with_file_and_line(tmp_path, line, message):
    (tmp_path / "7.txt").write_text(f"0 .5 .5 .1 .1\n{line}\n")
    with pytest.raises(DataError, match=re.escape(message)):
        read_labels(tmp_path / "7.txt", ("a", "b", "c"))


def test_binary_labels_are_refused(tmp_path):
    (tmp_path / "7.txt").write_bytes(b"\xff\xfe0\x00")
    with pytest.raises(DataError, match=r"7\.txt: is not text"):
        read_labels(tmp_path / "7.txt", ("a",))


def test_only_the_last_folder_named_images_becomes_labels(tmp_path):
    picture = tmp_path / "images" / "images" / "train" / "images.v2.jpg"
    assert label_path(picture) == tmp_path / "images" / "labels" / "train" / "images.v2.txt"


def test_a_list_file_and_names_by_id_are_read_too(tmp_path, shapes_split):
    folder = shapes_split(train=3)
    (folder / "train.txt").write_text("images/train/2.png\n\n./images/train/0.png\n")
    (folder / "data.yaml").write_text("names: {0: circle, 1: square}\ntrain: train.txt\nval: [images/val]\n")
    split = read_split(folder)
    assert split.classes == ("circle", "square")
    assert [one.path.name for one in split.read("train")] == ["2.png", "0.png"]
    assert len(split.read("val")) == 4 and all(len(one.classes) == 2 for one in split.read("train"))
    assert split.has("val") and not split.has("test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a\n", "data.yaml: is not YAML"),
        ("just words", "data.yaml: is not a mapping, expected names, train and val"),
        ("train: images/train", "data.yaml: no names, expected `names: [first class"),
        ("nc: 3\nnames: [a, b]", "data.yaml: nc is 3, but there are 2 names, expected the same number"),
        ("names: {0: a, 2: b}", "data.yaml: names has the ids [0, 2], expected 0..1, each once"),
        ("names: [a]\ntrain: 3", "data.yaml: 3, expected a folder or a list file"),
    ],
)
def test_a_wrong_data_yaml_is_said_in_one_line(tmp_path, text, message):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        read_split(tmp_path)


def test_a_missing_data_yaml_says_what_makes_one(tmp_path):
    with pytest.raises(DataError, match=r"data\.yaml: no such file, expected a data\.yaml.*run `datatools convert`"):
        read_split(tmp_path)


def test_missing_pictures_are_said(tmp_path, shapes_split):
    folder = shapes_split(train=0, val=1)
    split = read_split(folder)
    with pytest.raises(DataError, match=r"images/train: no pictures, expected at least one of \.jpg"):
        split.read("train")
    with pytest.raises(DataError, match=r"no 'test:' entry, expected one of train, val"):
        split.read("test")
    (folder / "list.txt").write_text("images/val/0.png\nimages/val/none.png\n")
    (folder / "data.yaml").write_text("names: [a, b]\ntrain: list.txt\nval: nowhere\n")
    with pytest.raises(DataError, match=r"list\.txt:2: images/val/none\.png: no such picture"):
        read_split(folder).read("train")
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        read_split(folder).read("val")


def test_regions_are_read_from_the_folder_ignore(shapes_split):
    folder = shapes_split(train=2)
    (folder / "ignore" / "train").mkdir(parents=True)
    (folder / "ignore" / "train" / "1.txt").write_text("0.5 0.25 0.1 0.2\n\n1 1 .5 .5\n")
    first, second = read_split(folder).read("train")
    assert first.regions.shape == (0, 4)
    assert second.regions.tolist() == [[0.5, 0.25, 0.1, 0.2], [1, 1, 0.5, 0.5]]
    assert ignore_path(first.path) == folder / "ignore" / "train" / "0.txt"
    assert ignore_path(folder / "elsewhere" / "0.png") is None and read_regions(None).shape == (0, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 .5 .5 .1 .1", "7.txt:2: 5 columns, expected 4 (cx cy w h: a region has no class)"),
        (".5 .5 .1", "7.txt:2: 3 columns, expected 4"),
        (".5 .5 x .1", "7.txt:2: '.5 .5 x .1', expected four numbers"),
        (".5 .5 .1 1.2", "7.txt:2: .5 .5 .1 1.2, expected values in 0..1"),
        (".5 .5 .1 0", "7.txt:2: a box 0.1 wide and 0 high, expected both above 0"),
    ],
)
def test_a_wrong_region_is_said_with_file_and_line(tmp_path, line, message):
    (tmp_path / "7.txt").write_text(f".5 .5 .1 .1\n{line}\n")
    with pytest.raises(DataError, match=re.escape(message)):
        read_regions(tmp_path / "7.txt")
