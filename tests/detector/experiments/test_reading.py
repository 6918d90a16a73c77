"""Claims about suite files: a right one becomes a value, and whatever is wrong is said in one line with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from detector.errors import SuiteError
from detector.experiments.reading import read_suite
from detector.experiments.suite import Configuration, Source

RIGHT = """
name: one
question: which?
source: data/yolo
data:
  raw: []
  made: ["generators overlay {in} --out {out}", "datatools balance {in} --out {out} --target equal"]
train: {epochs: 4, img_size: 96, judge-every: never}
seeds: [3, 1]
runs:
  - {name: baseline, data: raw}
  - {name: focal, train: {class-gamma: 2, amp: "off", compile: false}}
  - {name: other, data: made, train: {epochs: 8}}
"""
SUITES = Path(__file__).resolve().parents[3] / "experiments"


@pytest.fixture
def suite_of(tmp_path, monkeypatch):
    """A function that reads a suite from a text, in the file suite.yaml of the working folder."""
    monkeypatch.chdir(tmp_path)

    def read(text, settings=None):
        Path("suite.yaml").write_text(text)
        return read_suite(Path("suite.yaml"), settings)

    return read


def test_a_suite_is_read_with_what_it_leaves_out_filled_in(suite_of):
    suite = suite_of(RIGHT)
    assert (suite.name, suite.title, suite.question) == ("one", "one", "which?")
    assert suite.source == Source("data/yolo") and suite.seeds == (3, 1)
    assert suite.data["raw"] == () and len(suite.data["made"]) == 2
    shared = {"epochs": 4, "img-size": 96, "judge-every": "never"}
    assert suite.runs == (
        Configuration("baseline", "raw", shared),
        Configuration("focal", "raw", {**shared, "class-gamma": 2.0, "amp": "off", "compile": False}),
        Configuration("other", "made", {**shared, "epochs": 8}),
    )
    assert suite.compare == (("focal", "baseline"), ("other", "baseline"))


def test_a_raw_folder_is_converted_by_the_suite(suite_of):
    text = RIGHT.replace("source: data/yolo", 'source: {convert: raw, split: "0.6,0.4"}')
    assert suite_of(text).source == Source("raw", True, "0.6,0.4")


def test_what_is_set_wins_over_every_configuration(suite_of):
    suite = suite_of(RIGHT, {"epochs": "1", "compile": "true"})
    assert [run.train["epochs"] for run in suite.runs] == [1, 1, 1]
    assert all(run.train["compile"] is True for run in suite.runs)
    with pytest.raises(SuiteError, match=r"--set: epoch: no such option, expected epochs; see `detector train --help`"):
        suite_of(RIGHT, {"epoch": "1"})
    with pytest.raises(SuiteError, match=r"--set: epochs: '0', expected a whole number from 1"):
        suite_of(RIGHT, {"epochs": "0"})


def test_a_grid_is_a_cross_product_named_by_its_values(suite_of):
    text = RIGHT[: RIGHT.index("runs:")] + "grid: {data: [raw, made], train: {class-gamma: [0, 2], flip: [0.5]}}\n"
    suite = suite_of(text)
    assert [run.name for run in suite.runs] == [
        "raw class-gamma=0.0 flip=0.5",
        "raw class-gamma=2.0 flip=0.5",
        "made class-gamma=0.0 flip=0.5",
        "made class-gamma=2.0 flip=0.5",
    ]
    assert suite.runs[3].data == "made" and suite.runs[3].train["class-gamma"] == 2.0


WRONG = [
    ("name: one", "nam: one", r"suite\.yaml: nam: no such key, expected name; there are name, title"),
    ("name: one\n", "", r"suite\.yaml: no name, expected `name: \.\.\.`; see docs/suites\.md"),
    ("name: one", "name: a/b", r"suite\.yaml: name: 'a/b', expected a name of at most 60 letters"),
    ("name: one", "name: runs", r"suite\.yaml: name: 'runs', expected a name for the report's folder, beside data and"),
    ("source: data/yolo", "source: 3", r"suite\.yaml: source: 3, expected `key: value` pairs"),
    ("source: data/yolo", "source: {split: '1'}", r"suite\.yaml: source: no convert, expected a split's folder"),
    ("data/yolo", "{convert: raw, split: '0.7,0.4'}", r"source\.split: '0\.7,0\.4', expected shares of train, val and"),
    ("data/yolo", "{convert: raw, split: '1'}", r"suite\.yaml: source\.split: '1', expected shares of train, val and"),
    ("epochs: 4", "epochs: 0", r"suite\.yaml: train\.epochs: 0, expected a whole number from 1"),
    ("epochs: 4", "epoch: 4", r"suite\.yaml: train\.epoch: no such option, expected epochs; see `detector train"),
    ("epochs: 4", "seed: 4", r"suite\.yaml: train\.seed: is the suite's to give; list them in seeds"),
    ("epochs: 4", "out: x", r"suite\.yaml: train\.out: is the suite's to give; the store numbers runs"),
    ("epochs: 4", "device: cpu", r"suite\.yaml: train\.device: is the suite's to give; give --device"),
    ("img_size: 96", "img_size: 96, img-size: 64", r"suite\.yaml: train: an option stands twice, with - and with _"),
    (
        'amp: "off"',
        "amp: off",
        r'runs\[1\]\.train\.amp: False, expected one of .*; write words such as "off" in quotes',
    ),
    ("[3, 1]", "[3, 3]", r"suite\.yaml: seeds\[1\]: seed 3 is there already, expected each seed once"),
    ("[3, 1]", "3", r"suite\.yaml: seeds: 3, expected a list of whole numbers, such as \[0, 1, 2\]"),
    ("[3, 1]", "[-1]", r"suite\.yaml: seeds\[0\]: -1, expected a whole number from 0"),
    ("[3, 1]", "[]", r"suite\.yaml: seeds: an empty list, expected a list"),
    ("name: focal", "name: baseline", r"runs\[1\]: name 'baseline' is there already, expected each name once"),
    ("name: focal, ", "", r"suite\.yaml: runs\[1\]: no name, expected `name: baseline`"),
    ("data: made, ", "data: mad, ", r"runs\[2\]\.data: 'mad': no such recipe, expected made; there are raw, made"),
    ("train: {epochs: 8}", "trian: {}", r"suite\.yaml: runs\[2\]: trian: no such key, expected train"),
    ("epochs: 8", "patience: 2", r"suite\.yaml: runs\[2\]: --patience: with --judge-every never"),
    ("datatools balance", "rm", r"suite\.yaml: data\.made\[1\]: 'rm', expected a command of datatools or generators"),
    ("overlay {in}", "overlay", r"data\.made\[0\]: 'generators overlay --out {out}' has 0 times {in}, expected `{in}`"),
    ("--target equal", "'--target", r"data\.made\[1\]: .*No closing quotation\), expected a command line"),
    ("raw: []", "raw: convert", r"suite\.yaml: data\.raw: 'convert', expected a list of commands"),
    ("seeds: [3, 1]", "seeds: [3, 1]\nseeds: [2]", r"suite\.yaml:\d+: seeds stands twice, expected each key once"),
    ("seeds: [3, 1]", "compare: [[focl, baseline]]", r"compare\[0\]: 'focl': no such run, expected focal"),
    ("seeds: [3, 1]", "compare: [[focal]]", r"compare\[0\]: \['focal'\], expected two names of runs, \[better, base\]"),
    ("seeds: [3, 1]", "compare: [[focal, focal]]", r"compare\[0\]: \['focal', 'focal'\], expected two names"),
    ("seeds: [3, 1]", "grid: {train: {epochs: 3}}", r"suite\.yaml: grid\.train\.epochs: 3, expected a list of values"),
    ("seeds: [3, 1]", "grid: {train: {epochs: [x]}}", r"grid\.train\.epochs\[0\]: 'x', expected a whole number from 1"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_what_is_wrong_is_said_with_its_place(suite_of, right, wrong, said):
    assert right in RIGHT
    with pytest.raises(SuiteError, match=said):
        suite_of(RIGHT.replace(right, wrong))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is not YAML"),
        ("- 1", "is not a mapping, expected name, source, data, train, seeds, runs"),
        ("", "is not a mapping"),
        ("name: x\nsource: y\nruns: []", "runs: an empty list, expected a list of `{name, data, train}`"),
        ("name: x\nsource: y", "no runs, expected `runs: "),
        ("name: x\nsource: y\nruns: [{name: a, train: {3: 4}}]", r"runs\[0\]\.train: the key 3, expected a word"),
    ],
)
def test_what_is_no_suite_is_said(suite_of, text, said):
    with pytest.raises(SuiteError, match=rf"^suite\.yaml:? ?.*{said}"):
        suite_of(text)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SuiteError, match=r"none\.yaml: no such file, expected a suite of experiments; see docs"):
        read_suite(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_suites_that_come_along_are_right_and_cost_the_same_a_run(path):
    suite = read_suite(path)
    assert suite.name == path.stem and len(suite.runs) >= 12 and suite.seeds == (0, 1, 2)
    costs = {(one.epochs, one.epoch_size, one.img_size, one.model) for one in (run.options() for run in suite.runs)}
    assert len(costs) == 1 and None not in next(iter(costs))
    assert suite.runs[0].train == yaml.safe_load(path.read_text())["train"]
    assert {name for pair in suite.compare for name in pair} == {run.name for run in suite.runs}
