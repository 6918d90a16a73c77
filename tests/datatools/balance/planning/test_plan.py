"""The plan: appearances of boxes that make the class counts equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.balance.planning.figures import plan_figures
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Wanted
from datatools.core import Annotation
from datatools.errors import TargetError


def pictures(*labels: list[int]) -> list[Annotation]:
    """Pictures of 100×100 px with boxes of 10×10 px, one for each label."""
    boxes = [[[10 * k, 0, 10 * k + 10, 10] for k in range(len(row))] for row in labels]
    return [Annotation(f"p{k}", "", (100, 100), b, row) for k, (b, row) in enumerate(zip(boxes, labels, strict=True))]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_each_box_of_a_class_appears_floor_or_ceiling_of_its_quota() -> None:
    plan = make_plan(pictures([0, 0, 0, 0, 0], [1, 1]), ("many", "few"), rng())
    assert plan.after.tolist() == [5, 5]
    assert plan.appearances[0].tolist() == [1, 1, 1, 1, 1]
    assert sorted(plan.appearances[1].tolist()) == [2, 3]


def test_boxes_whose_appearances_are_spent_are_erased_in_later_copies() -> None:
    plan = make_plan(pictures([0, 0, 1], [0]), ("many", "few"), rng())
    assert plan.repeats.tolist() == [3, 1]
    assert plan.kept(0, 0).tolist() == [True, True, True]
    assert plan.kept(0, 1).tolist() == [False, False, True]
    assert plan.kept(0, 2).tolist() == [False, False, True]


def test_an_extra_appearance_goes_where_it_costs_no_new_picture() -> None:
    # class 1 (2 boxes) must reach 7: 3 and 4 appearances; picture 0 is shown 7 times anyway, for its class-2 box
    plan = make_plan(pictures([1, 2], [1], [0] * 7), ("a", "b", "c"), rng())
    assert plan.after.tolist() == [7, 7, 7]
    assert plan.appearances[0].tolist() == [4, 7]
    assert plan.appearances[1].tolist() == [3]


def test_a_negative_picture_is_kept_once() -> None:
    plan = make_plan(pictures([], [0, 0], [1]), ("a", "b"), rng())
    assert plan.repeats.tolist() == [1, 1, 2]


def test_max_repeat_bounds_every_box_and_the_difference_is_said() -> None:
    plan = make_plan(pictures([0] * 9, [1]), ("a", "b"), rng(), Wanted(max_repeat=4))
    assert plan.after.tolist() == [9, 4]
    assert plan.difference == 5 and plan.bound == 9 and plan.proved


def test_a_class_without_a_box_is_refused_by_name() -> None:
    with pytest.raises(TargetError) as error:
        make_plan(pictures([0]), ("a", "b", "c"), rng())
    assert str(error.value) == (
        "--target equal: no box of b, c in the training split, so equal counts are impossible; "
        "add pictures of it, or convert with --drop or other --classes"
    )


counted = st.lists(st.lists(st.integers(0, 3), max_size=6), min_size=1, max_size=12)


@settings(deadline=None)
@given(counted, st.integers(0, 5))
def test_waterfill_is_exact_and_no_box_is_shown_more_than_the_bound(labels: list[list[int]], seed: int) -> None:
    present = sorted({label for row in labels for label in row})
    if not present:
        return
    rows = [[present.index(label) for label in row] for row in labels]
    plan = make_plan(pictures(*rows), tuple("abcd")[: len(present)], rng(seed))
    assert plan.difference == 0
    assert plan.after.max() == plan.before.max()
    assert max((int(r.max()) for r in plan.appearances if len(r)), default=1) == plan.bound
    assert all((r >= 1).all() for r in plan.appearances)


@settings(deadline=None)
@given(counted)
def test_whole_pictures_are_repeated_whole(labels: list[list[int]]) -> None:
    present = sorted({label for row in labels for label in row})
    if not present:
        return
    rows = [[present.index(label) for label in row] for row in labels]
    plan = make_plan(pictures(*rows), tuple("abcd")[: len(present)], rng(), Wanted(recipes=("whole",), max_repeat=8))
    assert all(len(set(r.tolist())) <= 1 for r in plan.appearances)
    assert plan.repeats.min() >= 1 and plan.repeats.max() <= 8


def test_whole_pictures_reach_equality_at_the_least_repetition() -> None:
    # r0·(2,1) + r1·(0,1): equal where 2·r0 = r0 + r1, so r0 = r1 = 1
    plan = make_plan(pictures([0, 0, 1], [1]), ("a", "b"), rng(), Wanted(recipes=("whole",)))
    assert plan.repeats.tolist() == [1, 1] and plan.difference == 0
    # (3,0) and (0,1): the single box must be shown three times
    plan = make_plan(pictures([0, 0, 0], [1]), ("a", "b"), rng(), Wanted(recipes=("whole",)))
    assert plan.repeats.tolist() == [1, 3] and plan.difference == 0


def brute_force_difference(counts: np.ndarray, highest: int) -> int:
    """The smallest difference of the class counts over all repeats 1..highest."""
    best = 10**9
    for repeats in np.ndindex(*(highest,) * len(counts)):
        total = (np.array(repeats) + 1) @ counts
        best = min(best, int(total.max() - total.min()))
    return best


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4))
def test_whole_pictures_leave_the_smallest_difference_that_exists(vectors: list[tuple[int, int]]) -> None:
    rows = [[0] * a + [1] * b for a, b in vectors]
    counts = np.array(vectors)
    if (counts.sum(axis=0) == 0).any():
        return
    plan = make_plan(pictures(*rows), ("a", "b"), rng(), Wanted(recipes=("whole",), max_repeat=4))
    assert plan.difference == brute_force_difference(counts, 4)
    assert plan.proved


def test_figures_of_a_plan_agree_with_a_hand_count() -> None:
    annotations = pictures([0, 0, 0, 0], [0, 1, 1])
    plan = make_plan(annotations, ("a", "b"), rng())
    figures = plan_figures(plan, annotations)
    assert plan.after.tolist() == [5, 5]
    assert figures.max_repeat == (1, 3)
    assert figures.effective[0] == pytest.approx(5)
    assert figures.effective[1] == pytest.approx(25 / 13)  # (2+3)² / (4+9)
    assert figures.unwanted_share == pytest.approx((0.01 + 0.02) / 2)  # box a, then box a and the spent b
    assert figures.untouched == 0


def test_the_seed_decides_only_between_equals() -> None:
    rows = [[0] * 7, [1], [1], [1]]
    plans = [make_plan(pictures(*rows), ("a", "b"), rng(seed)) for seed in range(8)]
    assert {p.copies for p in plans} == {4}
    assert len({tuple(p.repeats) for p in plans}) > 1
    again = make_plan(pictures(*rows), ("a", "b"), rng(3))
    assert again.repeats.tolist() == plans[3].repeats.tolist()
