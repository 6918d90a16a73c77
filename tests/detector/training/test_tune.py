import sys

import pytest

from detector.training import tune


@pytest.fixture
def started(monkeypatch):
    """What would have been started; argv is the console script's and the library glibc."""
    calls = []
    monkeypatch.setattr(tune.os, "execve", lambda *given: calls.append(given))
    monkeypatch.setattr(tune.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(sys, "argv", ["/usr/bin/detector", "train"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "/usr/bin/detector", "train"])
    monkeypatch.delenv(tune.VARIABLE)
    return calls


def test_the_process_is_started_once_more_with_its_own_words_and_it_is_said(started):
    said = []
    tune.restart_tuned(said.append)
    program, words, environment = started[0]
    assert (program, words) == (sys.executable, ["python", "/usr/bin/detector", "train"])
    assert "glibc.malloc.mmap_threshold=4294967296" in environment[tune.VARIABLE]
    assert len(said) == 1 and "--no-tune" in said[0]


@pytest.mark.parametrize("case", ["set already", "another library", "not our script"])
def test_nothing_is_started_where_it_would_change_nothing_or_is_not_ours(started, monkeypatch, case):
    if case == "set already":
        monkeypatch.setenv(tune.VARIABLE, "x")
    elif case == "another library":
        monkeypatch.setattr(tune.platform, "libc_ver", lambda: ("", ""))
    else:
        monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest"])
    tune.restart_tuned(print)
    assert started == []
