"""Pictures that look the same, by the distance of their difference hashes.

Two hashes of 256 bits within `MAX_DISTANCE` bits agree exactly in at least one of MAX_DISTANCE + 1 slices (pigeonhole),
so only pictures that share a slice are compared: no pair is missed, and 100,000 pictures need no 5e9 comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from datatools.images import HASH_BITS

MAX_DISTANCE = 11
_BLOCK = 512


def near_duplicates(hashes: NDArray, max_distance: int = MAX_DISTANCE) -> NDArray:
    """Pairs of rows whose hashes differ in at most `max_distance` bits.

    hashes: (N, 32) uint8.  Returns (P, 2) int, first < second, sorted.
    """
    unique, inverse = np.unique(hashes, axis=0, return_inverse=True)
    close = _close_pairs(unique, max_distance)
    members: list[list[int]] = [[] for _ in range(len(unique))]
    for row, k in enumerate(inverse.reshape(-1)):
        members[k].append(row)
    pairs = {(a, b) for rows in members for n, a in enumerate(rows) for b in rows[n + 1 :]}
    pairs |= {(min(a, b), max(a, b)) for i, j in close for a in members[i] for b in members[j]}
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _close_pairs(hashes: NDArray, max_distance: int) -> set[tuple[int, int]]:
    """Pairs of different rows within the distance."""
    bits = np.unpackbits(hashes, axis=1)
    pairs: set[tuple[int, int]] = set()
    for columns in np.array_split(np.arange(HASH_BITS), max_distance + 1):
        slices = np.packbits(bits[:, columns], axis=1)
        _, bucket = np.unique(slices, axis=0, return_inverse=True)
        order = np.argsort(bucket.reshape(-1), kind="stable")
        edges = np.flatnonzero(np.diff(bucket.reshape(-1)[order])) + 1
        for rows in np.split(order, edges):
            if len(rows) > 1:
                pairs.update(_within(hashes, np.sort(rows), max_distance))
    return pairs


def _within(hashes: NDArray, rows: NDArray, max_distance: int) -> list[tuple[int, int]]:
    found = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        different = np.unpackbits(hashes[block, None] ^ hashes[None, rows], axis=2).sum(axis=2, dtype=np.int64)
        a, b = np.nonzero(different <= max_distance)
        found += [(int(block[i]), int(rows[j])) for i, j in zip(a, b, strict=True) if block[i] < rows[j]]
    return found


def groups_of(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """id -> id of the first member of its group; pictures joined by a chain of pairs are one group."""
    rank = {name: k for k, name in enumerate(ids)}
    parent = {name: name for name in rank}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in pairs:
        first, second = sorted((root(a), root(b)), key=rank.__getitem__)
        parent[second] = first
    return {name: root(name) for name in rank}


def duplicate_pairs(hashes: Mapping[str, NDArray]) -> list[tuple[str, str]]:
    """Pairs of ids that look the same, in order.  hashes: id -> (32,) uint8."""
    ids = list(hashes)
    if len(ids) < 2:
        return []
    return [(ids[a], ids[b]) for a, b in near_duplicates(np.stack([hashes[i] for i in ids])).tolist()]
