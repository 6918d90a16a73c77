"""Claims about the public photographs, counted by others: see README.md beside them."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from datatools import formats
from datatools.duplicates import MAX_DISTANCE, duplicate_pairs

pytestmark = pytest.mark.realdata


def test_the_753_photographs_hold_what_was_published(cli, shared_data):
    said = json.loads(cli("stats", shared_data / "data/face-mask-detection", "--json").out)
    assert said["total"]["images"] == 753 and said["total"]["negatives"] == 0
    assert said["total"]["boxes"] == {"mask_weared_incorrect": 109, "with_mask": 2829, "without_mask": 659}
    sizes = {name: round(size["median"]) for name, size in said["total"]["box_side_px"].items()}
    assert sizes["with_mask"] in range(20, 27) and sizes["without_mask"] in range(15, 22)


def test_check_reports_what_is_wrong_with_them_and_nothing_else(cli, shared_data):
    ended = cli("check", shared_data / "data/face-mask-detection", "--json")
    assert ended.code == 0 and json.loads(ended.out)["counts"] == {"box-outside": 10, "near-duplicate": 11}


def test_six_of_the_twenty_original_files_have_a_box_outside(cli, shared_data):
    ended = cli("check", shared_data / "data/face-mask-detection-png", "--json")
    said = json.loads(ended.out)
    assert ended.code == 0 and said["images"] == 20 and set(said["counts"]) == {"box-outside"}
    assert len({p["file"] for p in said["problems"]}) == 6


def test_the_split_is_stratified_and_no_near_duplicate_straddles(cli, shared_data, tmp_path):
    source = shared_data / "data/face-mask-detection"
    assert cli("convert", source, "--link", "symlink", "--quiet").code == 0
    found = formats.read(tmp_path / "data/yolo", dhash=True, quiet=True)
    total = found.dataset.counts()
    assert total.tolist() == [109, 2829, 659] and not found.problems
    for split, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
        assert np.abs(found.dataset.counts(split) - total * share).max() <= 4
        assert abs(len(found.dataset.of_split(split)) - 753 * share) <= 2
    side = dict(zip((a.id for a in found.dataset.annotations), found.dataset.splits, strict=True))
    hashes = {i: m.dhash for i, m in found.measures.items()}
    pairs = duplicate_pairs(hashes)
    assert len(pairs) == 11 and all(side[a] == side[b] for a, b in pairs)
    bits = np.unpackbits(np.stack(list(hashes.values())), axis=1).astype(np.float32)
    distance = bits.sum(1)[:, None] + bits.sum(1) - 2 * bits @ bits.T
    near = {(i, j) for i, j in combinations(range(753), 2) if distance[i, j] <= MAX_DISTANCE}
    names = list(hashes)
    assert {(names[i], names[j]) for i, j in near} == set(pairs), "against every pair compared"


def test_the_repaired_copy_passes(cli, shared_data):
    source = shared_data / "data/face-mask-detection-png"
    assert cli("check", source, "--fix", "--out", "fixed", "--quiet").code == 0
    again = cli("check", "fixed", "--json")
    assert again.code == 0 and json.loads(again.out)["counts"] == {}
