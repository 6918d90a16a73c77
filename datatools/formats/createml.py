"""CreateML JSON: one list of pictures a file, as LabelImg and Roboflow write it.

Convention of the file: coordinates = centre x, centre y, width, height in pixels, floats, not clamped; a picture is
named by its base name; no picture sizes.
Cannot carry: flags, picture sizes, classes without a box.
Source: https://developer.apple.com/documentation/createml/building-an-object-detector-data-source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from datatools.core import Dataset
from datatools.errors import AnnotationError
from datatools.formats.documents import dumps, edges, finite, load, split_of
from datatools.formats.record import Box, Parsed, Record, matched
from datatools.problems import Problem
from datatools.tree import Tree

NAME = "createml"
TITLE = "CreateML JSON"


def recognises(tree: Tree) -> bool:
    return any(_head(tree, f) for f in tree.with_suffix(".json"))


def _head(tree: Tree, file: str) -> bool:
    with (tree.root / file).open("rb") as stream:
        data = stream.read(4096)
    return data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[") and b'"annotations"' in data


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False) -> Parsed:
    """Every CreateML list of the tree.  Raises AnnotationError where a file is no such list."""
    records: list[Record] = []
    for file in tree.with_suffix(".json"):
        if not _head(tree, file):
            continue
        where = tree.display(file)
        document = load(tree.root / file)
        for k, entry in enumerate(document, 1):
            if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
                raise AnnotationError(where, f"entry {k} has no `image`", "the picture's name", "restore the file")
            folder = str(PurePosixPath(file).parent)
            found = [
                f for f in tree.find(entry["image"], near="" if folder == "." else folder) if f in tree.picture_set
            ]
            records.append(_record(entry, matched(found, f"{where}: {entry['image']}"), where, split_of(file)))
    return Parsed(tuple(records))


def _record(entry: dict, match: tuple[str, tuple[Problem, ...]], where: str, split: str) -> Record:
    boxes: list[Box] = []
    names: list[str] = []
    problems = list(match[1])
    source = f"{where}: {entry['image']}"
    for k, item in enumerate(entry.get("annotations") or (), 1):
        try:
            place = item["coordinates"]
            cx, cy, w, h = (finite(place[key]) for key in ("x", "y", "width", "height"))
            name = item["label"]
        except (ValueError, TypeError, KeyError) as error:
            problems.append(Problem("number-malformed", source, 0, f"box {k}: {error}", "correct it"))
            continue
        boxes.append(edges(cx - w / 2, cy - h / 2, w, h))
        names.append(str(name))
    return Record(source, match[0], tuple(names), tuple(boxes), split=split, problems=tuple(problems))


def picture_folder(split: str) -> str:
    return split or "images"


def files(dataset: Dataset, pictures: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """One list a split, beside its pictures: (path, text).  pictures: id -> path of the picture in the new folder."""
    for split in dataset.split_names():
        entries = []
        for annotation in dataset.of_split(split):
            objects = [
                {
                    "label": dataset.classes[label],
                    "coordinates": {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1},
                }
                for label, (x1, y1, x2, y2) in zip(annotation.labels.tolist(), annotation.xyxy.tolist(), strict=True)
            ]
            entries.append({"image": PurePosixPath(pictures[annotation.id]).name, "annotations": objects})
        yield f"{picture_folder(split)}/_annotations.createml.json", dumps(entries)
