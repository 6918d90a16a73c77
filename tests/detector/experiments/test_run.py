"""Claims about a suite as a whole, with runs in this process: what is there stays, what was killed goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import detector.experiments.run as running
import detector.train as training
from detector.cli import main
from detector.errors import SuiteError, UserError
from detector.experiments.code import Code
from detector.experiments.report.write import write_report
from detector.experiments.run import Asked, run_suite

QUIET = Asked(quiet=True, device="cpu", workers=1)
STORE = Path("runs/experiments")


def asked(**more):
    return Asked(**{**vars(QUIET), **more})


def records():
    """Every record, by configuration and seed, without what the clock decides."""
    found = {}
    for path in sorted(STORE.glob("runs/*/record.json")):
        record = json.loads(path.read_text())
        record.pop("finished"), record.pop("seconds")
        found[record["name"], record["seed"]] = record
    return found


def findings():
    return {path.parent.name: path.read_bytes() for path in STORE.glob("runs/*/found.json")}


def files():
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*") if path.is_file()}


def test_every_configuration_is_run_with_every_seed_and_reported(suite, in_process, monkeypatch):
    monkeypatch.setattr(running, "write_report", write_report)
    outcome = run_suite(suite, QUIET)
    assert outcome.failed == () and "4 of 4 runs are done" in outcome.text
    found = records()
    assert set(found) == {(name, seed) for name in ("baseline", "focal") for seed in (0, 1)}
    one = found["focal", 1]
    assert one["state"] == "done" and one["error"] is None and one["train"]["class-gamma"] == 2.0
    assert one["data"]["pictures"] == {"train": 4, "val": 2} and one["data"]["commands"] == []
    assert sum(one["data"]["boxes"]["train"].values()) == 8
    assert [row["epoch"] for row in one["history"]] == [0, 1, 2] and one["history"][1]["box"] > 0
    assert one["machine"].startswith("cpu, ")
    content = json.loads((STORE / "runs" / one["key"] / "found.json").read_text())
    assert [Path(picture["path"]).name for picture in content["pictures"]] == ["0.png", "1.png"]
    assert (STORE / "little" / "report.html").is_file() and (STORE / "little" / "table.md").is_file()
    trained = {path.name for path in (STORE / "runs" / one["key"] / "train").iterdir()}
    assert {"best.pt", "last.pt", "results.csv", "args.yaml"} <= trained
    assert not (STORE / "runs" / one["key"] / "training").exists()


def test_what_is_there_is_not_run_again_under_whatever_name(suite, in_process):
    run_suite(suite, asked(only=("baseline",)))
    assert len(in_process) == 2
    before = files()
    suite.write_text(suite.read_text().replace("name: baseline", "name: base").replace("name: little", "name: other"))
    assert "4 of 4 runs are done" in run_suite(suite, QUIET).text
    assert len(in_process) == 4  # the focal ones alone
    assert all(path.stat().st_mtime_ns == before[path] for path in before if path.name == "found.json")


def test_the_same_run_has_the_same_result_in_another_store(suite, in_process):
    run_suite(suite, asked(only=("focal",), seeds=(1,)))
    one = findings()
    run_suite(suite, asked(only=("focal",), seeds=(1,), out=Path("elsewhere")))
    assert {p.parent.name: p.read_bytes() for p in Path("elsewhere").glob("runs/*/found.json")} == one


class KilledError(BaseException):
    """Nothing catches it: what is on disk is all that is left, as after kill -9."""


@pytest.mark.parametrize(("where", "call"), [("loss", 7), ("judge", 1), ("write_found", 2), ("write_record", 2)])
def test_a_suite_that_is_killed_anywhere_ends_in_the_same_records(suite, in_process, monkeypatch, where, call):
    suite.write_text(suite.read_text().replace("[0, 1]", "[0]"))
    run_suite(suite, asked(out=Path("whole")))
    whole = {p.parent.name: p.read_bytes() for p in Path("whole").glob("runs/*/found.json")}
    module = training if where == "loss" else __import__("detector.experiments.running", fromlist=["x"])
    real, calls = getattr(module, where), []

    def killed(*given, **more):
        calls.append(1)
        if len(calls) == call:
            raise KilledError
        return real(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module, where, killed)
        with pytest.raises(KilledError):
            run_suite(suite, QUIET)
    assert len(records()) < 2
    in_process.clear()
    outcome = run_suite(suite, QUIET)
    assert outcome.failed == () and findings() == whole and len(records()) == 2
    assert any("--resume" in words for words in in_process) is (where == "loss")


def test_one_run_that_fails_does_not_stop_the_rest_and_is_tried_again(suite, in_process, monkeypatch):
    real = training.loss

    def broken(*given, **more):
        if given[4].classes_gamma:
            raise UserError("here", "no luck")
        return real(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(training, "loss", broken)
        outcome = run_suite(suite, QUIET)
    assert outcome.failed == (
        "focal, seed 0: here: no luck",
        "focal, seed 1: here: no luck",
    )
    states = {key: one["state"] for key, one in records().items()}
    assert states == {(name, seed): {"baseline": "done", "focal": "failed"}[name] for name, seed in states}
    assert "2 of 4 runs are done" in outcome.text
    again = run_suite(suite, QUIET)
    assert again.failed == () and "4 of 4 runs are done" in again.text


def test_a_fault_of_ours_in_one_run_is_kept_with_its_traceback(suite, in_process, monkeypatch):
    def broken(*given):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("detector.experiments.running.judge", broken)
    outcome = run_suite(suite, asked(only=("baseline",), seeds=(0,)))
    assert outcome.failed == ("baseline, seed 0: ZeroDivisionError: oh",) and outcome.text == "no run of 4 is done"
    (fault,) = STORE.glob("runs/*/fault.txt")
    assert "in broken" in fault.read_text()


def test_a_data_set_that_cannot_be_made_fails_its_runs_alone(suite, in_process, monkeypatch):
    text = suite.read_text().replace(
        "source:", 'data: {raw: [], made: ["datatools balance {in} --out {out}"]}\nsource:'
    )
    suite.write_text(text.replace("name: focal,", "name: focal, data: made,"))

    def carry(children, command, log):
        log.write_text("error: data: no good\n")
        return 1

    train = running.Children.run
    monkeypatch.setattr(
        running.Children,
        "run",
        lambda children, command, log: (carry if command[3] == "datatools.cli" else train)(children, command, log),
    )
    monkeypatch.setattr(running, "write_report", write_report)
    outcome = run_suite(suite, QUIET)
    assert len(outcome.failed) == 2 and "2 of 4 runs are done" in outcome.text
    assert outcome.failed[0].startswith("focal, seed 0: datatools balance: data: no good; see ")


@pytest.fixture
def other_code(monkeypatch):
    """From now on, the code that is here is other code."""

    def change():
        real = running.keep_copy
        monkeypatch.setattr(running, "present_code", lambda: Code("0.1.0", "other", "other"))
        monkeypatch.setattr(running, "keep_copy", lambda store: (real(store)[0], Code("0.1.0", "other", "other")))

    return change


def test_runs_of_other_code_are_run_again(suite, in_process, other_code):
    run_suite(suite, asked(only=("baseline",)))
    other_code()
    with pytest.raises(SuiteError, match=r"no finished run of this suite by this code; .*or take --keep-stale"):
        run_suite(suite, asked(report_only=True))
    run_suite(suite, asked(only=("baseline",)))
    assert len(in_process) == 4


def test_or_are_taken_and_marked_where_that_is_asked_for(suite, in_process, other_code):
    run_suite(suite, asked(only=("baseline",)))
    other_code()
    outcome = run_suite(suite, asked(keep_stale=True))
    assert len(in_process) == 4 and "4 of 4 runs are done, 2 of them by other code" in outcome.text
    assert [line.endswith("stale") for line in outcome.text.splitlines()[1:3]] == [True, False]


def test_a_dry_run_writes_nothing_and_says_what_would_be_run(suite, in_process):
    run_suite(suite, asked(only=("baseline",), seeds=(0,)))
    before = files()
    text = run_suite(suite, asked(dry_run=True)).text
    assert files() == before and len(in_process) == 1
    lines = text.splitlines()
    assert sum("  there    baseline, seed 0 (raw)" in line for line in lines) == 1
    assert sum("  to run   " in line and "  about 0:00:" in line for line in lines) == 3
    assert "4 runs, 1 of them there already" in lines
    assert "by 1 like runs in the store" in text and "disk: about 0.0 GB for the runs, in " in text


def test_a_dry_run_in_an_empty_folder_measures_some_steps(suite, in_process):
    text = run_suite(suite, asked(dry_run=True)).text
    assert "by steps measured just now" in text and not Path("runs").exists()


def test_runs_that_were_judged_on_other_pictures_are_not_compared(suite, in_process):
    run_suite(suite, QUIET)
    path = sorted(STORE.glob("runs/*/found.json"))[-1]
    content = json.loads(path.read_text())
    content["pictures"][0]["truths"][0][1] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(SuiteError, match=r"was judged on other val pictures or boxes than the first run; delete "):
        run_suite(suite, asked(report_only=True))


def test_what_is_chosen_must_be_there(suite):
    with pytest.raises(SuiteError, match=r"--only: 'focl': no such run, expected focal; there are baseline, focal"):
        run_suite(suite, asked(only=("focl",)))
    with pytest.raises(SuiteError, match=r"--seeds: 7, expected of the suite's: 0, 1"):
        run_suite(suite, asked(seeds=(7,)))
    with pytest.raises(SuiteError, match=r"w\.weights: no such file, weights of baseline, expected .*; give --set"):
        run_suite(suite, asked(settings={"weights": "w.weights"}))
    with pytest.raises(UserError, match="--img-size: 100, expected a multiple of 32"):
        run_suite(suite, asked(settings={"img-size": "100", "model": "yolov3-tiny"}))
    with pytest.raises(
        SuiteError, match=r"suite\.yaml: is a file, expected a folder for the store; give another --out"
    ):
        run_suite(suite, asked(out=suite))
    suite.write_text(suite.read_text().replace("data/shapes", "data/none"))
    with pytest.raises(SuiteError, match=r"data/none: no such data, expected a folder of pictures"):
        run_suite(suite, QUIET)
    assert not Path("runs/experiments/runs").exists() or not any(STORE.glob("runs/*"))


def test_the_command_says_what_failed_and_ends_with_one(suite, in_process, monkeypatch, capsys):
    def broken(*given, **more):
        raise UserError("here", "no luck")

    monkeypatch.setattr(training, "loss", broken)
    monkeypatch.setattr(
        "sys.argv", ["detector", "experiments", str(suite), "--quiet", "--only", "focal", "--device", "cpu"]
    )
    with pytest.raises(SystemExit, match="1"):
        main()
    out, err = capsys.readouterr()
    assert out == "no run of 4 is done\n"
    assert err.splitlines() == [
        "failed: focal, seed 0: here: no luck",
        "failed: focal, seed 1: here: no luck",
        "error: suite.yaml: 2 runs failed; the same command tries them again",
    ]


def test_ctrl_c_keeps_what_is_done_and_says_so(suite, in_process, monkeypatch):
    module = __import__("detector.experiments.running", fromlist=["x"])
    real, calls = module.judge, []

    def interrupted(*given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(module, "judge", interrupted)
        with pytest.raises(KeyboardInterrupt, match="what is done is kept, and the same command goes on"):
            run_suite(suite, asked(seeds=(0,)))
    assert {key: one["state"] for key, one in records().items()} == {("baseline", 0): "done"}
