from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.video.live import waits
from detector.video.pace import LONGEST_STILL, Pace, Rate


def test_slow_frames_are_repeated_and_fast_ones_left_out():
    pace = Pace(10.0)
    assert [pace.copies(t) for t in (0.0, 0.3, 0.35, 0.4, 0.5)] == [1, 3, 0, 1, 1]


def test_the_video_begins_with_the_first_frame():
    pace = Pace(10.0)
    assert [pace.copies(t) for t in (5.0, 5.1)] == [1, 1]


def test_a_long_gap_is_cut_to_two_seconds():
    pace = Pace(10.0)
    copies = [pace.copies(t) for t in (0.0, 0.1, 60.0, 60.1)]
    assert copies[:2] == [1, 1] and copies[2] == pytest.approx(10 * LONGEST_STILL, abs=1) and copies[3] == 1


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=50))
def test_the_video_is_as_long_as_what_happened(steps):
    pace, now = Pace(10.0), 0.0
    for step in steps:
        now += step
        pace.copies(now)
    assert pace.written / 10.0 == pytest.approx(now - steps[0], abs=0.11)


def test_the_rate_is_that_of_the_frames():
    rate = Rate()
    assert rate.tick(0.0) == 0.0
    assert [round(rate.tick(0.25 * n), 6) for n in range(1, 4)] == [4.0, 4.0, 4.0]


def test_attempts_come_less_and_less_often():
    assert list(islice(waits(), 7)) == [0.5, 1, 2, 4, 8, 15, 15]
