import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.data.samplers import factors, nth, repeat_factors, showings
from detector.data.split import Labelled, Split, read_split
from detector.errors import DataError, UserError


def holding(*classes):
    return Labelled(Path("x.png"), np.array(classes, dtype=np.int64), np.zeros((len(classes), 4)))


def test_a_repeat_factor_is_that_of_the_rarest_class_in_the_picture():
    """Of 8 pictures, 8, 2 and 1 hold classes 0, 1 and 2; t = 1/2."""
    rows = [holding(0)] * 5 + [holding(0, 0, 1), holding(1, 0), holding(0, 2)]
    found = repeat_factors(rows, 0.5)
    assert found == pytest.approx([1] * 5 + [math.sqrt(0.5 / 0.25)] * 2 + [math.sqrt(0.5 / 0.125)])


def test_an_empty_picture_and_a_common_class_are_shown_once():
    assert repeat_factors([holding(), holding(3), holding(3)], 0.5).tolist() == [1, 1, 1]
    assert repeat_factors([holding(), holding()], 0.5).tolist() == [1, 1]


@settings(deadline=None)
@given(st.lists(st.floats(0, 9), min_size=1, max_size=30).filter(lambda f: sum(f) > 0.1), st.integers(0, 99))
def test_an_epoch_has_its_length_and_shows_each_as_often_as_it_should(given_factors, seed):
    length = max(1, round(sum(given_factors)))
    found = np.bincount(showings(given_factors, length, np.random.default_rng(seed)), minlength=len(given_factors))
    wanted = np.array(given_factors) * length / sum(given_factors)
    assert found.sum() == length
    assert (found >= np.floor(wanted - 1e-9)).all() and (found <= np.ceil(wanted + 1e-9) + 1).all()
    assert (found[wanted == 0] == 0).all()


def test_over_many_epochs_fractions_come_true():
    wanted = np.array([0.25, 1.0, 1.5, 2.75, 0.5])
    counts = sum(np.bincount(showings(wanted, 6, np.random.default_rng(seed)), minlength=5) for seed in range(3000))
    assert counts / 3000 == pytest.approx(wanted, abs=0.04)


@given(st.lists(st.integers(0, 5)))
def test_nth_counts_the_equal_entries_before(values):
    seen = Counter()
    expected = []
    for value in values:
        expected.append(seen[value])
        seen[value] += 1
    assert nth(np.array(values, dtype=np.int64)).tolist() == expected


def test_a_plan_weighs_what_it_lists_and_the_rest_once(shapes_split):
    folder = shapes_split(train=4)
    with (folder / "data.yaml").open("a") as file:
        file.write("weights: weights.txt\n")
    (folder / "weights.txt").write_text("2.5 images/train/1.png\n\n0 images/train/3.png\n")
    split = read_split(folder)
    rows = split.read("train")
    assert factors("plan", rows, split).tolist() == [1, 2.5, 1, 0]
    assert factors("uniform", rows, split).tolist() == [1, 1, 1, 1]
    assert factors("repeat-factor", rows, split, 1.0).min() >= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("two images/train/1.png", r"weights\.txt:1: 'two', expected a number"),
        ("-1 images/train/1.png", r"weights\.txt:1: weight -1, expected 0 or more"),
        ("nan images/train/1.png", r"weights\.txt:1: weight nan, expected 0 or more"),
        ("2", r"weights\.txt:1: '2', expected `<number> <picture>`"),
        ("2 images/train/9.png", r"weights\.txt:1: images/train/9\.png: no such picture, expected a path below"),
        ("1 images/train/1.png\n1 ./images/train/1.png", r"weights\.txt:2: .*each picture once"),
        ("0 images/train/0.png\n0 images/train/1.png", r"weights\.txt: every picture weighs 0"),
        ("1 \xff.png", r"weights\.txt: is not text, expected `<number> <picture>` lines"),
        (None, r"weights\.txt: no such file, expected `<number> <picture>` lines"),
    ],
)
def test_a_wrong_plan_is_said(shapes_split, text, message):
    folder = shapes_split(train=2)
    with (folder / "data.yaml").open("a") as file:
        file.write("weights: weights.txt\n")
    if text is not None:
        (folder / "weights.txt").write_bytes(text.encode("latin-1") + b"\n")
    split = read_split(folder)
    with pytest.raises(DataError, match=message):
        factors("plan", split.read("train"), split)


def test_a_missing_plan_and_wrong_choices_are_said():
    split = Split(Path("data.yaml"), ("a",), {})
    with pytest.raises(DataError, match=r"data\.yaml: no `weights:` entry.*run `datatools balance --as weights`"):
        factors("plan", [holding(0)], split)
    with pytest.raises(UserError, match="--sampler: 'rare', expected one of uniform, repeat-factor, plan"):
        factors("rare", [holding(0)], split)
    with pytest.raises(UserError, match="--repeat-threshold: 0, expected above 0 to 1"):
        repeat_factors([holding(0)], 0)
