"""Claims about bad input, data.yaml and obj.data: one line, exit 1, nothing lost."""

from __future__ import annotations

import pytest

YAML = "train: images/train\nval: images/train\nnames: [cat]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: !!python/object/apply:os.system ['touch pwned']\n", "no plain YAML (could not determine a construct"),
        ("names: [cat\n", "no plain YAML"),
        ("train: images/train\n", "no `names`, expected a list of class names; write names: [A, B, C]"),
        ("names: [cat]\n", "names no split, expected train: images/train; add train, val or test"),
        (
            "train: images/train\nnames: {0: cat, x: dog}\n",
            "names has the ids [0, 'x'], expected 0 to 1; number them on",
        ),
        ("train: images/train\nnames: {1: cat, 2: dog}\n", "names has the ids [1, 2], expected 0 to 1"),
        ("train: images/train\nnames: [cat, cat]\n", "name 1 is 'cat', expected a different text for each class"),
        ("train: images/train\nnames: [cat, '']\n", "name 1 is '', expected a different text for each class"),
        ("train: images/train\nnc: 3\nnames: [cat]\n", "nc is 3, but there are 1 names, expected the same number"),
        ("train: nowhere\nnames: [cat]\n", "no folder nowhere with files in it, expected a folder below this one"),
        ("train: list.txt\nnames: [cat]\n", "no list list.txt, expected a file below this folder"),
        (
            "train: images/train\nval: images\nnames: [cat]\n",
            "images/train/a.jpg is in train and in val, expected each",
        ),
        ("train: /etc\nnames: [cat]\n", "no folder /etc with files in it"),
        ("train: ../../secret\nnames: [cat]\n", "no folder ../../secret with files in it"),
    ],
)
def test_a_bad_data_yaml_is_refused(make, refused, tmp_path, text, expected):
    make.noise(tmp_path / "secret/x.jpg")
    make.noise(tmp_path / "raw/images/train/a.jpg")
    make.put(tmp_path / "raw/labels/train/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/data.yaml", text)
    assert refused().startswith(f"raw/data.yaml: {expected}")
    assert not (tmp_path / "pwned").exists()


def test_a_list_that_names_pictures_that_are_not_there_says_each_line(make, refused, skipped, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/labels/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/data.yaml", "train: train.txt\nnames: [cat]\n")
    make.put(tmp_path / "raw/train.txt", "images/a.jpg\n\nimages/lost.jpg\nimages/gone.jpg\n")
    message = refused()
    assert message.startswith("raw/train.txt:3: picture-missing: no picture of that name (and 1 more errors)")
    left, there = skipped()
    assert there == ["a"] and len(left) == 2


def test_a_list_that_is_no_text_is_refused(make, refused, tmp_path):
    make.noise(tmp_path / "raw/images/a.jpg")
    make.put(tmp_path / "raw/data.yaml", "train: train.txt\nnames: [cat]\n")
    make.put(tmp_path / "raw/train.txt", "images/a.jpg".encode("utf-16"))
    assert refused() == "raw/train.txt: not UTF-8 text, expected one name or path a line; save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train = train.txt\n", "raw/obj.data: names = '', expected a file below this folder; correct it"),
        ("train = no.txt\nnames = obj.names\n", "raw/obj.data: train = 'no.txt', expected a file below this folder"),
        ("train = train.txt\nnames = obj.names\nclasses = 5\n", "raw/obj.data: classes = 5, but 1 names, expected the"),
        ("train = train.txt\nvalid = two.txt\nnames = obj.names\n", "raw/obj.data: a.jpg is in train and in val"),
    ],
)
def test_a_bad_obj_data_is_refused(make, refused, tmp_path, text, expected):
    make.noise(tmp_path / "raw/a.jpg")
    make.put(tmp_path / "raw/a.txt", "0 .5 .5 .5 .5")
    make.put(tmp_path / "raw/obj.names", "cat\n")
    make.put(tmp_path / "raw/train.txt", "a.jpg\n")
    make.put(tmp_path / "raw/two.txt", "data/a.jpg\n")
    make.put(tmp_path / "raw/obj.data", text)
    assert refused("--from", "darknet").startswith(expected)
