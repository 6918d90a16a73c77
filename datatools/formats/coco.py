"""COCO JSON: one document a split, with images, annotations and categories.

Convention of the file: bbox = [x, y, width, height] in pixels, 0-based, half-open, floats.  Category ids need not
start at 0 nor be dense; classes are taken in the order of the ids.
Cannot carry: difficult, truncated and occluded flags.  Segmentations and key points are not read.
Source: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from datatools.core import Annotation, Dataset, Flag
from datatools.errors import AnnotationError
from datatools.formats.documents import dumps, edges, finite, load, split_of
from datatools.formats.record import Box, Parsed, Record, matched
from datatools.problems import Problem
from datatools.tree import Tree

NAME = "coco"
TITLE = "COCO JSON"


def _is_coco(document: object) -> bool:
    return isinstance(document, dict) and {"images", "annotations", "categories"} <= document.keys()


def recognises(tree: Tree) -> bool:
    return any(b'"categories"' in (tree.root / f).read_bytes() for f in tree.with_suffix(".json"))


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False) -> Parsed:
    """Every COCO document of the tree.  Raises AnnotationError where one contradicts itself or another."""
    documents = {f: load(tree.root / f) for f in tree.with_suffix(".json")}
    documents = {f: d for f, d in documents.items() if _is_coco(d)}
    names: dict[int, str] = {}
    for file, document in documents.items():
        for category in _dicts(document, "categories", tree.display(file)):
            number, name = (
                _number(category, "id", tree.display(file)),
                str(_field(category, "name", tree.display(file))),
            )
            if names.setdefault(number, name) != name:
                raise AnnotationError(
                    tree.display(file), f"category {number} is {names[number]!r} and {name!r}", "one name"
                )
    records = [r for file, document in documents.items() for r in _records(tree, file, document, names)]
    return Parsed(tuple(records), tuple(dict.fromkeys(names[k] for k in sorted(names))), lists_pictures=True)


def _dicts(document: dict, key: str, where: str) -> list[dict]:
    items = document[key]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise AnnotationError(where, f"`{key}` is no list of objects", "COCO JSON", "restore the file")
    return items


def _field(item: dict, key: str, where: str) -> object:
    if key not in item or not isinstance(item[key], int | str):
        raise AnnotationError(where, f"an entry without `{key}`: {str(item)[:60]}", "COCO JSON", "complete it")
    return item[key]


def _number(item: dict, key: str, where: str) -> int:
    value = _field(item, key, where)
    if not isinstance(value, int):
        raise AnnotationError(where, f"`{key}` is {value!r}", "a whole number", "correct it")
    return value


def _records(tree: Tree, file: str, document: dict, names: Mapping[int, str]) -> Iterator[Record]:
    where = tree.display(file)
    objects: dict[object, list[dict]] = {_field(i, "id", where): [] for i in _dicts(document, "images", where)}
    for item in _dicts(document, "annotations", where):
        image = _field(item, "image_id", where)
        if image not in objects:
            raise AnnotationError(where, f"annotation {item.get('id')} is of image {image}", "an id among `images`")
        objects[image].append(item)
    for image in document["images"]:
        stated = str(_field(image, "file_name", where))
        folder = str(PurePosixPath(file).parent)
        found = [f for f in tree.find(stated, near="" if folder == "." else folder) if f in tree.picture_set]
        yield _record(image, objects[image["id"]], matched(found, f"{where}: {stated}"), where, names, split_of(file))


def _record(
    image: dict,
    objects: list[dict],
    match: tuple[str, tuple[Problem, ...]],
    where: str,
    names: Mapping[int, str],
    split: str,
) -> Record:
    boxes: list[Box] = []
    labels: list[str] = []
    flags: list[int] = []
    problems: list[Problem] = []
    source = f"{where}: {image['file_name']}"
    for item in objects:
        try:
            x, y, w, h = (finite(v) for v in item.get("bbox") or ())
        except (ValueError, TypeError) as error:
            found = f"annotation {item.get('id')}: bbox {error}"
            problems.append(Problem("number-malformed", source, 0, found, "correct it"))
            continue
        name = names.get(item.get("category_id", -1))
        if name is None:
            found = f"annotation {item.get('id')}: category {item.get('category_id')}"
            problems.append(Problem("class-unknown", source, 0, found, "add it to `categories`"))
            continue
        boxes.append(edges(x, y, w, h))
        labels.append(name)
        flags.append(Flag.CROWD if item.get("iscrowd") else 0)
    try:
        wh = (int(finite(image.get("width"))), int(finite(image.get("height"))))
    except ValueError as error:
        wh = None
        problems.append(Problem("size-missing", source, 0, f"size is {error}"))
    return Record(
        source,
        match[0],
        tuple(labels),
        tuple(boxes),
        wh,
        flags=tuple(flags),
        split=split,
        problems=(*problems, *match[1]),
    )


def picture_folder(split: str) -> str:
    return f"images/{split}" if split else "images"


def files(dataset: Dataset, pictures: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """One document a split: (path, text).  pictures: id -> path of the picture in the new folder."""
    categories = [{"id": k, "name": name, "supercategory": ""} for k, name in enumerate(dataset.classes)]
    for split in dataset.split_names():
        images: list[dict] = []
        objects: list[dict] = []
        for annotation in dataset.of_split(split):
            name = PurePosixPath(pictures[annotation.id]).name
            w, h = annotation.size_wh
            images.append({"id": len(images) + 1, "file_name": name, "width": w, "height": h})
            objects += _objects(annotation, len(images), len(objects))
        document = {"images": images, "annotations": objects, "categories": categories}
        yield f"annotations/instances_{split or 'all'}.json", dumps(document)


def _objects(annotation: Annotation, image: int, before: int) -> Iterator[dict]:
    assert annotation.flags is not None
    rows = zip(annotation.labels.tolist(), annotation.xyxy.tolist(), annotation.flags.tolist(), strict=True)
    for k, (label, (x1, y1, x2, y2), flag) in enumerate(rows, before + 1):
        w, h = x2 - x1, y2 - y1
        crowd = int(bool(flag & Flag.CROWD))
        yield {
            "id": k,
            "image_id": image,
            "category_id": label,
            "bbox": [x1, y1, w, h],
            "area": w * h,
            "iscrowd": crowd,
        }
