"""What every way to a plan must keep: each claim holds for every solver with every set of recipes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datatools.balance.planning.columns import grouped
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Plan, Wanted
from datatools.balance.planning.target import parse_target
from datatools.balance.planning.windows import cut, inside
from datatools.balance.run import plan_balance
from datatools.core import Annotation
from datatools.errors import TargetError

ERASING = [
    Wanted(recipes=("whole", "erase"), solver="waterfill"),
    Wanted(recipes=("whole", "erase"), solver="milp"),
    Wanted(recipes=("whole", "crop", "erase"), prefer="few"),
    Wanted(recipes=("whole", "crop", "erase"), unwanted="ignore"),
]
KEEPING = [
    Wanted(recipes=("whole",)),
    Wanted(recipes=("whole",), prefer="few"),
    Wanted(recipes=("whole", "crop")),
    Wanted(recipes=("whole", "crop"), prefer="few"),
]


def named(wanted: Wanted) -> str:
    return "-".join([*wanted.recipes, wanted.solver, wanted.prefer, wanted.unwanted])


WAYS = pytest.mark.parametrize("wanted", [*ERASING, *KEEPING], ids=named)
FEW = settings(deadline=None, max_examples=15)

# pictures of 400×300: boxes of 20..60 px on a grid of 100 px, so that none overlap; labels 0 (many), 1, 2
box = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(20, 60), st.integers(0, 2))
picture = st.lists(box, max_size=5, unique_by=lambda b: b[:2])
some = st.lists(picture, min_size=1, max_size=6)


def pictures(rows: list) -> list[Annotation]:
    found = []
    for k, row in enumerate(rows):
        xyxy = [[100 * x + 10, 100 * y + 10, 100 * x + 10 + side, 100 * y + 10 + side] for x, y, side, _ in row]
        found.append(Annotation(f"p{k}", "", (400, 300), xyxy, [label for *_, label in row]))
    return found


def planned(annotations: list[Annotation], wanted: Wanted, seed: int = 0) -> Plan:
    return make_plan(annotations, ("many", "some", "few"), np.random.default_rng(seed), wanted)


def complete(rows: list) -> list[Annotation]:
    """With a picture of each class alone, so that every target can be reached by whole pictures."""
    return pictures([*rows, [(0, 0, 30, 0)], [(0, 0, 40, 1)], [(2, 1, 25, 2), (3, 1, 25, 0)], [(1, 1, 25, 2)]])


@WAYS
@FEW
@given(some, st.sampled_from(["equal", "max-ratio=2", "median"]))
def test_the_target_is_met_and_the_copies_show_what_the_plan_counts(wanted: Wanted, rows: list, text: str) -> None:
    annotations = complete(rows)
    plan = planned(annotations, replace(wanted, target=parse_target(text)))
    assert plan.missed == 0
    counted = np.zeros(3, dtype=int)
    for row, a in enumerate(annotations):
        shown = np.ones(len(a), dtype=int)  # the photograph itself, whole
        for run in plan.runs(row):
            assert run.times >= 1 and (run.kept.any() or not len(a))
            shown = shown + run.times * run.kept
            if run.window is not None:
                assert inside(a.xyxy[run.kept], run.window).all() and not cut(a.xyxy, run.window).any()
            if "erase" not in wanted.recipes:
                seen = np.ones(len(a), bool) if run.window is None else inside(a.xyxy, run.window)
                assert run.kept.tolist() == seen.tolist(), "nothing is erased"
            assert run.window is None or "crop" in wanted.recipes
        assert shown.tolist() == plan.appearances[row].tolist()
        assert plan.repeats[row] == 1 + sum(run.times for run in plan.runs(row))
        np.add.at(counted, a.labels, shown)
    assert counted.tolist() == plan.after.tolist()


@WAYS
@settings(deadline=None, max_examples=4)
@given(some)
def test_the_same_seed_makes_the_same_plan(wanted: Wanted, rows: list) -> None:
    annotations = complete(rows)
    one, other = planned(annotations, wanted, 3), planned(annotations, wanted, 3)
    assert [r.tolist() for r in one.appearances] == [r.tolist() for r in other.appearances]
    windows = [[run.window for row in range(len(annotations)) for run in p.runs(row)] for p in (one, other)]
    assert windows[0] == windows[1]


@pytest.mark.parametrize("wanted", ERASING, ids=named)
@FEW
@given(some)
def test_with_erasing_no_box_is_shown_more_often_than_the_bound(wanted: Wanted, rows: list) -> None:
    annotations = complete(rows)
    plan = planned(annotations, wanted)
    counts = plan.before
    least = max(-(-int(counts.max()) // int(n)) for n in counts)
    assert max(int(r.max()) for r in plan.appearances if len(r)) == plan.bound == plan.reach == least


two = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(20, 60), st.integers(0, 1))
tiny = st.lists(st.lists(two, max_size=3, unique_by=lambda b: b[:2]), min_size=1, max_size=2)


@pytest.mark.parametrize("wanted", KEEPING, ids=named)
@settings(deadline=None, max_examples=12)
@given(tiny)
def test_without_erasing_the_repetition_is_the_least_that_exists(wanted: Wanted, rows: list) -> None:
    annotations = pictures([*rows, [(0, 0, 30, 0)], [(2, 1, 40, 1)]])
    held = np.stack([np.bincount(a.labels, minlength=2) for a in annotations])
    plan = make_plan(annotations, ("many", "few"), np.random.default_rng(0), wanted)
    most = max(int(r.max()) for r in plan.appearances if len(r))
    lacking = held.sum(axis=0) < held.sum(axis=0).max()
    groups = grouped(annotations, held, np.zeros(len(held), bool), lacking, "crop" in wanted.recipes)
    assert not any(_equal(groups, lower) for lower in range(1, most)), "a smaller repetition would have done"
    assert _equal(groups, most)


def _equal(groups: list, most: int) -> bool:
    """Whether some repeats up to `most` make the two counts equal, every one being looked at."""
    reachable = {(0, 0)}
    for group in groups:
        for _ in group.rows:
            each = {tuple(found) for found in _totals(group, most)}
            reachable = {(a + c, b + d) for a, b in reachable for c, d in each}
    return any(a == b for a, b in reachable)


def _totals(group, most: int) -> Iterator[tuple[int, int]]:
    ranges = [range(1, most + 1), *[range(most)] * (len(group.parents) - 1)]
    for times in itertools.product(*ranges):
        shown = [sum(t for t, on in zip(times, path, strict=True) if on) for path in group.paths.tolist()]
        if max(shown) <= most:
            yield tuple(int(n) for n in np.array(shown) @ group.own)


def fewest(annotations: list[Annotation], counts: list[int], even: bool) -> int:
    """The fewest pictures with which each box appears 1..R times (even: the floor or ceiling of its quota)."""
    labels = np.concatenate([a.labels for a in annotations])
    ends = np.cumsum([len(a) for a in annotations])[:-1]
    n = np.bincount(labels, minlength=len(counts))
    quota = [c // m for c, m in zip(counts, n, strict=True)]
    most = max(-(-c // m) for c, m in zip(counts, n, strict=True))
    ways = [range(quota[k], quota[k] + 2) if even else range(1, most + 1) for k in labels.tolist()]
    best = 10**9
    for shown in itertools.product(*ways):
        if np.bincount(labels, shown, len(counts)).tolist() == counts:
            best = min(best, sum(int(r.max(initial=1)) for r in np.split(np.array(shown), ends)))
    return best


small = st.lists(st.lists(st.integers(0, 1), max_size=3), min_size=1, max_size=3)


@settings(deadline=None, max_examples=20)
@given(small)
def test_the_pictures_are_the_fewest_that_exist(rows: list) -> None:
    boxes = [[(k, 0, 30, label) for k, label in enumerate(row)] for row in [*rows, [0, 1]]]
    annotations = pictures(boxes)
    n = sum(len(a) for a in annotations)
    before = np.bincount(np.concatenate([a.labels for a in annotations]), minlength=2)
    most = int(before.max())
    assume(n <= 7 and -(-most // int(before.min())) <= 4)
    for wanted, even in ((ERASING[1], True), (ERASING[0], True), (ERASING[2], False)):
        plan = make_plan(annotations, ("a", "b"), np.random.default_rng(0), wanted)
        assert int(plan.repeats.sum()) == fewest(annotations, [most, most], even), wanted


def test_pictures_may_be_left_out_that_hold_only_boxes_of_which_there_are_enough() -> None:
    # 10 of class 0, of which 2 beside others; 3 of class 1: the largest count can fall to 3
    rows = [[(k, 0, 30, 0) for k in range(3)], [(k, 0, 30, 0) for k in range(4)]]
    rows += [[(0, 0, 30, 0), (1, 0, 30, 1)], [(0, 0, 30, 0), (1, 0, 30, 1)], [(2, 0, 30, 1)], [(3, 0, 30, 0)], []]
    for wanted in (*ERASING, *KEEPING):
        plan = make_plan(pictures(rows), ("a", "b"), np.random.default_rng(0), replace(wanted, drop_majority=True))
        assert plan.repeats[[0, 1]].tolist() == [0, 0] and (plan.repeats[2:] >= 1).all(), wanted
        assert plan.before.tolist() == [10, 3] and plan.missed == 0
    plan = make_plan(pictures(rows), ("a", "b"), np.random.default_rng(0), replace(ERASING[0], drop_majority=True))
    assert plan.after.tolist() == [3, 3]


def test_of_the_pictures_that_may_be_left_out_those_stay_that_fit() -> None:
    rows = [[(0, 0, 30, 0)]] * 5 + [[(0, 0, 30, 1), (1, 0, 30, 1), (2, 0, 30, 1)]]
    wanted = Wanted(target=parse_target("2"), drop_majority=True)
    plan = make_plan(pictures(rows), ("a", "b"), np.random.default_rng(0), wanted)
    assert plan.repeats.tolist().count(0) == 3 and plan.after.tolist() == [2, 3]


def test_a_target_out_of_reach_is_refused_with_the_nearest_and_what_would_reach_it() -> None:
    both = pictures([[(0, 0, 30, 0), (1, 0, 30, 0), (2, 0, 30, 1)]])
    with pytest.raises(TargetError) as error:
        make_plan(both, ("a", "b"), np.random.default_rng(0), Wanted(recipes=("whole",)))
    assert str(error.value) == (
        "--target equal: whole cannot reach it; the nearest is 2 a, 1 b; "
        "--recipes whole,erase reaches it, --max-repeat 1 accepts the nearest"
    )
    accepted = make_plan(both, ("a", "b"), np.random.default_rng(0), Wanted(recipes=("whole",), max_repeat=1))
    assert accepted.after.tolist() == [2, 1] and accepted.missed == 1


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(recipes=("whole",), solver="waterfill"), "goes not with --recipes whole, without erase; take --solver"),
        (
            Wanted(solver="waterfill", prefer="few"),
            "--solver waterfill: goes not with --prefer few; take --solver milp",
        ),
    ],
)
def test_a_solver_is_not_asked_for_what_it_cannot_do(wanted: Wanted, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        make_plan(complete([]), ("many", "some", "few"), np.random.default_rng(0), wanted)


def test_no_class_is_left_out_altogether_and_none_falls_below_its_number() -> None:
    alone = [[(k, j, 30, 0) for k in range(4) for j in range(3)], [(0, 0, 30, 1)], [(1, 0, 30, 1)]]
    for text, gone in (("equal", 0), ("11", 0)):
        wanted = Wanted(target=parse_target(text), drop_majority=True)
        plan = make_plan(pictures(alone), ("a", "b"), np.random.default_rng(0), wanted)
        assert plan.repeats.tolist().count(0) == gone and plan.missed <= 1


@pytest.fixture(scope="module")
def divided_photographs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 753 photographs, divided 80/10/10."""
    from datatools.cli import datatools
    from datatools.exits import run

    out = tmp_path_factory.mktemp("real") / "yolo"
    words = ["convert", str(shared_data / "data" / "face-mask-detection"), "--out", str(out), "--quiet"]
    assert run(datatools, [*words, "--split", "0.8,0.1,0.1"]) == 0
    return out


def most_repeated(plan: Plan) -> int:
    return max(int(r.max()) for r in plan.appearances if len(r))


@pytest.mark.realdata
def test_real_photographs_become_equal_at_the_bound_with_crops_and_erasing(divided_photographs: Path) -> None:
    wanted = Wanted(recipes=("whole", "crop", "erase"))
    plan = plan_balance(divided_photographs, wanted, quiet=True).plan
    assert plan.before.tolist() == [87, 2260, 527] and plan.after.tolist() == [2260] * 3
    assert most_repeated(plan) == plan.bound == 26
    assert sum(run.times for runs in plan.listed.values() for run in runs if run.window) > 400
    wanted = Wanted(recipes=("whole", "erase"), drop_majority=True)
    dropped = plan_balance(divided_photographs, wanted, quiet=True).plan
    assert dropped.missed == 0 and most_repeated(dropped) == dropped.bound <= 14


@pytest.mark.slow
@pytest.mark.realdata
def test_with_masks_drawn_on_faces_of_24_px_real_photographs_need_little_repetition(
    divided_photographs: Path, tmp_path: Path
) -> None:
    from datatools.exits import run
    from generators.cli import generators

    words = ["overlay", str(divided_photographs), "--out", str(tmp_path / "s"), "--min-face", "24", "--quiet"]
    assert run(generators, words) == 0
    plan = plan_balance(
        tmp_path / "s", Wanted(recipes=("whole", "crop", "erase", "paste", "synthetic")), quiet=True
    ).plan
    assert plan.after.tolist() == [2260] * 3 and plan.invented.sum() > 100
    assert most_repeated(plan) == plan.bound <= 12
