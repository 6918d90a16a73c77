"""Claims about near-duplicates: no pair is missed and none invented, against every pair compared."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datatools.duplicates import MAX_DISTANCE, duplicate_pairs, groups_of, near_duplicates
from datatools.images import difference_hash, measure


def brute_force(hashes: np.ndarray, limit: int) -> list[list[int]]:
    bits = np.unpackbits(hashes, axis=1).astype(int)
    return [
        [i, j] for i in range(len(bits)) for j in range(i + 1, len(bits)) if np.abs(bits[i] - bits[j]).sum() <= limit
    ]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 40), limit=st.integers(0, 24))
def test_the_pairs_are_those_of_brute_force(seed, n, limit):
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 256, (4, 32), dtype=np.uint8)
    rows = []
    for _ in range(n):
        bits = np.unpackbits(bases[rng.integers(4)])
        bits[rng.choice(256, size=rng.integers(0, 16), replace=False)] ^= 1
        rows.append(np.packbits(bits))
    hashes = np.array(rows, dtype=np.uint8).reshape(-1, 32)
    assert near_duplicates(hashes, limit).tolist() == brute_force(hashes, limit)


def test_a_distance_at_the_limit_counts_and_one_above_does_not():
    zero = np.zeros(256, dtype=np.uint8)
    at, above = zero.copy(), zero.copy()
    at[np.arange(MAX_DISTANCE) * 23] = 1  # one in each slice but one
    above[np.arange(MAX_DISTANCE + 1) * 21] = 1
    hashes = {"zero": np.packbits(zero), "at": np.packbits(at), "above": np.packbits(above)}
    assert ("zero", "at") in duplicate_pairs(hashes) and ("zero", "above") not in duplicate_pairs(hashes)
    assert duplicate_pairs({}) == duplicate_pairs({"one": np.packbits(zero)}) == []


def test_chains_are_one_group_named_after_its_first():
    assert groups_of("abcdef", [("b", "d"), ("d", "e"), ("f", "a")]) == {
        "a": "a",
        "b": "b",
        "c": "c",
        "d": "b",
        "e": "b",
        "f": "a",
    }


def test_a_picture_resized_and_recompressed_is_a_near_duplicate_and_another_is_not(make, tmp_path):
    a = make.noise(tmp_path / "a.png", (160, 120), seed=1)
    b, c = tmp_path / "b.jpg", make.noise(tmp_path / "c.png", (160, 120), seed=2)
    Image.open(a).resize((320, 240)).save(b, quality=60)
    hashes = {p.name: measure(p, dhash=True).dhash for p in (a, b, c)}
    assert duplicate_pairs(hashes) == [("a.png", "b.jpg")]


def test_the_hash_is_that_of_the_upright_picture_in_any_mode(make, tmp_path):
    pixels = np.asarray(Image.open(make.noise(tmp_path / "a.png", (160, 120))).convert("L"))
    plain = difference_hash(Image.fromarray(pixels))
    deep = Image.fromarray(pixels.astype(np.uint16) * 257)
    assert np.unpackbits(difference_hash(deep) ^ plain).sum() <= 3, "16 bits are scaled, not cut"
    assert np.array_equal(difference_hash(Image.fromarray(pixels).convert("RGBA")), plain)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    assert np.unpackbits(measure(tmp_path / "turned.png", dhash=True).dhash ^ plain).sum() == 0
