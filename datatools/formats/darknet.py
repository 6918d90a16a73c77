"""Darknet's obj.data: `key = value` lines that name the list files and the class names.

Convention of the file: see `yolo`; train.txt and valid.txt list one picture a line, its label file is beside it or in
`labels/`.  Paths in lists are from the machine that wrote them: the file below this root whose path ends the same
way is meant.
Source: https://github.com/AlexeyAB/darknet#how-to-train-to-detect-your-custom-objects, step 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from datatools.errors import LayoutError
from datatools.formats import yolo
from datatools.formats.record import Match, Parsed
from datatools.formats.ultralytics import items_of, label_of, listed_pictures
from datatools.tree import Tree

NAME = "darknet"
TITLE = "YOLO with obj.data (Darknet)"
LISTS = {"train": "train", "valid": "val", "test": "test"}


def _data_file(tree: Tree) -> str | None:
    found = [f for f in tree.with_suffix(".data") if _keys(tree.root / f).get("train")]
    return min(found, key=lambda f: (f.count("/"), f)) if found else None


def recognises(tree: Tree) -> bool:
    return _data_file(tree) is not None


def _keys(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False) -> Parsed:
    """Every picture that the lists of obj.data name, with its split."""
    file = _data_file(tree)
    if file is None:
        raise LayoutError(
            tree.root, "no obj.data", "`train = train.txt` and `names = obj.names`", "choose another --from"
        )
    keys = _keys(tree.root / file)
    names = yolo.names_in(tree.root / _named(tree, keys, file, "names"))
    if keys.get("classes", str(len(names))) != str(len(names)):
        found = f"classes = {keys['classes']}, but {len(names)} names"
        raise LayoutError(tree.display(file), found, "the same number", "correct it")
    items, repeated = items_of(tree, _members(tree, keys, file), tree.display(file), _label)
    records = yolo.read_labels(items, names, workers=workers, quiet=quiet)
    return Parsed(tuple(records), names, lists_pictures=True, problems=(*repeated, *yolo.orphans(tree)))


def _members(tree: Tree, keys: dict[str, str], file: str) -> Iterator[tuple[str, Match]]:
    seen: set[str] = set()
    for key, split in LISTS.items():
        if key in keys and keys[key] not in seen:  # valid = train.txt is common, where there is no second list
            seen.add(keys[key])
            yield from ((split, match) for match in listed_pictures(tree, _named(tree, keys, file, key)))


def _named(tree: Tree, keys: dict[str, str], file: str, key: str) -> str:
    found = tree.find(keys.get(key, ""), near=str(PurePosixPath(file).parent))
    if not found:
        raise LayoutError(
            tree.display(file), f"{key} = {keys.get(key, '')!r}", "a file below this folder", "correct it"
        )
    return found[0]


def _label(tree: Tree, picture: str) -> str:
    beside = PurePosixPath(picture).with_suffix(".txt").as_posix()
    return tree.display(beside) if beside in tree.file_set else label_of(tree, picture)
