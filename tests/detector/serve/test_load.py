"""Claims about many clients: they take turns, slow ones hurt nobody, memory is bounded; and about the limits' parts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.serve.limits import KNOWN, Places, Rates
from detector.serve.refusal import RefusedError

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "serve.py"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_clients_take_turns_and_those_who_do_not_read_or_never_finish_hurt_nobody(squares_pt):
    options = ["--clients", "4", "--slow", "6", "--seconds", "3", "--json"]
    command = [sys.executable, str(BENCHMARK), str(squares_pt), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    load = json.loads(done.stdout)
    assert "Traceback" not in done.stderr, done.stderr
    assert load["slow"] == 6 and load["fewest"] >= 5
    assert load["fewest"] >= 0.5 * load["most"], "a client was starved"
    assert load["rss_most_mb"] - load["rss_before_mb"] < 150


def test_a_rate_is_saved_up_for_a_second_and_no_longer():
    rates = Rates(2)
    for at in (0.0, 0.0):
        rates.take("a", at)
    with pytest.raises(RefusedError, match="more than 2 requests a second"):
        rates.take("a", 0.4)
    rates.take("b", 0.4)
    rates.take("a", 0.5)
    rates.take("a", 100)
    rates.take("a", 100)
    with pytest.raises(RefusedError):
        rates.take("a", 100)


@given(st.lists(st.floats(0, 0.2), max_size=60), st.integers(1, 9))
def test_no_address_gets_more_than_its_rate_and_a_seconds_savings(steps, rate):
    rates, at, taken = Rates(rate), 0.0, 0
    for step in steps:
        at += step
        try:
            rates.take("a", at)
            taken += 1
        except RefusedError:
            pass
    assert taken <= rate + rate * sum(steps) + 1e-6


def test_only_so_many_addresses_are_remembered():
    rates = Rates(1)
    for number in range(KNOWN + 100):
        rates.take(str(number), 0.0)
    assert len(rates._left) == KNOWN


def test_places_are_limited_in_all_and_of_one_address_and_given_back():
    places = Places(3, 2)
    with places.hold("a"), places.hold("a"):
        with pytest.raises(RefusedError, match="too many at once"), places.hold("a"):
            raise AssertionError("was let in")
        with places.hold("b"), pytest.raises(RefusedError), places.hold("c"):
            raise AssertionError("was let in")
    with pytest.raises(ZeroDivisionError), places.hold("a"):
        _ = 1 / 0
    assert not places.taken
