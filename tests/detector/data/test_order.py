from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.data.order import Key, Order, multi_scale
from detector.errors import UserError


def epoch_of(order, epoch=0, start=0):
    order.epoch, order.start = epoch, start
    return list(order)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 5), st.integers(0, 3))
def test_the_processes_together_show_what_one_would(count, world, share, epoch):
    batch = world * share
    whole = epoch_of(Order(count, batch, 7), epoch)
    parts = [epoch_of(Order(count, batch, 7, rank=rank, world=world), epoch) for rank in range(world)]
    assert {len(part) for part in parts} == {len(whole)}
    for number, single in enumerate(whole):
        joined = [key for part in parts for key in part[number]]
        assert joined[: len(single)] == single
        assert len(joined) == max(len(single), world)  # a short last batch is filled up: no process goes without
        assert all(len(part[number]) >= 1 for part in parts)
        sizes = [len(part[number]) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_pictures_are_shown_as_often_as_their_factors_say_each_time_anew():
    order = Order(3, 2, 0, factors=np.array([1.0, 3.0, 2.0]))
    keys = [key for batch in epoch_of(order, 5) for key in batch]
    assert len(order) == 3 and Counter(key.picture for key in keys) == {0: 1, 1: 3, 2: 2}
    assert sorted(key.turn for key in keys if key.picture == 1) == [0, 1, 2]
    assert len(set(keys)) == 6


def test_fractions_fall_differently_each_epoch_and_every_epoch_is_as_long():
    order = Order(20, 4, 0, factors=np.full(20, 1.5))
    epochs = [Counter(key.picture for batch in epoch_of(order, e) for key in batch) for e in range(4)]
    assert [sum(one.values()) for one in epochs] == [30] * 4 and len(order) == 8
    assert len({tuple(sorted(one.items())) for one in epochs}) == 4


def test_an_epoch_size_scales_the_factors():
    order = Order(10, 8, 3, factors=np.r_[np.ones(9), 11.0], epoch_size=40)
    found = Counter(key.picture for batch in epoch_of(order) for key in batch)
    assert len(order) == 5 and sum(found.values()) == 40 and found[9] == 22
    short = Order(10, 8, 3, epoch_size=4)
    assert [len(batch) for batch in epoch_of(short)] == [4]


def test_taken_up_anywhere_it_goes_on_as_it_would_have():
    order = Order(17, 4, 3, factors=np.linspace(0.3, 3, 17), rank=1, world=2, sides=(64, 96, 128))
    whole = epoch_of(order, 2)
    for start in range(len(whole)):
        assert epoch_of(order, 2, start) == whole[start:]


def test_a_batch_has_one_side_the_same_in_all_processes_drawn_for_each_step():
    sides = multi_scale(96, 32, 0.5)
    orders = [Order(64, 2, 1, rank=rank, world=2, sides=sides) for rank in range(2)]
    drawn = [[{key.side for key in batch} for batch in epoch_of(order)] for order in orders]
    assert drawn[0] == drawn[1] and all(len(side) == 1 for side in drawn[0])
    assert {side for one in drawn[0] for side in one} == set(sides)
    assert [b[0].side for b in epoch_of(orders[0], 0)] != [b[0].side for b in epoch_of(orders[0], 1)]


def test_the_sides_are_the_strides_multiples_about_the_middle():
    assert multi_scale(416, 32, 0.5) == tuple(range(224, 609, 32))
    assert multi_scale(96, 32, 0) == () and multi_scale(32, 32, 0.9) == (32,)
    with pytest.raises(UserError, match=r"--multi-scale: 1, expected 0 to below 1"):
        multi_scale(96, 32, 1)


def test_what_makes_no_epoch_is_said():
    with pytest.raises(UserError, match="--batch: 2 for 4 processes, expected 4 or more"):
        Order(10, 2, 0, world=4)
    with pytest.raises(UserError, match="--epoch-size: 0, expected 1 or more"):
        Order(10, 2, 0, epoch_size=0)


def test_unshuffled_each_comes_once_in_order():
    assert epoch_of(Order(3, 2, 0, shuffled=False)) == [[Key(0, 0), Key(0, 1)], [Key(0, 2)]]
    assert len(Order(0, 2, 0)) == 0 and epoch_of(Order(0, 2, 0)) == []
