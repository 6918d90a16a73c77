"""data.yaml layouts: what Ultralytics trains on and Roboflow exports, and what this project writes.

Convention of the file: see `yolo`; data.yaml gives the names (a list, or a dict from 0) and, for each split, a folder
of pictures, a list of folders, or a txt list of pictures.  The label of `.../images/.../a.jpg` is
`.../labels/.../a.txt`; a picture without one is a negative.  Roboflow's `../train/images` means `train/images`.
Source: https://docs.ultralytics.com/datasets/detect/#ultralytics-yolo-format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import yaml

from datatools.errors import LayoutError
from datatools.formats import yolo
from datatools.formats.record import Match, Parsed, matched
from datatools.problems import Problem
from datatools.tree import Tree, lines_of

NAME = "ultralytics"
TITLE = "YOLO with data.yaml (Ultralytics, Roboflow)"
SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}


def _yaml_file(tree: Tree) -> str | None:
    found = [f for f in tree.with_suffix(".yaml", ".yml") if PurePosixPath(f).name in ("data.yaml", "data.yml")]
    if tree.only and tree.with_suffix(".yaml", ".yml"):
        found = [tree.only]
    return min(found, key=lambda f: (f.count("/"), f)) if found else None


def recognises(tree: Tree) -> bool:
    return _yaml_file(tree) is not None


def read_yaml(path: Path) -> dict:
    """The mapping in a data.yaml.  Raises LayoutError unless it is one, with names."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:80]
        raise LayoutError(path, f"no plain YAML ({said})", "train, val and names", "correct the file") from None
    if not isinstance(said, dict) or not isinstance(said.get("names"), list | dict):
        raise LayoutError(path, "no `names`", "a list of class names", "write names: [A, B, C]")
    return said


def names_of(said: dict, path: Path) -> tuple[str, ...]:
    """Class names by id.  Raises LayoutError where ids have gaps or `nc` disagrees."""
    names = said["names"]
    if isinstance(names, dict):
        if set(names) != set(range(len(names))):
            raise LayoutError(path, f"names has the ids {list(names)}", f"0 to {len(names) - 1}", "number them on")
        names = [names[k] for k in range(len(names))]
    if said.get("nc", len(names)) != len(names):
        remedy = "correct nc, or delete it"
        raise LayoutError(path, f"nc is {said['nc']}, but there are {len(names)} names", "the same number", remedy)
    for k, name in enumerate(names):
        if not isinstance(name, str | int) or not str(name).strip() or name in names[:k]:
            raise LayoutError(path, f"name {k} is {name!r}", "a different text for each class", "correct `names`")
    return tuple(str(n) for n in names)


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False) -> Parsed:
    """Every picture that data.yaml names, with its split."""
    file = _yaml_file(tree)
    if file is None:
        raise LayoutError(tree.root, "no data.yaml", "a YOLO layout", "choose another --from")
    path = tree.root / file
    said = read_yaml(path)
    names = names_of(said, path)
    members = _members(tree, said, str(path))
    items, repeated = items_of(tree, members, str(path), label_of)
    records = yolo.read_labels(items, names, workers=workers, quiet=quiet)
    return Parsed(tuple(records), names, lists_pictures=True, problems=(*repeated, *yolo.orphans(tree)))


def items_of(
    tree: Tree, members: Iterable[tuple[str, Match]], where: str, label: Callable[[Tree, str], str]
) -> tuple[list[yolo.Item], list[Problem]]:
    """Each picture once, with its label file and split; and a problem for each one that is named again.

    Raises LayoutError where a picture is in two splits.
    """
    items = []
    repeated = []
    taken: dict[str, str] = {}
    for split, match in members:
        picture = match.picture
        if picture in taken and taken[picture] == split:
            repeated.append(Problem("listed-twice", where, 0, f"{picture} is listed again in {split}", "list it once"))
            continue
        if picture and taken.setdefault(picture, split) != split:
            found = f"{picture} is in {taken[picture]} and in {split}"
            raise LayoutError(where, found, "each picture in one split", "take it out of one of them")
        items.append(yolo.Item(label(tree, picture) if picture else "", split, match))
    return items, repeated


def _members(tree: Tree, said: dict, where: str) -> Iterator[tuple[str, Match]]:
    """(split, picture) of everything that data.yaml names."""
    seen: list[object] = []
    for key, split in SPLIT_KEYS.items():
        places = said.get(key)
        if not places or places in seen:
            continue  # one folder named for two splits is one set of pictures, and the first of them has it
        seen.append(places)
        for place in places if isinstance(places, list) else [places]:
            yield from ((split, match) for match in _pictures(tree, str(place), where))
    if not seen:
        raise LayoutError(where, "names no split", "train: images/train", "add train, val or test")


def _pictures(tree: Tree, place: str, where: str) -> Iterator[Match]:
    if place.endswith(".txt"):
        found = tree.find(place)
        if not found:
            raise LayoutError(where, f"no list {place}", "a file below this folder", "correct or delete the path")
        yield from listed_pictures(tree, found[0])
        return
    folder = tree.find_folder(place)
    if folder is None:
        raise LayoutError(
            where, f"no folder {place} with files in it", "a folder below this one", "correct or delete the path"
        )
    yield from (Match(p) for p in tree.pictures if not folder or p.startswith(folder + "/"))


def listed_pictures(tree: Tree, list_file: str) -> Iterator[Match]:
    """The picture that each line of a train.txt means."""
    where = tree.display(list_file)
    for line, words in enumerate(lines_of(tree.root / list_file), 1):
        if words.strip():
            yield matched(tree.find_picture(words.strip(), list_file), where, line)


def label_of(tree: Tree, picture: str) -> str:
    """The picture's label file as the user would type it, "" where there is none."""
    parts = list(PurePosixPath(picture).with_suffix(".txt").parts)
    for k in range(len(parts) - 2, -1, -1):
        if parts[k].lower() == "images":
            parts[k] = "labels"
            break
    path = "/".join(parts)
    return tree.display(path) if path in tree.file_set else ""
