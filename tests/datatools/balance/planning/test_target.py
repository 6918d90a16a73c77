"""`--target`: what each word asks for, that the plan meets it exactly, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools import formats
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Wanted
from datatools.balance.planning.target import parse_target, surplus, wanted_counts
from datatools.cli import datatools
from datatools.core import Annotation
from datatools.errors import TargetError
from datatools.exits import run

CLASSES = ("many", "some", "few")


def pictures(*labels: list[int]) -> list[Annotation]:
    boxes = [[[10 * k, 0, 10 * k + 10, 10] for k in range(len(row))] for row in labels]
    return [Annotation(f"p{k}", "", (100, 100), b, row) for k, (b, row) in enumerate(zip(boxes, labels, strict=True))]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("equal", [9, 9, 9]),
        ("not-majority", [9, 9, 9]),
        ("median", [9, 4, 4]),
        ("max-ratio=1", [9, 9, 9]),
        ("max-ratio=2.0", [9, 5, 5]),
        ("max-ratio=1.8", [9, 5, 5]),
        ("max-ratio=10", [9, 4, 1]),
        ("12", [12, 12, 12]),
        ("6", [9, 6, 6]),
        ("few=3", [9, 4, 3]),
        ("few=3,many=2", [9, 4, 3]),
        ("{few: 3, some: 8}", [9, 8, 3]),
        ("{'few': 3}", [9, 4, 3]),
    ],
)
def test_each_word_asks_for_what_a_hand_count_says(text: str, wanted: list[int]) -> None:
    assert wanted_counts(parse_target(text), np.array([9, 4, 1]), CLASSES).tolist() == wanted


def test_the_median_of_an_even_number_of_classes_is_rounded_up() -> None:
    assert wanted_counts(parse_target("median"), np.array([9, 4, 1, 1]), "abcd").tolist() == [9, 4, 3, 3]


def test_a_ratio_is_exact_where_floating_point_is_not() -> None:
    assert parse_target("max-ratio=1.1").ratio == Fraction(11, 10)
    assert wanted_counts(parse_target("max-ratio=1.1"), np.array([33, 1]), "ab").tolist() == [33, 30]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("most", "'most', expected equal, not-majority, median, max-ratio=2.0, a number, or class=number,..."),
        ("", "'', expected equal, not-majority"),
        ("{few}", "'{few}', expected equal, not-majority"),
        ("few=3,", "'few=3,', expected equal, not-majority"),
        ("max-ratio=0.5", "max-ratio is '0.5', expected a number from 1, such as 2.0"),
        ("max-ratio=nan", "max-ratio is 'nan', expected a number from 1"),
        ("0", "'0', expected a number of boxes from 1 to 1000000000"),
        ("few=-3", "'few=-3', expected a number of boxes from 1"),
        ("few=99999999999", "'few=99999999999', expected a number of boxes"),
        ("few=3,few=4", "'few=3,few=4' names few twice, expected one number a class"),
    ],
)
def test_what_is_no_target_is_refused_with_what_was_expected(text: str, said: str, capsys) -> None:
    with pytest.raises(ValueError) as error:
        parse_target(text)
    assert str(error.value).startswith(said)
    assert run(datatools, ["balance", "--target", text]) == 2
    assert f"Invalid value for '--target': {said}" in capsys.readouterr().err


def test_a_class_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(TargetError) as error:
        wanted_counts(parse_target("few=3,dog=2"), np.array([9, 4, 1]), CLASSES)
    assert str(error.value) == "--target: no class dog, expected some of many, some, few; correct the names"


def test_a_class_without_a_box_can_be_left_out_of_a_mapping_and_of_nothing_else() -> None:
    rows = pictures([0, 0, 0], [1])
    plan = make_plan(rows, ("a", "b", "c"), rng(), Wanted(parse_target("b=3")))
    assert plan.after.tolist() == [3, 3, 0]
    for text in ("median", "max-ratio=9", "2", "c=1"):
        with pytest.raises(TargetError) as error:
            make_plan(rows, ("a", "b", "c"), rng(), Wanted(parse_target(text)))
        found = f"--target {text}: no box of c in the training split, so there is nothing to repeat; add pictures"
        assert str(error.value).startswith(found)


def test_a_class_that_has_more_than_it_is_wanted_to_have_keeps_all_and_that_is_said() -> None:
    target = parse_target("3")
    plan = make_plan(pictures([0] * 5, [1]), ("a", "b"), rng(), Wanted(target))
    assert plan.after.tolist() == [5, 3] and plan.missed == 0
    assert surplus(target, plan.before, plan.classes) == ["a has 5 boxes already, more than 3: all stay"]
    assert surplus(parse_target("max-ratio=2"), plan.before, plan.classes) == []


targets = st.one_of(
    st.sampled_from(["equal", "not-majority", "median", "max-ratio=1.5", "max-ratio=3"]),
    st.integers(1, 40).map(str),
    st.tuples(st.integers(1, 40), st.integers(1, 40)).map(lambda n: f"c0={n[0]},c1={n[1]}"),
)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=10), targets, st.integers(0, 5))
def test_every_target_is_met_exactly_at_the_least_repetition(labels: list[list[int]], text: str, seed: int) -> None:
    rows = [[0, 1, 2], *labels]
    plan = make_plan(pictures(*rows), ("c0", "c1", "c2"), rng(seed), Wanted(parse_target(text)))
    assert plan.after.tolist() == plan.counts.tolist() and plan.missed == 0
    assert (plan.counts >= plan.before).all()
    assert all((r >= 1).all() for r in plan.appearances)
    assert max(int(r.max()) for r in plan.appearances if len(r)) == plan.bound


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4), st.integers(1, 12))
def test_whole_pictures_leave_the_smallest_deviation_that_exists(vectors: list[tuple[int, int]], number: int) -> None:
    counts = np.array(vectors)
    if (counts.sum(axis=0) == 0).any():
        return
    rows = [[0] * a + [1] * b for a, b in vectors]
    plan = make_plan(pictures(*rows), ("a", "b"), rng(), Wanted(parse_target(str(number)), ("whole",), 3))
    wanted = np.maximum(counts.sum(axis=0), number)
    tried = ((np.array(r) + 1) @ counts for r in np.ndindex(*(3,) * len(counts)))
    assert plan.missed == min(int(np.abs(total - wanted).max()) for total in tried) and plan.proved


def test_whole_pictures_keep_a_ratio_where_equality_is_out_of_reach() -> None:
    # (4,1) and (1,0): the ratio is (4·r0 + r1) / r0, so 5 at once and above 4 for ever; 9/2 needs r0 = 2
    plan = make_plan(
        pictures([0, 0, 0, 0, 1], [0]), ("a", "b"), rng(), Wanted(parse_target("max-ratio=4.5"), ("whole",))
    )
    assert plan.repeats.tolist() == [2, 1] and plan.after.tolist() == [9, 2] and plan.missed == 0


def command(*words: object) -> int:
    return run(datatools, [str(w) for w in words])


def test_too_small_a_repetition_is_said_with_what_would_reach_the_target(divided, tmp_path, capsys) -> None:
    words = ("balance", divided, "--out", tmp_path / "b", "--dry-run", "--target", "few=4", "--max-repeat")
    assert command(*words, 3) == 0
    said = capsys.readouterr().out.splitlines()
    best = "counts will be off by up to 1, the least possible under --max-repeat 3; "
    assert best + "--target few=4 needs a repetition of at least 4×" in said and "exact with --max-repeat 4" in said
    assert command(*words, 3, "--recipes", "whole") == 0
    assert "exact with --recipes whole,erase and --max-repeat 4" in capsys.readouterr().out
    assert command(*words, 4) == 0
    assert "counts will be as wanted under --max-repeat 4; " in capsys.readouterr().out


def test_not_majority_writes_the_same_bytes_as_equal_and_a_number_its_number(divided, tmp_path) -> None:
    for name in ("equal", "not-majority", "7"):
        assert command("balance", divided, "--out", tmp_path / name, "--target", name, "--quiet") == 0
    one, other = (sorted((tmp_path / name).rglob("*.*")) for name in ("equal", "not-majority"))
    assert [p.name for p in one] == [p.name for p in other] and len(one) == 47
    assert all(p.read_bytes() == q.read_bytes() for p, q in zip(one, other, strict=True) if p.is_file())
    assert formats.read(tmp_path / "7").dataset.counts("train").tolist() == [7, 7, 7]
