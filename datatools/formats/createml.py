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
from datatools.formats.documents import dicts, dumps, edges, finite, load, split_of, text
from datatools.formats.record import Box, EntryError, Marked, Match, Parsed, Record, marked, matched
from datatools.tree import Tree

NAME = "createml"
TITLE = "CreateML JSON"


def recognises(tree: Tree) -> bool:
    return any(_head(tree, f) for f in tree.with_suffix(".json"))


def _head(tree: Tree, file: str) -> bool:
    try:
        with (tree.root / file).open("rb") as stream:
            data = stream.read(4096)
    except OSError:
        return False
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
            found = tree.find_picture(entry["image"], file, split_of(file))
            records.append(_record(entry, matched(found, f"{where}: {entry['image']}"), where, split_of(file)))
    return Parsed(tuple(records))


def _record(entry: dict, match: Match, where: str, split: str) -> Record:
    source = f"{where}: {entry['image']}"
    items = enumerate(dicts(entry.get("annotations") or [], source, "`annotations`"), 1)
    objects, problems = marked(((0, item) for item in items), _marked, source)
    problems = (*match.problems, *problems)
    return Record(source, match.picture, objects, split=split, problems=problems, rivals=match.rivals)


def _marked(numbered: tuple[int, dict]) -> Marked:
    k, item = numbered
    try:
        return Marked(text(item.get("label")), _box(item))
    except ValueError as error:
        raise EntryError("number-malformed", f"box {k}: {error}", "correct it") from None


def _box(item: dict) -> Box:
    place = item.get("coordinates")
    if not isinstance(place, dict):
        raise ValueError("no `coordinates`, expected x, y, width and height")
    cx, cy, w, h = (finite(place.get(key)) for key in ("x", "y", "width", "height"))
    return edges(cx - w / 2, cy - h / 2, w, h)


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
