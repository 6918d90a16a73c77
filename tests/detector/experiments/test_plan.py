"""Claims about addresses: what decides a result changes them, what does not leaves them; code leaves `row` alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detector.experiments.code import Code, sources
from detector.experiments.plan import make_plan
from detector.experiments.suite import Configuration, Source, Suite

CODE = Code("0.1.0", "aaaa", "bbbb")
MADE = ("datatools balance {in} --out {out}", "datatools convert {in} --out {out}")
SUITE = Suite(
    "one",
    "one",
    "",
    Source("data/yolo"),
    {"raw": (), "first": MADE[:1], "both": MADE},
    (
        Configuration("a", "raw", {"epochs": 2}),
        Configuration("b", "both", {"epochs": 2}),
        Configuration("c", "first", {"epochs": 3}),
    ),
    (0, 1),
    (("b", "a"), ("c", "a")),
)


def planned(suite=SUITE, code=CODE, of=lambda path: f"digest of {path.name}", **more):
    return make_plan(suite, Path("/store"), code, of, **more)


def changed(number, **more):
    runs = list(SUITE.runs)
    runs[number] = replace(runs[number], **more)
    return replace(SUITE, runs=tuple(runs))


def test_runs_come_seed_by_seed_and_data_sets_before_what_is_made_of_them():
    plan = planned()
    assert [run.title for run in plan.runs] == [f"{name}, seed {seed}" for seed in (0, 1) for name in "abc"]
    source, first, both = plan.data
    assert source.folder == Path("data/yolo").absolute() and not source.command
    assert first.input == source.folder and both.input == first.folder == Path("/store/data") / first.key
    assert [run.data for run in plan.runs[:3]] == [source, both, first]
    assert len({run.key for run in plan.runs}) == 6 == len({run.row for run in plan.runs})


def test_the_same_suite_has_the_same_addresses_whatever_its_configurations_are_called():
    other = replace(changed(0, name="z"), name="two", title="t", question="?", compare=())
    assert [run.key for run in planned(other).runs] == [run.key for run in planned().runs]


@pytest.mark.parametrize("option", [{"workers": 2}, {"cache": "none"}, {"tensorboard": True}, {"class-gamma": 0.0}])
def test_options_of_the_machine_and_defaults_that_are_said_change_nothing(option):
    assert planned(changed(0, train={"epochs": 2, **option})).runs[0].key == planned().runs[0].key


@pytest.mark.parametrize("option", [{"epochs": 3}, {"flip": 0.1}, {"class-gamma": 1.0}, {"judge-every": 0}])
def test_options_that_decide_change_a_run_and_no_other(option):
    before, after = planned(), planned(changed(0, train={"epochs": 2, **option}))
    assert [a.row != b.row for a, b in zip(before.runs, after.runs, strict=True)] == [True, False, False] * 2


def test_another_source_changes_everything():
    before, after = planned(), planned(of=lambda path: "other")
    for a, b in zip((*before.runs, *before.data), (*after.runs, *after.data), strict=True):
        assert a.row != b.row and a.key != b.key


def test_weights_count_by_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("w.weights").write_text("1")
    Path("v.weights").write_text("1")

    def of(path):
        return path.read_text() if path.is_file() else "folder"

    keys = [planned(changed(0, train={"weights": name}), of=of).runs[0].key for name in ("w.weights", "v.weights")]
    Path("w.weights").write_text("2")
    keys.append(planned(changed(0, train={"weights": "w.weights"}), of=of).runs[0].key)
    assert keys[0] == keys[1] != keys[2]


def test_so_do_files_that_a_command_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suite = replace(SUITE, data={**SUITE.data, "first": ("datatools balance {in} --out {out} --policy p.yaml",)})

    def of(path):
        return path.read_text() if path.is_file() else "folder"

    Path("p.yaml").write_text("1")
    before = planned(suite, of=of).runs[2].row
    Path("p.yaml").write_text("2")
    assert planned(suite, of=of).runs[2].row != before


def test_other_code_changes_keys_and_no_row():
    before = planned()
    trained, made = planned(code=replace(CODE, sources="cccc")), planned(code=replace(CODE, makers="cccc"))
    for plan in (trained, made):
        assert [run.row for run in plan.runs] == [run.row for run in before.runs]
    assert all(a.key != b.key for a, b in zip(trained.runs, before.runs, strict=True))
    assert [one.key for one in trained.data] == [one.key for one in before.data]
    # what makes data sets has no part in a run on the source itself
    assert [a.key != b.key for a, b in zip(made.runs[:3], before.runs[:3], strict=True)] == [False, True, True]


def test_only_what_is_chosen_is_planned():
    plan = planned(only=("c",), seeds=(1,))
    assert [run.title for run in plan.runs] == ["c, seed 1"] and len(plan.data) == 2
    assert plan.runs[0].key == planned().runs[5].key


def test_a_raw_folder_is_converted_first():
    plan = planned(replace(SUITE, source=Source("raw", True, "0.7,0.3")))
    assert plan.data[0].command == ("datatools", "convert", "{in}", "--out", "{out}", "--split", "0.7,0.3")
    assert plan.data[0].input == Path("raw").absolute() and plan.data[1].input == plan.data[0].folder


def test_the_digest_of_sources_is_of_names_and_contents_and_not_of_bytecode(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1")
    seen = [sources([tmp_path / "a"])]
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "x.pyc").write_text("1")
    assert sources([tmp_path / "a"]) == seen[0]
    (tmp_path / "a" / "x.py").write_text("2")
    seen.append(sources([tmp_path / "a"]))
    (tmp_path / "a" / "x.py").rename(tmp_path / "a" / "y.py")
    seen.append(sources([tmp_path / "a"]))
    assert len(set(seen)) == 3
