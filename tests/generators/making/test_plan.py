"""Claims about the plan: exact numbers, faces used alike, modes only where they fit; nothing is drawn here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.drawing.dress import ROLES
from generators.making.assign import assigned
from generators.making.classes import MIX
from generators.making.plan import Plan, Subject, mix_of, modes_of, plan_faces, plan_pictures, quotas
from generators.sample.people import PEOPLE

FACE = PEOPLE["astronaut"].face
BESIDE = 300.0  # from one face of a subject to the next


def subject(name: str, faces: int = 1, others: int = 0, covered: tuple[int, ...] = ()) -> Subject:
    """Faces side by side, and boxes far below them.  covered: faces over which another box lies."""
    shown = [FACE.moved((-BESIDE * k, 0)) for k in range(faces)]
    boxes = [face.xyxy for face in shown] + [np.array([10 + 20 * k, 900, 20 + 20 * k, 910]) for k in range(others)]
    boxes += [np.add(shown[k].xyxy, (0, 20, 0, 60)) for k in covered]
    return Subject(name, (round(BESIDE * (faces + 2)), 1000), np.array(boxes), dict(enumerate(shown)))


def used(plan: Plan) -> Counter:
    return Counter((use.id, use.box) for use in plan.uses)


@given(
    n=st.integers(0, 5000), weights=st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(lambda w: sum(w) > 0)
)
def test_quotas_add_up_and_lie_within_one_of_the_exact_share(n: int, weights: list[int]) -> None:
    shares = {str(k): w / sum(weights) for k, w in enumerate(weights)}
    found = quotas(n, shares)
    assert sum(found.values()) == n
    assert all(abs(found[name] - n * share) < 1 for name, share in shares.items())


def test_the_largest_remainders_are_rounded_up() -> None:
    assert quotas(10, MIX) == {"nose_out": 8, "nose_mouth_out": 2, "chin_out": 0, "ear_hang": 0}
    assert quotas(1000, MIX) == {"nose_out": 780, "nose_mouth_out": 180, "chin_out": 30, "ear_hang": 10}
    assert quotas(1, {"a": 0.5, "b": 0.5}) == {"a": 1, "b": 0}


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    n_out=st.integers(1, 14),
    n_correct=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_numbers_are_exact_and_every_face_is_used_alike(
    sizes: list[int], n_out: int, n_correct: int, seed: int
) -> None:
    subjects = [subject(f"p{k}", size) for k, size in enumerate(sizes)]
    plan = plan_faces(subjects, {"nose_out": n_out, "correct": n_correct}, seed)
    faces, total = sum(sizes), n_out + n_correct
    assert (len(plan.usable), plan.short, plan.exchanged) == (faces, 0, 0)
    assert plan.modes == {m: n for m, n in (("correct", n_correct), ("nose_out", n_out)) if n}
    assert set(used(plan).values()) <= {total // faces, -(-total // faces)}
    assert plan.repeats == (total // faces, -(-total // faces))
    for (name, box), times in used(plan).items():
        copies = [use.copy for use in plan.uses if (use.id, use.box) == (name, box)]
        assert copies == list(range(1, times + 1)), "copy k changes the faces that are used at least k times"


def test_the_same_seed_is_the_same_plan_and_another_picture_changes_no_dress() -> None:
    subjects = [subject("a", 2), subject("b"), subject("c", 1, others=3)]
    first, again = (plan_faces(subjects, {"nose_out": 9}, 4) for _ in range(2))
    fewer = plan_faces(subjects[:1], {"nose_out": 4}, 4)
    other = plan_faces(subjects, {"nose_out": 9}, 5)

    def dresses(plan: Plan) -> dict[tuple[str, int, int], dict]:
        return {(use.id, use.copy, use.box): use.dress.as_dict() for use in plan.uses}

    assert dresses(first) == dresses(again)
    assert all(dresses(first)[slot] == worn for slot, worn in dresses(fewer).items())
    assert dresses(first) != dresses(other)


def test_a_round_that_is_not_complete_takes_the_pictures_with_the_fewest_other_boxes() -> None:
    subjects = [subject("crowd", 1, others=9), subject("alone", 1), subject("some", 2, others=3)]
    plan = plan_faces(subjects, {"nose_out": 4 + 3}, 0)
    assert used(plan) == {("crowd", 0): 1, ("alone", 0): 2, ("some", 0): 2, ("some", 1): 2}


def test_a_face_that_nothing_fits_is_named_and_the_others_are_used_instead() -> None:
    plan = plan_faces([subject("a", 3, covered=(1,))], {"nose_out": 6}, 0)
    assert used(plan) == {("a", 0): 3, ("a", 2): 3}
    assert {face: unfit.reason for face, unfit in plan.unfit.items()} == {("a", 1): "in-the-way"}
    assert plan.usable == (("a", 0), ("a", 2)) and plan.short == 0


def test_a_face_that_fits_rare_modes_only_is_not_used_for_them_alone() -> None:
    rare = {"nose_out": 6, "ear_hang": 1}
    beside = [subject("a", 1), subject("b", 1, covered=(0,))]
    assert len(plan_faces(beside, {"ear_hang": 2}, 0).usable) == 2, "nothing hangs in the way there"
    plan = plan_faces(beside, rare, 0)
    assert plan.usable == (("a", 0),) and plan.unfit["b", 0].reason == "in-the-way"
    assert plan.modes == rare and plan.exchanged == 0


def test_where_nothing_fits_at_all_the_plan_is_empty() -> None:
    plan = plan_faces([subject("a", covered=(0,))], {"nose_out": 2}, 0)
    assert (plan.uses, plan.usable, plan.short, plan.repeats) == ((), (), 2, (0, 0))
    assert plan_faces([], {"nose_out": 2}, 0).short == 2


def test_one_of_each_picture_changes_all_its_usable_faces_once() -> None:
    subjects = [subject("a", 2), subject("b", 1, covered=(0,)), subject("c", 1, others=2)]
    plan = plan_pictures(subjects, {"nose_out": 0.5, "correct": 0.5}, 0, 3)
    assert used(plan) == {("a", 0): 1, ("a", 1): 1, ("c", 0): 1}
    assert sorted(plan.copies) == [("a", 1), ("c", 1)]
    assert sum(plan.modes.values()) == 3 and set(plan.modes) == {"nose_out", "correct"}


@pytest.mark.parametrize("pictures", [1, 2, 3, 7])
def test_so_many_pictures_are_made_dealt_evenly(pictures: int) -> None:
    subjects = [subject("a", 2), subject("b", 1, others=1)]
    plan = plan_pictures(subjects, {"nose_out": 1.0}, pictures, 0)
    of = Counter(name for name, _ in plan.copies)
    assert sum(of.values()) == pictures and abs(of["a"] - of["b"]) <= 1
    assert len(plan.uses) == 2 * of["a"] + of["b"]


def test_every_role_has_modes_and_its_shares_add_up() -> None:
    for role in ("correct", "incorrect", "none"):
        assert set(mix_of(role)) <= set(modes_of(role)) and modes_of(role)
        assert sum(mix_of(role).values()) == pytest.approx(1)


@dataclass(frozen=True)
class Table:
    """What fits, written down.  modes: all of them."""

    wears: dict[tuple[str, int, int], set[str]]
    modes: tuple[str, ...] = ("nose_out", "chin_out", "correct")

    def fits(self, slot: tuple[str, int, int], mode: str) -> bool:
        return mode in self.wears[slot]


def slots(*wears: str) -> dict[tuple[str, int, int], set[str]]:
    return {("p", 1, k): set(text.split()) for k, text in enumerate(wears)}


def test_a_mode_that_does_not_fit_waits_for_a_later_slot() -> None:
    table = Table(slots("nose_out", "nose_out chin_out"))
    assert assigned(list(table.wears), ["chin_out", "nose_out"], table) == (
        {("p", 1, 0): "nose_out", ("p", 1, 1): "chin_out"},
        0,
    )


def test_a_slot_that_comes_too_late_changes_with_an_earlier_one() -> None:
    table = Table(slots("nose_out chin_out", "nose_out"))
    given, exchanged = assigned(list(table.wears), ["nose_out", "chin_out"], table)
    assert given == {("p", 1, 0): "chin_out", ("p", 1, 1): "nose_out"} and exchanged == 0


def test_a_slot_that_fits_no_mode_left_takes_another_of_the_same_role_only() -> None:
    table = Table(slots("nose_out", "nose_out", "correct"))
    given, exchanged = assigned(list(table.wears), ["nose_out", "chin_out", "chin_out"], table)
    assert given == {("p", 1, 0): "nose_out", ("p", 1, 1): "nose_out"} and exchanged == 1


@given(
    wears=st.lists(st.sets(st.sampled_from(Table.modes), min_size=1), min_size=1, max_size=8),
    data=st.data(),
)
def test_no_slot_gets_what_does_not_fit_and_roles_are_kept(wears: list[set[str]], data: st.DataObject) -> None:
    table = Table({("p", 1, k): modes for k, modes in enumerate(wears)})
    queue = data.draw(st.lists(st.sampled_from(table.modes), min_size=len(wears), max_size=len(wears)))
    given, exchanged = assigned(list(table.wears), queue, table)
    assert all(table.fits(slot, mode) for slot, mode in given.items())
    count = Counter(given.values())
    over = sum(max(0, n - queue.count(mode)) for mode, n in count.items())
    assert over <= exchanged
    for role in ("correct", "incorrect"):
        wanted = sum(ROLES[mode] == role for mode in queue)
        assert sum(n for mode, n in count.items() if ROLES[mode] == role) <= wanted
