"""Divide pictures into train, val and test: kin and near-duplicates together, each class in its share.

Stratification with several labels a picture, after the aim of Sechidis, Tsoumakas and Vlahavas, "On the
Stratification of Multi-label Data" (ECML 2011), with boxes as labels and pictures as one label more: groups are dealt
out from the weightiest to the lightest, each to the side where it lowers the squared error most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datatools.core import SPLITS, Dataset
from datatools.duplicates import duplicate_pairs, groups_of
from datatools.errors import LayoutError
from datatools.images import SUFFIXES
from datatools.provenance import Provenance
from datatools.tree import KIND_FOLDERS, composed, lines_of


def parse_shares(text: str) -> tuple[float, ...]:
    """`0.8,0.1,0.1` -> shares of train, val and test.  Raises ValueError unless they sum to 1."""
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if not 1 <= len(shares) <= 3 or any(s < 0 for s in shares) or not abs(sum(shares) - 1) < 1e-6 or shares[0] == 0:
        raise ValueError(f"{text!r} is no split: one to three shares of train,val,test that sum to 1")
    return shares


def stratified_split(
    dataset: Dataset, shares: Sequence[float], groups: Mapping[str, str], rng: np.random.Generator
) -> Dataset:
    """The same pictures with train, val or test beside each.

    groups: id -> group; the members of a group stay together.  rng decides only between equals.
    A class of very few pictures may be absent from a small side: count it afterwards.
    """
    names = [groups.get(a.id, a.id) for a in dataset.annotations]
    order = {name: k for k, name in enumerate(dict.fromkeys(names))}
    counts = np.zeros((len(order), len(dataset.classes) + 1), dtype=np.int64)  # the last column counts pictures
    for name, annotation in zip(names, dataset.annotations, strict=True):
        np.add.at(counts[order[name]], annotation.labels, 1)
        counts[order[name], -1] += 1
    sides = _assign(counts, np.asarray(shares, dtype=np.float64), rng)
    return dataset.with_splits([SPLITS[sides[order[name]]] for name in names])


Division = tuple[Dataset, dict[str, str], tuple[str, ...]]


def divide(
    dataset: Dataset,
    shares: Sequence[float],
    hashes: Mapping[str, NDArray],
    known: Provenance,
    rng: np.random.Generator,
) -> Division:
    """(divided set, id -> group, ids left out): near-duplicates and pictures with a common source on one side.

    hashes: id -> difference hash.  Photographs are dealt out by the shares.  Made pictures, which do not count towards
    them, follow their group, but only to train: where the group lands elsewhere, they are left out.  One that no
    photograph is kin to goes to train.
    """
    ids = [a.id for a in dataset.annotations]
    groups = groups_of(ids, [*duplicate_pairs(hashes), *known.pairs(ids)])
    photographs = Dataset(dataset.classes, tuple(a for a in dataset.annotations if not known.is_made(a.id)))
    dealt = stratified_split(photographs, shares, groups, rng)
    side = {groups[a.id]: split for a, split in zip(dealt.annotations, dealt.splits, strict=True)}
    pairs = [(a, side.get(groups[a.id], "train")) for a in dataset.annotations]
    kept = [(a, split) for a, split in pairs if split == "train" or not known.is_made(a.id)]
    divided = Dataset(dataset.classes, tuple(a for a, _ in kept), tuple(split for _, split in kept))
    left = tuple(a.id for a, split in pairs if split != "train" and known.is_made(a.id))
    return divided, {a.id: groups[a.id] for a, _ in kept}, left


def _assign(counts: NDArray, shares: NDArray, rng: np.random.Generator) -> NDArray:
    """Side of each group, (G,) int.  counts: (G, C + 1) boxes a class, then pictures."""
    total = counts.sum(axis=0)
    part = counts / np.maximum(total, 1)  # each group's part of each class: every class weighs the same
    shuffled = rng.permutation(len(counts))
    order = shuffled[np.argsort(-part[shuffled].sum(axis=1), kind="stable")]
    open_sides = np.flatnonzero(shares > 0)
    lacking = np.repeat(shares[open_sides, None], counts.shape[1], axis=1) * (total > 0)
    weight = 1 / shares[open_sides]
    side = np.zeros(len(counts), dtype=np.int64)
    for group in order:
        # the squared error of side s changes by p² − 2·p·lacking, for a part p; small sides weigh more
        change = ((part[group] - 2 * lacking) * part[group]).sum(axis=1) * weight
        best = int(change.argmin())
        side[group] = open_sides[best]
        lacking[best] -= part[group]
    return side


def read_lists(paths: Sequence[Path]) -> dict[str, list[str]]:
    """split -> lines of its list; a list is named after its split.  Raises LayoutError for any other name."""
    lists: dict[str, list[str]] = {}
    for path in paths:
        split = {"valid": "val"}.get(path.stem, path.stem)
        if split not in SPLITS:
            raise LayoutError(path, "a list of no split", "train.txt, val.txt or test.txt", "rename it")
        lists.setdefault(split, []).extend(lines_of(path))
    return lists


def split_by_lists(dataset: Dataset, lists: Mapping[str, Sequence[str]]) -> tuple[Dataset, tuple[str, ...]]:
    """The pictures that published lists name, with their split; and the ids that no list names.

    lists: split -> lines of its list: stems, file names or paths, of which the longest ending that fits counts.
    Raises LayoutError where a line names no picture, or a picture is in two lists.
    """
    known = _by_ending([a.id for a in dataset.annotations])
    side: dict[str, str] = {}
    for split, lines in lists.items():
        for k, line in enumerate(map(str.strip, lines), 1):
            if not line:
                continue
            where = f"{split} list, line {k}"
            name = _named(known, line, where)
            if side.setdefault(name, split) != split:
                raise LayoutError(where, f"{name} is also in {side[name]}", "each picture once", "delete one line")
    chosen = [a for a in dataset.annotations if a.id in side]
    left = tuple(a.id for a in dataset.annotations if a.id not in side)
    return Dataset(dataset.classes, tuple(chosen), tuple(side[a.id] for a in chosen)), left


def _by_ending(ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids that end in each name or path; a whole id is itself alone."""
    known: dict[str, list[str]] = {}
    for name in ids:
        for ending in _endings(name):
            known.setdefault(ending, []).append(name)
    return known | {name: [name] for name in ids}


def _named(known: Mapping[str, Sequence[str]], line: str, where: str) -> str:
    found = next((known[e] for e in reversed(_endings(_stem(line))) if e in known), ())
    if not found:
        raise LayoutError(where, f"{line!r}", "a picture of the set", "correct the list")
    if len(found) > 1:
        raise LayoutError(where, f"{line!r} may be {' or '.join(found[:3])}", "one picture", "write its folder too")
    return found[0]


def _stem(line: str) -> str:
    name = composed(line).replace("\\", "/")
    head, _, suffix = name.rpartition(".")
    return head if head and f".{suffix.lower()}" in SUFFIXES | {".xml", ".txt"} else name


def _endings(name: str) -> list[str]:
    *folders, last = [p for p in name.split("/") if p not in ("", ".", "..")] or [""]
    parts = [*(f for f in folders if f.lower() not in KIND_FOLDERS), last]
    return ["/".join(parts[k:]) for k in range(len(parts) - 1, -1, -1)]
