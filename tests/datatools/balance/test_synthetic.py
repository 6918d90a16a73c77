"""Synthetic pictures come in as far as they are needed; photographs always stay, and set the target."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools import formats
from datatools.balance.planning.figures import plan_figures
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Plan, Wanted
from datatools.balance.planning.target import parse_target
from datatools.balance.planning.waterfill import waterfill
from datatools.cli import datatools
from datatools.core import Annotation
from datatools.exits import run
from datatools.images import encode


def pictures(*labels: list[int]) -> list[Annotation]:
    boxes = [[[10 * k, 0, 10 * k + 10, 10] for k in range(len(row))] for row in labels]
    return [Annotation(f"p{k}", "", (100, 100), b, row) for k, (b, row) in enumerate(zip(boxes, labels, strict=True))]


def plan_of(photographs: list[list[int]], made: list[list[int]], wanted: Wanted | None = None, seed: int = 0) -> Plan:
    flags = [False] * len(photographs) + [True] * len(made)
    rng = np.random.default_rng(seed)
    return make_plan(pictures(*photographs, *made), ("many", "few"), rng, wanted or Wanted(), flags)


def test_the_target_is_counted_on_photographs_and_synthetic_boxes_share_the_repetition() -> None:
    plan = plan_of([[0] * 6, [1]], [[0, 1], [0, 1]])
    assert plan.before.tolist() == [6, 1] and plan.after.tolist() == [6, 6]
    assert [r.tolist() for r in plan.appearances] == [[1] * 6, [2], [0, 2], [0, 2]] and plan.bound == 2


def test_without_the_recipe_no_synthetic_picture_comes_in() -> None:
    plan = plan_of([[0] * 6, [1]], [[0, 1], [1]], Wanted(recipes=("whole", "erase")))
    assert plan.repeats.tolist() == [1, 6, 0, 0] and plan.after.tolist() == [6, 6]


def test_only_as_many_synthetic_pictures_come_in_as_are_lacking_those_that_need_no_erasing_first() -> None:
    plan = plan_of([[0] * 4, [1]], [[0, 1], [1], [0, 0], [0, 1], [1, 1], []])
    assert plan.after.tolist() == [4, 4]
    assert [r.tolist() for r in plan.appearances[2:]] == [[0, 0], [1], [0, 0], [0, 0], [1, 1], []]
    assert plan.repeats.tolist() == [1, 1, 0, 1, 0, 0, 1, 0]


def test_photographs_get_the_higher_number_first() -> None:
    plan = plan_of([[0] * 10, [1], [1]], [[1], [1]])
    assert [r.tolist() for r in plan.appearances[1:]] == [[3], [3], [2], [2]]


def test_a_class_that_only_synthetic_pictures_hold_can_be_filled() -> None:
    plan = plan_of([[0] * 4], [[1], [0, 1]])
    assert plan.before.tolist() == [4, 0] and plan.after.tolist() == [4, 4]
    assert [r.tolist() for r in plan.appearances[1:]] == [[2], [0, 2]]


def test_a_set_without_photographs_is_balanced_as_if_it_held_nothing_else() -> None:
    plan = plan_of([[]], [[0, 0, 0], [1]])
    assert plan.after.tolist() == [3, 3] and plan.repeats.tolist() == [1, 1, 3]


def test_whole_pictures_may_leave_synthetic_ones_out() -> None:
    # photographs (3, 1): equality needs two more of `few`, as the made (0, 1) twice, or as two of them once
    plan = plan_of([[0, 0, 0, 1]], [[1], [1], [0, 0]], Wanted(recipes=("whole", "synthetic")))
    assert plan.repeats.tolist() == [1, 1, 1, 0] and plan.after.tolist() == [3, 3] and plan.missed == 0


def test_figures_count_the_boxes_that_appear_and_what_is_erased_from_the_pictures_themselves() -> None:
    rows = ([[0] * 4, [1]], [[0, 1], [1]])
    plan = plan_of(*rows)
    figures = plan_figures(plan, pictures(*rows[0], *rows[1]))
    assert figures.distinct == (4, 3) and figures.invented == (0, 2) and figures.max_repeat == (1, 2)
    # boxes of 1 % of the picture: `many` goes from the made picture; the copy of the photograph erases nothing
    assert plan.copies == 1 and figures.unwanted_share == pytest.approx(0.01 / 2) and figures.untouched == 0.5


rows_of = st.lists(st.lists(st.integers(0, 2), max_size=5), max_size=8)


@settings(deadline=None)
@given(rows_of, rows_of, st.sampled_from(["equal", "median", "max-ratio=2", "17", "c1=9"]), st.integers(0, 5))
def test_the_target_is_met_and_the_largest_repetition_is_the_bound(
    photographs: list[list[int]], made: list[list[int]], text: str, seed: int
) -> None:
    rows = [[0, 1, 2], *photographs, *made]
    flags = [False] * (1 + len(photographs)) + [True] * len(made)
    annotations = pictures(*rows)
    wanted = Wanted(parse_target(text))
    plan = make_plan(annotations, ("c0", "c1", "c2"), np.random.default_rng(seed), wanted, flags)
    assert plan.after.tolist() == plan.counts.tolist()
    real = plan.appearances[: 1 + len(photographs)]
    invented = plan.appearances[1 + len(photographs) :]
    assert all((r >= 1).all() for r in real) and all((r >= 0).all() for r in invented)
    stock = np.bincount(np.concatenate([a.labels for a in annotations]), minlength=3)
    least = max(-(-int(t) // int(n)) for t, n in zip(plan.counts, stock, strict=True))
    assert max(int(r.max()) for r in plan.appearances if len(r)) == plan.bound == least
    for k in range(3):
        shown = [r[np.array(row) == k] for r, row in zip(plan.appearances, rows, strict=True) if k in row]
        photographed = np.concatenate([r for r, row in zip(real, rows, strict=False) for r in [r[np.array(row) == k]]])
        assert max(int(r.max()) for r in shown) == photographed.max(), "no synthetic box appears more often"
    for r, repeats in zip(invented, plan.repeats[1 + len(photographs) :].tolist(), strict=True):
        assert repeats == r.max(initial=0)


@pytest.fixture
def overlaid(divided: Path) -> Path:
    """The divided set, 6 : 2 : 1 in train, with d a photograph, c (three `many`) and b (`many`, `few`) synthetic."""
    entries = []
    for picture in sorted((divided / "images").rglob("*.jpg")):
        split, name = picture.parent.name, picture.stem
        made = {"recipe": "synthetic", "faces": [{"box": 0}], "sources": ["train/a"]}
        said = made if name in ("b", "c") else {"recipe": "copy", "sources": [f"{split}/{name}"]}
        entries.append({"image": f"images/{split}/{name}.jpg", "split": split, **said})
    (divided / "manifest.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))
    return divided


def balanced(source: Path, out: Path, *words: object) -> dict[str, dict]:
    assert run(datatools, ["balance", str(source), "--out", str(out), "--quiet", *map(str, words)]) == 0
    entries = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len({e["image"] for e in entries}) == len(entries)
    return {e["image"]: e for e in entries}


def test_a_synthetic_picture_loses_what_is_not_needed_and_keeps_its_mark(overlaid: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    lines = balanced(overlaid, out)  # photographs a and d: 2, 2, 0; so T = 2, and b's one `few` twice
    assert formats.read(out).dataset.counts("train").tolist() == [2, 2, 2]
    said = {"image": "images/train/b.jpg", "split": "train", "sources": ["train/a"], "recipe": "synthetic"}
    assert lines["images/train/b.jpg"] == said | {"faces": [{"box": 0}], "erased": [0]}
    assert "images/train/c.jpg" not in lines and not (out / "images/train/c.jpg").exists()
    assert not (out / "labels/train/c.txt").exists() and "c.jpg" not in (out / "train.txt").read_text()
    copies = [e for e in lines.values() if e["recipe"] == "augment"]
    assert [(e["image"], e["erased"]) for e in copies] == [("images/train/b__b001.jpg", [0])]
    label = (out / "labels/train/b.txt").read_text().split()
    assert label[0] == "2" and len(label) == 5
    pixels = cv2.imread(str(out / "images/train/b.jpg"))[..., ::-1].astype(int)
    assert pixels.shape == (64, 96, 3)
    assert (pixels[8:22, 8:22, 0] - pixels[8:22, 8:22, 2]).mean() < 30, "the box that is not needed is gone"
    assert (pixels[25:45, 55:75, 2] - pixels[25:45, 55:75, 0]).mean() > 100, "the one that is needed is there"
    for name in ("images/train/a.jpg", "images/train/d.jpg", "images/train/none.jpg", "images/val/v.jpg"):
        assert (out / name).read_bytes() == (overlaid / name).read_bytes()


def test_the_bytes_do_not_hang_on_the_workers_and_balancing_again_changes_nothing(
    overlaid: Path, tmp_path: Path
) -> None:
    one, two = (balanced(overlaid, tmp_path / name, "--workers", n) for name, n in (("one", 1), ("two", 2)))
    again = balanced(tmp_path / "one", tmp_path / "again")
    assert one == two == again
    for name in one:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_report_says_how_many_synthetic_pictures_come_in(overlaid: Path, tmp_path: Path, capsys) -> None:
    words = ["balance", str(overlaid), "--out", str(tmp_path / "b"), "--dry-run"]
    assert run(datatools, words) == 0
    said = capsys.readouterr().out
    assert "3 photographs + 1 of 2 synthetic pictures (1 partly erased) + 1 copies, about " in said
    assert "photographed  synthetic  after" in said
    assert run(datatools, [*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["synthetic_pictures"], said["synthetic_left_out"]) == (1, 1)
    assert said["before"] == {"many": 2, "some": 2, "few": 0} and said["synthetic"] == {"many": 0, "some": 0, "few": 1}


def test_a_hundred_thousand_pictures_of_eighty_classes_are_planned_in_seconds() -> None:
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 81) ** 1.5
    labels = [rng.choice(80, size=n, p=share / share.sum()) for n in rng.integers(0, 12, 100_000)]
    made = rng.random(len(labels)) < 0.2
    photographed = np.bincount(np.concatenate([r for r, m in zip(labels, made, strict=True) if not m]), minlength=80)
    start = time.process_time()
    appearances = waterfill(labels, made, np.full(80, photographed.max()), rng)
    assert time.process_time() - start < 10  # half a second on a free core
    after = np.bincount(np.concatenate(labels), np.concatenate(appearances), 80)
    assert set(after.tolist()) == {photographed.max()}


def test_a_stopped_run_goes_on_to_the_same_bytes_where_synthetic_pictures_are_erased(
    overlaid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode_and_stop(*args: object, **named: object) -> bytes:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(1)
        return encode(*args, **named)

    words = ["balance", str(overlaid), "--workers", "1", "--quiet", "--target", "4", "--out"]
    stopped: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("datatools.balance.pixels.copies.encode", encode_and_stop)
        assert run(datatools, [*words, str(tmp_path / "b")]) != 0
    assert (tmp_path / "b.partial").is_dir() and not (tmp_path / "b").exists()
    for name in ("b", "straight"):
        assert run(datatools, [*words, str(tmp_path / name)]) == 0
    one, other = (
        {p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.*") if p.is_file()} for n in ("b", "straight")
    )
    assert (
        one == other and "b.jpg" in one and formats.read(tmp_path / "b").dataset.counts("train").tolist() == [4, 4, 4]
    )


def test_the_cost_is_said_before_the_run_and_grows_with_the_copies(overlaid: Path, tmp_path: Path, capsys) -> None:
    assert run(datatools, ["balance", str(overlaid), "--out", str(tmp_path / "b"), "--target", "100"]) == 0
    ended = capsys.readouterr()
    first = ended.err.splitlines()[0]
    assert first.startswith(f"{overlaid} -> {tmp_path / 'b'}: 3 photographs + 2 of 2 synthetic pictures")
    assert first.endswith(" s") and first.split(": ", 1)[1] in ended.out
