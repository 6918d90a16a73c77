"""Boxes pasted into other copies: where, how large, never over another; what the manifest and the plan file say."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools import formats
from datatools.balance.pixels.paste import paste
from datatools.balance.planning.make import make_plan
from datatools.balance.planning.plan import Plan, Wanted
from datatools.cli import datatools
from datatools.core import Annotation
from datatools.errors import TargetError
from datatools.exits import run
from datatools.images import encode

PASTING = Wanted(recipes=("whole", "erase", "paste"))

box = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(20, 60), st.integers(0, 2))
some = st.lists(st.lists(box, max_size=6, unique_by=lambda b: b[:2]), min_size=2, max_size=6)


def pictures(rows: list) -> list[Annotation]:
    """400×300 px; boxes of 20..60 px on a grid of 100 px."""
    found = []
    for k, row in enumerate([*rows, [(0, 0, 30, 0), (1, 0, 30, 0)], [(0, 0, 40, 1)], [(1, 1, 25, 2), (2, 1, 30, 0)]]):
        xyxy = [[100 * x + 10, 100 * y + 10, 100 * x + 10 + side, 100 * y + 10 + side] for x, y, side, _ in row]
        found.append(Annotation(f"p{k}", "", (400, 300), xyxy, [label for *_, label in row]))
    return found


def planned(annotations: list[Annotation], wanted: Wanted, seed: int = 0) -> Plan:
    return make_plan(annotations, ("a", "b", "c"), np.random.default_rng(seed), wanted)


@pytest.mark.parametrize("recipes", [("whole", "erase", "paste"), ("whole", "crop", "erase", "paste")])
@settings(deadline=None, max_examples=30)
@given(some, st.integers(0, 3))
def test_pasting_moves_boxes_and_changes_no_count(recipes: tuple[str, ...], rows: list, seed: int) -> None:
    annotations = pictures(rows)
    plan = planned(annotations, Wanted(recipes=recipes), seed)
    plain = planned(annotations, Wanted(recipes=recipes[:-1]), seed)
    assert plan.missed == 0 and plan.copies <= plain.copies
    for one, other in zip(plan.appearances, plain.appearances, strict=True):
        assert one.tolist() == other.tolist(), "how often a box appears is decided before"
    shown = [np.ones(len(a), dtype=int) for a in annotations]
    for row, a in enumerate(annotations):
        for copy in plan.runs(row):
            shown[row] = shown[row] + copy.times * copy.kept
            x1, y1, x2, y2 = copy.window or (0, 0, *a.size_wh)
            assert len(copy.pasted) <= 3
            for k, one in enumerate(copy.pasted):
                shown[one.row][one.box] += copy.times
                assert one.row != row and copy.times == 1
                px1, py1, px2, py2 = one.place
                assert x1 <= px1 < px2 <= x2 and y1 <= py1 < py2 <= y2
                over = (np.minimum(a.xyxy[:, 2:], (px2, py2)) > np.maximum(a.xyxy[:, :2], (px1, py1))).all(axis=1)
                assert over.sum() == 1 and not copy.kept[over].any(), "it stands for one box that is not kept"
                scale = (px2 - px1) / np.ptp(annotations[one.row].xyxy[one.box, ::2])
                assert 0.35 <= scale <= 1.35
                assert all(one.place != other.place for other in copy.pasted[:k])
    assert [s.tolist() for s in shown] == [r.tolist() for r in plan.appearances]


def test_a_copy_goes_whose_box_finds_a_place() -> None:
    # b and c lack boxes; copies of the lone b may show it where a copy of the pair lost its a
    annotations = pictures([])
    plan = planned(annotations, PASTING)
    plain = planned(annotations, Wanted(recipes=("whole", "erase")))
    assert plain.repeats.tolist() == [1, 3, 3]
    assert plan.repeats.tolist() == [1, 2, 3]
    ((_, one),) = [(row, copy.pasted) for row in range(3) for copy in plan.runs(row) if copy.pasted]
    assert (one[0].row, one[0].box, one[0].place) == (1, 0, (210, 110, 240, 140))


def test_pasting_needs_erasing() -> None:
    with pytest.raises(TargetError) as error:
        planned(pictures([]), Wanted(recipes=("whole", "paste")))
    assert str(error.value) == (
        "--recipes whole,paste: paste without erase: nothing loses the place where it would be pasted; "
        "add erase, or leave paste out"
    )


def test_what_is_pasted_fills_its_place_and_fades_out_round_it(tmp_path: Path) -> None:
    source = np.full((100, 100, 3), 60, np.uint8)
    source[30:70, 30:70] = (220, 40, 40)
    (tmp_path / "a.png").write_bytes(encode(source, ".png"))
    host = np.full((80, 120, 3), 60, np.uint8)
    out = paste(host, str(tmp_path / "a.png"), np.array([30.0, 30, 70, 70]), (50, 30, 70, 50)).astype(int)
    red = out[..., 0] - out[..., 1]
    assert red[34:46, 54:66].min() > 150, "the middle of the place"
    assert red[30:50, 60].min() > 80 and (red[:, :45] == 0).all() and (red[:24] == 0).all(), "and not beyond its margin"
    assert (host == 60).all(), "the host's own pixels are not written to"


def test_a_place_at_the_border_is_pasted_as_far_as_the_picture_goes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(np.full((50, 50, 3), 200, np.uint8), ".png"))
    out = paste(np.zeros((40, 40, 3), np.uint8), str(tmp_path / "a.png"), np.array([1.0, 1, 49, 49]), (0, 20, 20, 40))
    assert out.shape == (40, 40, 3) and out[30, 10, 0] > 20 and out[5, 30, 0] == 0


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """The three pictures of `pictures([])`, on disk: a is grey, b green, c blue."""
    root = tmp_path / "set"
    colours = ((150, 150, 150), (40, 200, 40), (40, 40, 220))
    for annotation in pictures([]):
        pixels = np.full((300, 400, 3), 90, np.uint8)
        lines = []
        for label, (x1, y1, x2, y2) in zip(
            annotation.labels.tolist(), annotation.xyxy.astype(int).tolist(), strict=True
        ):
            pixels[y1:y2, x1:x2] = colours[label]
            lines.append(f"{label} {(x1 + x2) / 800} {(y1 + y2) / 600} {(x2 - x1) / 400} {(y2 - y1) / 300}\n")
        for kind, suffix, data in (
            ("images", "jpg", encode(pixels, ".jpg")),
            ("labels", "txt", "".join(lines).encode()),
        ):
            path = root / kind / "train" / f"{annotation.id}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    (root / "data.yaml").write_text("train: images/train\nnames: [a, b, c]\n")
    return root


def balance(*words: object) -> int:
    return run(datatools, ["balance", *map(str, words)])


def test_the_copy_shows_the_box_and_the_manifest_says_where_it_came_from(three: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.yaml"
    still.write_text("geometry: {}\ncolour: {}\n")
    words = ("--recipes", "whole,erase,paste", "--policy", still, "--format", "png", "--quiet")
    assert balance(three, "--out", tmp_path / "b", *words) == 0
    entries = [json.loads(line) for line in (tmp_path / "b" / "manifest.jsonl").read_text().splitlines()]
    (entry,) = [e for e in entries if "pasted" in e]
    assert entry["sources"] == ["train/p2", "train/p1"] and entry["recipe"] == "augment"
    assert entry["pasted"] == [{"source": "train/p1", "box": 0, "place": [210, 110, 240, 140]}]
    assert "erased" not in entry, "the box that it stands for is no region any more"
    pixels = cv2.imread(str(tmp_path / "b" / entry["image"]))[..., ::-1].astype(int)
    assert pixels[125, 225, 1] - pixels[125, 225, 0] > 100, "green, where a grey box stood"
    written = {a.id: a for a in formats.read(tmp_path / "b").dataset.annotations}
    made = written[entry["image"].removeprefix("images/").rsplit(".", 1)[0]]
    assert made.labels.tolist() == [2, 1] and np.allclose(made.xyxy[1], [210, 110, 240, 140], atol=1e-3)
    assert formats.read(tmp_path / "b").dataset.counts("train").tolist() == [3, 3, 3]


def test_a_plan_with_pastes_ends_in_the_same_bytes_with_any_workers(three: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    words = ("--recipes", "whole,erase,paste", "--unwanted", "ignore", "--quiet")
    assert balance(three, "--out", tmp_path / "one", *words, "--workers", 1, "--save-plan", plan) == 0
    assert balance(three, "--out", tmp_path / "two", "--plan", plan, "--workers", 2, "--quiet") == 0
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.*") if p.is_file()} for n in ("one", "two"))
    assert one == two
    assert json.loads(plan.read_text())["copies"]["train/p1"] == [[1, [0], None]]


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (
            0,
            "train/p2",
            'copies: train/p2: pasted is ["train/p2", 0, [210, 110, 240, 140]], expected [id of another tr',
        ),
        (0, "zz", 'copies: train/p2: pasted is ["zz", 0, [210, 110, 240, 140]], expected [id of another training pict'),
        (1, 1, "copies: train/p2: pasted box is 1, expected 0 to 0, as train/p1 has"),
        (
            2,
            [0, 0, 401, 9],
            "copies: train/p2: place is [0, 0, 401, 9], expected four whole numbers x1 y1 x2 y2 inside",
        ),
    ],
)
def test_a_paste_that_does_not_fit_is_refused(three: Path, tmp_path: Path, capsys, where, value, said: str) -> None:
    plan = tmp_path / "plan.json"
    words = ("--recipes", "whole,erase,paste", "--dry-run", "--quiet", "--save-plan", plan)
    assert balance(three, *words) == 0
    text = json.loads(plan.read_text())
    next(run for run in text["copies"]["train/p2"] if len(run) == 4)[3][0][where] = value
    plan.write_text(json.dumps(text))
    assert balance(three, "--out", tmp_path / "b", "--plan", plan) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"error: {plan}: {said}")


def test_a_paste_that_is_taken_out_of_a_plan_is_missed(three: Path, tmp_path: Path, capsys) -> None:
    plan = tmp_path / "plan.json"
    assert balance(three, "--recipes", "whole,erase,paste", "--dry-run", "--quiet", "--save-plan", plan) == 0
    text = json.loads(plan.read_text())
    text["copies"]["train/p2"] = [run[:3] for run in text["copies"]["train/p2"]]
    plan.write_text(json.dumps(text))
    assert balance(three, "--out", tmp_path / "b", "--plan", plan) == 1
    assert "copies: train/p1 come to [2], expected [3], as under pictures; correct it" in capsys.readouterr().err


def test_a_new_split_of_the_result_keeps_every_source_with_what_was_pasted(three: Path, tmp_path: Path) -> None:
    assert balance(three, "--out", tmp_path / "b", "--recipes", "whole,erase,paste", "--quiet") == 0
    words = ["convert", str(tmp_path / "b"), "--out", str(tmp_path / "c"), "--split", "0.6,0.4", "--quiet"]
    assert run(datatools, words) == 0
    dataset = formats.read(tmp_path / "c").dataset
    entries = [json.loads(line) for line in (tmp_path / "c" / "manifest.jsonl").read_text().splitlines()]
    side = dict(zip((a.id.split("/")[-1] for a in dataset.annotations), dataset.splits, strict=True))
    for entry in entries:
        if "pasted" in entry:
            assert entry["split"] == "train" and side["p1"] == side["p2"] == "train"
