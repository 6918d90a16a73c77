"""Claims about `datatools convert --only-with`: the training part alone gets smaller, and what cannot be is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from datatools import formats

CAT = [("cat", (4, 6, 24, 18))]
DOG = [("dog", (0, 0, 40, 30))]


@pytest.fixture
def divided(make, cli, tmp_path: Path) -> Path:
    """16 pictures of a cat, 4 of a dog, 4 of both, as a split in data/yolo."""
    kinds = {k: DOG if k % 6 == 0 else [*CAT, *DOG] if k % 6 == 1 else CAT for k in range(24)}
    make.voc(tmp_path / "raw", **{f"p{k:02}": kind for k, kind in kinds.items()})
    assert cli("convert", "--quiet", "--split", "0.5,0.5").code == 0
    return tmp_path / "data/yolo"


def test_of_train_only_pictures_with_the_class_stay_and_val_is_untouched(divided, cli, tmp_path):
    before = formats.read(divided).dataset
    done = cli("convert", "data/yolo", "--out", "data/dogs", "--only-with", "dog")
    after = formats.read(tmp_path / "data/dogs").dataset
    wanted = [a for a in before.of_split("train") if before.classes.index("dog") in a.labels]
    assert 0 < len(wanted) < len(before.of_split("train"))
    assert [Path(a.path).name for a in after.of_split("train")] == [Path(a.path).name for a in wanted]
    for old, new in zip(before.of_split("val"), after.of_split("val"), strict=True):
        assert Path(old.path).read_bytes() == Path(new.path).read_bytes()
        assert old.xyxy.tolist() == new.xyxy.tolist() and old.labels.tolist() == new.labels.tolist()
    assert done.code == 0 and after.classes == before.classes
    manifest = (tmp_path / "data/dogs/manifest.jsonl").read_text().splitlines()
    assert len(manifest) == len(after)


def test_any_of_several_classes_will_do(divided, cli, tmp_path):
    assert cli("convert", "data/yolo", "--out", "data/x", "--only-with", "dog", "--only-with", "cat").code == 0
    assert len(formats.read(tmp_path / "data/x").dataset) == len(formats.read(divided).dataset)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data/yolo", "--only-with", "mouse"], "--only-with: 'mouse': no such class, expected one of cat, dog"),
        (["raw", "--split", "none", "--only-with", "dog"], "--only-with: the set has no training part, expected train"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(divided, cli, tmp_path, words, said):
    done = cli("convert", *words, "--out", "data/x")
    assert done.code == 1 and said in done.err and done.err.count("\n") == 1
    assert not (tmp_path / "data/x").exists()


def test_a_training_part_without_the_class_is_refused(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=CAT, b=CAT, c=DOG)
    lists = {"train": "a\n", "val": "b\nc\n"}
    for name, text in lists.items():
        (tmp_path / f"{name}.txt").write_text(text)
    words = [word for name in lists for word in ("--split-file", f"{name}.txt")]
    done = cli("convert", *words, "--only-with", "dog")
    assert done.code == 1 and "--only-with: no training picture holds a box of dog, expected at least one" in done.err
