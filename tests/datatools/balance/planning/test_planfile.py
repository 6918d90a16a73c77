"""A plan is a file: written, run to the same bytes, changed by hand, and refused where it is none for this split."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools import formats
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Wanted
from datatools.balance.planning.planfile import plan_text, read_plan
from datatools.balance.planning.target import parse_target
from datatools.cli import datatools
from datatools.core import Annotation
from datatools.errors import PlanError
from datatools.exits import run
from datatools.images import encode


def pictures(*labels: list[int]) -> list[Annotation]:
    boxes = [[[10 * k, 0, 10 * k + 10, 10] for k in range(len(row))] for row in labels]
    return [Annotation(f"p{k}", "", (100, 100), b, row) for k, (b, row) in enumerate(zip(boxes, labels, strict=True))]


def balance(*words: object) -> int:
    return run(datatools, ["balance", *map(str, words)])


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_file_says_what_a_hand_count_says(tmp_path: Path) -> None:
    rows = pictures([0, 0, 0], [1, 0])
    wanted = Wanted(parse_target("max-ratio=1.5"), max_repeat=9, seed=4)
    assert plan_text(make_plan(rows, ("a", "b"), np.random.default_rng(4), wanted), rows) == (
        '{\n  "classes": ["a", "b"],\n  "target": "max-ratio=1.5",\n  "recipes": ["whole", "erase", "synthetic"],\n'
        '  "unwanted": "erase",\n  "drop_majority": false,\n  "max_repeat": 9,\n  "solver": "auto",\n'
        '  "prefer": "even",\n  "seed": 4,\n  "proved": true,\n  "reach": 3,\n  "after": {"a": 4, "b": 3},\n'
        '  "pictures": {\n    "p0": [1, 1, 1],\n    "p1": [3, 1]\n  },\n  "copies": {}\n}\n'
    )


rows_of = st.lists(st.lists(st.integers(0, 1), max_size=5), max_size=6)


@settings(deadline=None)
@given(rows_of, rows_of, st.sampled_from(["equal", "{a: 5, b: 9}", "4"]), st.integers(0, 9))
def test_what_is_written_is_read_again(photographs: list, made: list, text: str, seed: int) -> None:
    import tempfile

    rows = pictures([0, 1], *photographs, *made)
    flags = [False] * (1 + len(photographs)) + [True] * len(made)
    plan = make_plan(rows, ("a", "b"), np.random.default_rng(seed), Wanted(parse_target(text), seed=seed), flags)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        path.write_text(plan_text(plan, rows), encoding="utf-8")
        again = read_plan(path, rows, ("a", "b"), flags)
    assert (again.classes, again.wanted, again.bound, again.proved) == (plan.classes, plan.wanted, plan.bound, True)
    for one, other in zip(plan.appearances, again.appearances, strict=True):
        assert one.tolist() == other.tolist()
    for name in ("after", "before", "counts", "repeats", "invented"):
        assert getattr(again, name).tolist() == getattr(plan, name).tolist()


def test_a_plan_from_a_file_ends_in_the_bytes_of_the_direct_run(divided: Path, tmp_path: Path, capsys) -> None:
    plan = tmp_path / "deep" / "plan.json"
    said = ("--target", "max-ratio=1.5", "--seed", 5, "--quiet")
    assert balance(divided, "--out", tmp_path / "direct", *said, "--save-plan", plan) == 0
    assert balance(divided, "--out", tmp_path / "planned", "--plan", plan, "--quiet") == 0
    assert files(tmp_path / "direct") == files(tmp_path / "planned")
    first = plan.read_bytes()
    dry = (divided, "--out", tmp_path / "dry", "--dry-run", *said, "--save-plan", plan)
    assert balance(*dry) == 1
    remedy = "pass --overwrite, or choose another --save-plan"
    assert capsys.readouterr().err == f"error: {plan}: is already there; {remedy}\n"
    assert balance(*dry, "--overwrite") == 0
    assert plan.read_bytes() == first and not (tmp_path / "dry").exists()


def test_a_plan_changed_by_hand_is_run_as_it_stands(divided: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "plan.json"
    assert balance(divided, "--dry-run", "--quiet", "--save-plan", path) == 0
    plan = json.loads(path.read_text())
    assert plan["pictures"]["train/d"] == [3]
    plan["pictures"]["train/d"], plan["after"]["some"], plan["proved"] = [2], 5, False
    path.write_text(json.dumps(plan))
    assert balance(divided, "--out", tmp_path / "b", "--plan", path) == 0
    assert "counts will be 1 apart, the least found in time; " in capsys.readouterr().out
    assert formats.read(tmp_path / "b").dataset.counts("train").tolist() == [6, 5, 6]


def changed(key: str, value: object) -> Callable[[dict], object]:
    return lambda plan: plan.__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("classes", ["few", "many"]), 'classes is ["few", "many"], expected ["many", "some", "few"]; make'),
        (changed("target", "most"), "target: 'most', expected equal, not-majority, median, max-ratio=2.0"),
        (changed("target", 7), "target is 7, expected equal, not-majority"),
        (
            changed("recipes", ["shrink"]),
            'recipes is ["shrink"], expected a list of some of whole, crop, erase, paste',
        ),
        (changed("recipes", []), "recipes is [], expected a list of some of whole"),
        (changed("solver", "simplex"), 'solver is "simplex", expected auto or waterfill or milp'),
        (changed("prefer", 1), "prefer is 1, expected even or few"),
        (changed("drop_majority", 0), "drop_majority is 0, expected true or false"),
        (changed("reach", "x"), 'reach is "x", expected a whole number from 0'),
        (changed("unwanted", "blur"), 'unwanted is "blur", expected erase or ignore'),
        (changed("seed", -1), "seed is -1, expected a whole number from 0"),
        (changed("max_repeat", True), "max_repeat is true, expected a whole number from 0"),
        (changed("max_repeat", 2), "pictures: train/a is [1, 1, 3], expected a list of whole numbers from 1 to 2; "),
        (changed("proved", 1), "proved is 1, expected true or false"),
        (changed("after", {"many": 6}), 'after is {"many": 6}, expected {"many": 6, "some": 6, "few": 6}, as its pic'),
        (changed("pictures", []), "pictures is [], expected an object: id -> appearances"),
        (changed("boxes", 3), "has 'boxes', expected an object with classes, target, recipes"),
        (lambda plan: plan.pop("seed"), "has no 'seed', expected an object with classes, target, recipes"),
        (lambda plan: plan["pictures"].pop("train/d"), "has no picture train/d, expected the 5 training pictures of"),
        (lambda plan: plan["pictures"].update(zz=[1]), "has a picture zz, expected the 5 training pictures of the spl"),
        (lambda plan: plan["pictures"].update({"train/d": [3, 3]}), "pictures: train/d has 2 boxes, expected 1, as in"),
        (lambda plan: plan["pictures"].update({"train/d": [0]}), "pictures: train/d is [0], expected a list of whole"),
        (lambda plan: plan["pictures"].update({"train/d": [1.5]}), "pictures: train/d is [1.5], expected a list of"),
        (lambda plan: plan["pictures"].update({"train/d": 3}), "pictures: train/d is 3, expected a list of whole num"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_one_line(
    divided: Path, tmp_path: Path, capsys, change: Callable, said: str
) -> None:
    path = tmp_path / "plan.json"
    assert balance(divided, "--dry-run", "--quiet", "--save-plan", path) == 0
    plan = json.loads(path.read_text())
    change(plan)
    path.write_text(json.dumps(plan))
    assert balance(divided, "--out", tmp_path / "b", "--plan", path) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"error: {path}: {said}")
    assert not (tmp_path / "b").exists()


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """One photograph with two boxes of `many` and one of `few`, which has a window of its own: x from 100."""
    root = tmp_path / "wide"
    for kind in ("images", "labels"):
        (root / kind / "train").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    (root / "images/train/a.jpg").write_bytes(encode(pixels, ".jpg"))
    lines = ["0 0.19833333 0.6 0.26333333 0.4", "0 0.16666667 0.1 0.1 0.1", "1 0.56666667 0.6 0.13333333 0.2"]
    (root / "labels/train/a.txt").write_text("\n".join(lines) + "\n")
    (root / "data.yaml").write_text("train: images/train\nnames: [many, few]\n")
    return root


def test_windows_are_in_the_file_and_the_run_from_it_ends_in_the_same_bytes(wide: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    said = ("--target", "few=4", "--recipes", "whole,crop,erase", "--unwanted", "ignore", "--quiet")
    assert balance(wide, "--out", tmp_path / "direct", *said, "--save-plan", plan) == 0
    assert balance(wide, "--out", tmp_path / "planned", "--plan", plan, "--quiet") == 0
    assert files(tmp_path / "direct") == files(tmp_path / "planned")
    said = json.loads(plan.read_text())
    assert said["pictures"] == {"train/a": [1, 1, 4]} and said["unwanted"] == "ignore"
    assert said["copies"] == {"train/a": [[3, [2], [100, 0, 300, 200]]]}


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        ([], "copies is [], expected an object: id -> copies"),
        ({"zz": []}, "copies has a picture zz, expected training pictures of the split"),
        ({"train/a": []}, "copies: train/a come to [1, 1, 1], expected [1, 1, 4], as under pictures"),
        ({"train/a": [[3, [2]]]}, "copies: train/a is [[3, [2]]], expected a list of"),
        ({"train/a": [[2, [2], None]]}, "copies: train/a come to [1, 1, 3], expected [1, 1, 4], as under pictures"),
        ({"train/a": [[0, [2], None]]}, "copies: train/a: how many is 0, expected a whole number from 1"),
        ({"train/a": [[3, [3], None]]}, "copies: train/a: boxes is [3], expected some of 0 to 2, at least one"),
        ({"train/a": [[3, [], None]]}, "copies: train/a: boxes is [], expected some of 0 to 2"),
        ({"train/a": [[3, [2, 2], None]]}, "copies: train/a: boxes is [2, 2], expected some of 0 to 2"),
        ({"train/a": [[3, [2], [0, 0, 301, 9]]]}, "copies: train/a: window is [0, 0, 301, 9], expected four whole num"),
        ({"train/a": [[3, [2], [0, 0, 10.5, 9]]]}, "copies: train/a: window is [0, 0, 10.5, 9], expected four whole"),
        ({"train/a": [[3, [2], [150, 90, 200, 200]]]}, "copies: train/a: window is [150, 90, 200, 200], expected at l"),
        ({"train/a": [[3, [2], [60, 0, 300, 200]]]}, "copies: train/a: window is [60, 0, 300, 200], expected one with"),
        ({"train/a": [[3, [2], [160, 0, 300, 200]]]}, "copies: train/a: window is [160, 0, 300, 200], expected one wi"),
    ],
)
def test_copies_that_do_not_fit_are_refused(wide: Path, tmp_path: Path, capsys, copies: object, said: str) -> None:
    path = tmp_path / "plan.json"
    words = ("--target", "few=4", "--recipes", "whole,crop,erase", "--dry-run", "--quiet", "--save-plan", path)
    assert balance(wide, *words) == 0
    path.write_text(json.dumps(json.loads(path.read_text()) | {"copies": copies}))
    assert balance(wide, "--out", tmp_path / "b", "--plan", path) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"error: {path}: {said}")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no plain JSON (Expecting property name"),
        ('{"seed": 1, "seed": 2}', "no plain JSON ('seed' is there twice), expected a plan"),
        ("[" * 100_000, "no plain JSON (maximum recursion depth"),
        ("3", "is 3, expected an object with classes"),
        ("\udcff", "no plain JSON ('utf-8' codec can't decode byte 0xff"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(os.fsencode(text))
    with pytest.raises(PlanError) as error:
        read_plan(path, pictures([0]), ("a",))
    assert str(error.value).startswith(f"{path}: {said}")


def test_a_missing_plan_is_named_and_one_beside_its_own_options_is_wrong_usage(tmp_path: Path, capsys) -> None:
    with pytest.raises(PlanError) as error:
        read_plan(tmp_path / "none.json", [], ())
    assert str(error.value) == f"{tmp_path}/none.json: cannot be read (No such file or directory); correct --plan"
    for option, value in (("--target", "equal"), ("--recipes", "whole"), ("--max-repeat", 3), ("--seed", 0)):
        assert balance("x", "--plan", tmp_path / "plan.json", option, value) == 2
        assert f"--plan brings its own {option}: leave one of them out" in capsys.readouterr().err
