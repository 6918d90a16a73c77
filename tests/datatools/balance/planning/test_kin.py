"""A box that a synthetic picture carried along is its photograph's box once more, and is counted as that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.balance.planning.figures import plan_figures
from datatools.balance.planning.kin import kin_of
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Plan, Wanted
from datatools.balance.planning.planfile import plan_text, read_plan
from datatools.core import Annotation
from datatools.provenance import Origin, Provenance

CLASSES = ("many", "few", "bare")


def picture(name: str, labels: list[int], shift: float = 0.0) -> Annotation:
    boxes = [[20 * k + shift, 5, 20 * k + 15, 25] for k in range(len(labels))]
    return Annotation(name, "", (200, 100), boxes, labels)


def known(**sources: str) -> Provenance:
    """name of a synthetic picture -> its photograph."""
    return Provenance({name: Origin((source,), "synthetic") for name, source in sources.items()})


def test_boxes_of_the_same_place_and_class_are_kin_and_a_relabelled_one_is_not() -> None:
    rows = [picture("a", [0, 2, 2]), picture("b", [0]), picture("s", [0, 1, 2], 0.3)]
    kin = kin_of(rows, np.array([False, False, True]), known(s="a"))
    assert kin[2].tolist() == [[0, 0], [-1, -1], [0, 2]]
    assert (kin[0] == -1).all() and (kin[1] == -1).all()


def test_a_box_that_was_moved_or_whose_photograph_is_not_there_is_no_kin() -> None:
    made = np.array([False, True])
    assert (kin_of([picture("a", [2]), picture("s", [2], 2)], made, known(s="a"))[1] == -1).all()
    assert (kin_of([picture("a", [2]), picture("s", [2])], made, known(s="elsewhere"))[1] == -1).all()


def test_a_photographed_box_is_met_once_in_a_synthetic_picture() -> None:
    double = Annotation("s", "", (200, 100), [[0, 5, 15, 25]] * 2, [2, 2])
    kin = kin_of([picture("a", [2]), double], np.array([False, True]), known(s="a"))
    assert kin[1].tolist() == [[0, 0], [-1, -1]]


def planned(wanted: Wanted | None = None) -> tuple[Plan, list[Annotation]]:
    """Six of many, two bare faces of which one, twice, got a mask of few: each time the other was carried along."""
    rows = [picture("a", [0] * 6), picture("b", [2, 2]), picture("s", [1, 2]), picture("t", [1, 2])]
    invented = [False, False, True, True]
    kin = kin_of(rows, np.array(invented), known(s="b", t="b"))
    return make_plan(rows, CLASSES, np.random.default_rng(0), wanted or Wanted(), invented, kin), rows


def test_what_is_carried_along_is_taken_off_the_photographs_appearances() -> None:
    plan, _ = planned()
    assert plan.after.tolist() == [6, 6, 6]
    assert [r.tolist() for r in plan.appearances] == [[1] * 6, [3, 1], [3, 1], [3, 1]]
    assert plan.bound == 3


def test_the_figures_count_a_box_wherever_it_is_shown() -> None:
    plan, rows = planned()
    figures = plan_figures(plan, rows)
    assert figures.max_repeat == (1, 3, 3)
    assert figures.distinct == (6, 2, 2) and figures.invented == (0, 2, 0)
    assert figures.effective == pytest.approx((6, 2, 2))


def test_a_plan_that_is_read_again_has_the_same_figures(tmp_path) -> None:
    plan, rows = planned()
    (tmp_path / "plan.json").write_text(plan_text(plan, rows))
    again = read_plan(tmp_path / "plan.json", rows, CLASSES, plan.invented.tolist(), plan.kin)
    assert plan_figures(again, rows) == plan_figures(plan, rows) and again.bound == plan.bound


@settings(max_examples=60, deadline=None)
@given(
    photographs=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=2, max_size=8),
    made=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 15)), max_size=6),
    seed=st.integers(0, 9),
)
def test_targets_are_met_and_no_face_is_shown_more_often_than_the_bound(
    photographs: list[list[int]], made: list[tuple[int, int]], seed: int
) -> None:
    rows = [picture(f"p{k}", labels) for k, labels in enumerate([[0, 1, 2], *photographs])]
    sources = {}
    for number, (chosen, changed) in enumerate(made):
        source = rows[chosen % (len(photographs) + 1)]
        labels = [1 if changed >> k & 1 else label for k, label in enumerate(source.labels.tolist())]
        sources[f"s{number}"] = source.id
        rows.append(picture(f"s{number}", labels))
    invented = [False] * (len(photographs) + 1) + [True] * len(made)
    kin = kin_of(rows, np.array(invented), known(**sources))
    plan = make_plan(rows, CLASSES, np.random.default_rng(seed), Wanted(), invented, kin)
    assert len(set(plan.after.tolist())) == 1
    assert all((r >= 1).all() for r, m in zip(plan.appearances, invented, strict=True) if not m)
    assert max(plan_figures(plan, rows).max_repeat) <= plan.bound
