import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.judging.average_precision import mean, score_classes
from detector.judging.found import Found, Truth
from detector.judging.matching import match
from detector.judging.paired import differences, draw, holm

HALF = np.array([0.5])
SAME = [(0, 0), (1, 1)]


def truths_of_scene(pictures, seed):
    rng = np.random.default_rng(seed)
    truths = []
    for _ in range(pictures):
        low = rng.uniform(0, 60, (rng.integers(1, 5), 2))
        truths.append(
            Truth(np.concatenate((low, low + rng.uniform(8, 30, low.shape)), axis=1), rng.integers(0, 2, len(low)))
        )
    return truths


def guesses(truths, seed, shake):
    """Each truth, moved by about `shake` pixels, its class mistaken now and then, with a score of its own."""
    rng = np.random.default_rng([seed, 1])
    found = []
    for one in truths:
        labels = np.where(rng.random(len(one.classes)) < 0.2, 1 - one.classes, one.classes)
        found.append(Found(one.xyxy + rng.normal(0, shake, one.xyxy.shape), labels, rng.random(len(labels))))
    return found


def test_the_interval_is_that_of_judging_each_draw_of_pictures_anew():
    """The slow way: pictures are copied as often as they are drawn, matched and scored."""
    truths = truths_of_scene(9, 0)
    one, other = ([guesses(truths, seed, shake) for seed in seeds] for seeds, shake in (((1, 2), 1.0), ((3, 4), 3.0)))
    draws = [[draw(match(found, truths, HALF), 2, 9, 40) for found in many] for many in (one, other)]
    fast = differences(*draws, SAME)
    rng = np.random.default_rng(np.random.SeedSequence([0, 9]))
    slow = []
    for _ in range(40):
        drawn = np.sort(rng.integers(0, 9, 9))
        values = []
        for many in (one, other):
            each = []
            for found in many:
                copies = [Found(found[i].xyxy, found[i].classes, found[i].scores) for i in drawn]
                scores = score_classes(match(copies, [truths[i] for i in drawn], HALF), 2, 0.0)
                each.append([*(s.ap50 for s in scores), mean(s.ap50 for s in scores)])
            values.append(np.mean(np.array(each, dtype=float), axis=0))
        slow.append(values[0] - values[1])
    low, high = np.nanquantile(np.array(slow), [0.025, 0.975], axis=0)
    for found, a, b in zip(fast, low, high, strict=True):
        assert (found.low, found.high) == pytest.approx((a, b), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_a_detector_differs_by_exactly_nothing_from_itself(seed):
    truths = truths_of_scene(6, seed)
    same = [draw(match(guesses(truths, seed, 2.0), truths, HALF), 2, 6, 20)] * 2
    for one in differences(same, same, SAME):
        if one.value is not None:
            assert (one.value, one.low, one.high, one.p, one.by_seed) == (0, 0, 0, 1, (0, 0))
            assert not one.shown and not one.agreed


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_swapping_the_two_changes_the_sign_of_everything(seed):
    truths = truths_of_scene(6, seed)
    a, b = ([draw(match(guesses(truths, seed + k, k), truths, HALF), 2, 6, 20)] for k in (1, 3))
    for one, other in zip(differences(a, b, [(0, 0)]), differences(b, a, [(0, 0)]), strict=True):
        if one.value is not None:
            assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low), abs=1e-12)
            assert one.p == other.p and one.by_seed == (-other.by_seed[0],) and one.shown == other.shown


def test_a_detector_that_finds_what_another_misses_is_shown_to_be_better():
    truths = truths_of_scene(20, 5)
    sure = [Found(one.xyxy, one.classes, np.full(len(one.classes), 0.9)) for one in truths]
    blind = [Found(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))] * 20
    a, b = ([draw(match(found, truths, HALF), 2, 20, 99)] for found in (sure, blind))
    every = differences(a, b, [(0, 0)])[-1]
    assert every.value == pytest.approx(1) and every.shown and every.agreed and every.p == pytest.approx(2 / 100)


def test_a_class_without_truths_has_no_difference_and_no_part_in_the_mean():
    truths = [Truth(np.array([[0.0, 0, 9, 9]]), np.array([0]))] * 4
    found = [Found(np.array([[0.0, 0, 9, 9]]), np.array([0]), np.array([0.5]))] * 4
    one = [draw(match(found, truths, HALF), 2, 4, 10)]
    first, second, every = differences(one, one, [(0, 0)])
    assert (second.value, second.low, second.p) == (None, None, None) and not second.shown and not second.agreed
    assert first.value == every.value == 0 and one[0].whole.tolist()[0] == one[0].whole.tolist()[2]


def test_holm_multiplies_the_least_p_by_all_the_next_by_one_less_and_never_falls():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1] and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_going_up_the_ranks_by_hand_rejects(ps):
    adjusted = holm(ps)
    rejected, order = set(), sorted(range(len(ps)), key=lambda i: ps[i])
    for rank, i in enumerate(order):
        if (len(ps) - rank) * ps[i] > 0.05:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(adjusted) if p <= 0.05} == rejected
