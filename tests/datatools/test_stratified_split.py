"""Claims about dividing a set: every class in its share, groups whole, one seed one split."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.core import Annotation, Dataset
from datatools.errors import LayoutError
from datatools.split import parse_shares, read_lists, split_by_lists, stratified_split


def dataset(*labels: list[int], classes: int = 3, prefix: str = "p") -> Dataset:
    annotations = [
        Annotation(f"{prefix}{k:04}", "", (100, 100), [[0, 0, 9, 9]] * len(row), row) for k, row in enumerate(labels)
    ]
    return Dataset(tuple("abcdefgh"[:classes]), tuple(annotations))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def sides(divided: Dataset) -> dict[str, str]:
    return {a.id: s for a, s in zip(divided.annotations, divided.splits, strict=True)}


@pytest.mark.parametrize(
    ("text", "shares"),
    [("0.8,0.1,0.1", (0.8, 0.1, 0.1)), ("1", (1,)), ("0.7, 0.3", (0.7, 0.3)), ("0.8,0,0.2", (0.8, 0, 0.2))],
)
def test_shares_are_parsed(text, shares):
    assert parse_shares(text) == shares


@pytest.mark.parametrize(
    "text", ["", "a", "0.5,0.6", "0.9", "1,1", "0,1", "-0.1,1.1", "nan", "nan,1", "inf", "1,0,0,0"]
)
def test_shares_that_are_none_are_refused(text):
    with pytest.raises(
        ValueError, match=re.escape(f"{text!r} is no split: one to three shares of train,val,test that")
    ):
        parse_shares(text)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(10, 200), min_size=1, max_size=4),
    shares=st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.5), (0.7, 0.2, 0.1), (0.6, 0.0, 0.4)]),
    seed=st.integers(0, 10),
)
def test_pictures_of_one_box_are_divided_to_within_a_box_of_each_class(counts, shares, seed):
    rows = [[k] for k, n in enumerate(counts) for _ in range(n)]
    divided = stratified_split(dataset(*rows, classes=len(counts)), shares, {}, rng(seed))
    for name, share in zip(("train", "val", "test"), shares, strict=False):
        assert np.abs(divided.counts(name) - np.array(counts) * share).max() <= 1.5
    assert sum(divided.counts(s).sum() for s in divided.split_names()) == sum(counts), "none is lost, none is doubled"


def test_every_picture_of_many_boxes_is_dealt_so_that_shares_hold():
    draw = rng(7)
    rows = [draw.choice(3, size=draw.integers(0, 12), p=[0.8, 0.17, 0.03]).tolist() for _ in range(800)]
    whole = dataset(*rows)
    divided = stratified_split(whole, (0.8, 0.1, 0.1), {}, rng())
    for name, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
        wanted = whole.counts() * share
        assert (np.abs(divided.counts(name) - wanted) <= np.maximum(2, wanted * 0.005)).all()
        assert abs(len(divided.of_split(name)) - 800 * share) <= 2


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=40),
    groups=st.lists(st.integers(0, 9), min_size=40, max_size=40),
    seed=st.integers(0, 3),
)
def test_a_group_never_straddles(rows, groups, seed):
    whole = dataset(*rows)
    group = {a.id: f"g{k}" for a, k in zip(whole.annotations, groups, strict=False)}
    divided = stratified_split(whole, (0.6, 0.2, 0.2), group, rng(seed))
    found: dict[str, set] = {}
    for name, side in sides(divided).items():
        found.setdefault(group[name], set()).add(side)
    assert all(len(side) == 1 for side in found.values())
    assert divided.annotations == whole.annotations and whole.split_names() == ("",)


def test_the_same_seed_gives_the_same_split_and_another_gives_another():
    whole = dataset(*[[k % 3] for k in range(60)])
    first = sides(stratified_split(whole, (0.8, 0.1, 0.1), {}, rng(1)))
    assert first == sides(stratified_split(whole, (0.8, 0.1, 0.1), {}, rng(1)))
    assert first != sides(stratified_split(whole, (0.8, 0.1, 0.1), {}, rng(2)))


@pytest.mark.parametrize(("pictures", "wanted"), [(1, (1, 0, 0)), (10, (8, 1, 1)), (100, (80, 10, 10))])
def test_small_sets_are_divided_sensibly(pictures, wanted):
    divided = stratified_split(dataset(*[[0]] * pictures, classes=1), (0.8, 0.1, 0.1), {}, rng())
    assert tuple(len(divided.of_split(s)) for s in ("train", "val", "test")) == wanted


# ---------------------------------------------------------------- published lists


def test_a_published_list_is_followed(tmp_path):
    (tmp_path / "train.txt").write_text("p0000\n/home/kim/images/p0001.png\n\n", encoding="utf-8")
    (tmp_path / "valid.txt").write_text("\ufeffC:\\kim\\p0002.jpg\r\n", encoding="utf-8")
    lists = read_lists([tmp_path / "train.txt", tmp_path / "valid.txt"])
    divided, left = split_by_lists(dataset([0], [1], [2], [0]), lists)
    assert sides(divided) == {"p0000": "train", "p0001": "train", "p0002": "val"} and left == ("p0003",)


def test_a_stem_with_a_dot_is_no_suffix():
    whole = Dataset((), tuple(Annotation(n, "", (4, 3)) for n in ("a.rf.12", "v1.5")))
    divided, left = split_by_lists(whole, {"train": ["a.rf.12.jpg", "v1.5"]})
    assert set(sides(divided)) == {"a.rf.12", "v1.5"} and not left


def test_folders_tell_pictures_of_one_name_apart():
    whole = Dataset((), tuple(Annotation(n, "", (4, 3)) for n in ("x/1", "y/1", "1")))
    divided, _ = split_by_lists(whole, {"train": ["x/images/1.jpg", "1.jpg"], "val": ["data/y/1.jpg"]})
    assert sides(divided) == {"x/1": "train", "1": "train", "y/1": "val"}


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"train": ["", "q"]}, "train list, line 2: 'q', expected a picture of the set; correct the list"),
        ({"train": ["x/1"], "val": ["x/1.jpg"]}, "val list, line 1: x/1 is also in train, expected each picture once"),
        ({"train": ["1.jpg"]}, "train list, line 1: '1.jpg' may be x/1 or y/1, expected one picture; write its folder"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(lists, expected):
    whole = Dataset((), tuple(Annotation(n, "", (4, 3)) for n in ("x/1", "y/1")))
    with pytest.raises(LayoutError, match=re.escape(expected)):
        split_by_lists(whole, lists)


def test_a_list_is_named_after_its_split(make, cli, tmp_path):
    make.voc(tmp_path / "raw", a=[("cat", (1, 1, 9, 9))], b=[("cat", (1, 1, 9, 9))])
    make.put(tmp_path / "mine.txt", "a\n")
    assert cli("convert", "--split-file", "mine.txt").error == (
        "mine.txt: a list of no split, expected train.txt, val.txt or test.txt; rename it"
    )
    make.put(tmp_path / "train.txt", "a\n")
    assert cli("convert", "--split-file", "train.txt").error == (
        "--split-file: 1 pictures are in no list, such as b; list them, or leave them out with --on-error skip"
    )
    ended = cli("convert", "--split-file", "train.txt", "--on-error", "skip")
    assert ended.code == 0 and "left out: b: in no list" in ended.out
    make.put(tmp_path / "val.txt", "b\n".encode("utf-16"))
    assert "val.txt: not UTF-8 text" in cli("convert", "--overwrite", "--split-file", "val.txt").error
    make.put(tmp_path / "val.txt", "b\n")
    args = ("--split-file", "train.txt", "--split-file", "val.txt", "--quiet")
    assert cli("convert", "--overwrite", *args).code == 0
    assert (tmp_path / "data/yolo/images/val/b.jpg").is_file() and (tmp_path / "data/yolo/images/train/a.jpg").is_file()
