"""COCO JSON: one document a split, with images, annotations and categories.

Convention of the file: bbox = [x, y, width, height] in pixels, 0-based, half-open, floats.  Category ids need not
start at 0 nor be dense; classes are taken in the order of the ids.
Cannot carry: difficult, truncated and occluded flags.  Segmentations and key points are not read.
Source: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from datatools.core import Annotation, Dataset, Flag
from datatools.errors import AnnotationError
from datatools.formats.documents import dicts, dumps, edges, finite, load, split_of, text
from datatools.formats.record import Box, EntryError, Marked, Match, Parsed, Record, marked, matched
from datatools.problems import Problem
from datatools.tree import Tree

NAME = "coco"
TITLE = "COCO JSON"


def _is_coco(document: object) -> bool:
    return isinstance(document, dict) and {"images", "annotations", "categories"} <= document.keys()


def recognises(tree: Tree) -> bool:
    return bool(_candidates(tree))


def _candidates(tree: Tree) -> list[str]:
    return [f for f in tree.with_suffix(".json") if b'"categories"' in _bytes(tree.root / f)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False) -> Parsed:
    """Every COCO document of the tree.  Raises AnnotationError where one contradicts itself or another."""
    documents = {f: d for f in _candidates(tree) if _is_coco(d := load(tree.root / f))}
    names: dict[int, str] = {}
    for file, document in documents.items():
        where = tree.display(file)
        for category in dicts(document["categories"], where, "`categories`"):
            number, name = _category(category, where)
            if names.setdefault(number, name) != name:
                found = f"category {number} is {names[number]!r} and {name!r}"
                raise AnnotationError(where, found, "one name", "correct it, or name one of the files")
    records = [r for file, document in documents.items() for r in _records(tree, file, document, names)]
    return Parsed(tuple(records), tuple(dict.fromkeys(names[k] for k in sorted(names))), lists_pictures=True)


def _field(item: dict, key: str, where: str) -> int | str:
    value = item.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise AnnotationError(where, f"an entry without `{key}`: {str(item)[:60]}", "COCO JSON", "complete it")
    return value


def _category(item: dict, where: str) -> tuple[int, str]:
    number = _field(item, "id", where)
    if not isinstance(number, int):
        raise AnnotationError(where, f"a category's `id` is {number!r}", "a whole number", "correct it")
    try:
        return number, text(item.get("name"))
    except ValueError as error:
        raise AnnotationError(where, f"category {number}: {error}", remedy="correct it") from None


def _records(tree: Tree, file: str, document: dict, names: Mapping[int, str]) -> Iterator[Record]:
    where = tree.display(file)
    images = dicts(document["images"], where, "`images`")
    objects: dict[object, list[dict]] = {_field(i, "id", where): [] for i in images}
    if len(objects) < len(images):
        raise AnnotationError(where, "two images with one id", "an id of its own for each", "number them anew")
    for item in dicts(document["annotations"], where, "`annotations`"):
        image = _field(item, "image_id", where)
        if image not in objects:
            raise AnnotationError(
                where, f"annotation {item.get('id')} is of image {image}", "an id among `images`", "add or delete it"
            )
        objects[image].append(item)
    for entry in images:
        stated = str(_field(entry, "file_name", where))
        match = matched(tree.find_picture(stated, file, split_of(file)), f"{where}: {stated}")
        yield _record(entry, objects[entry["id"]], match, f"{where}: {stated}", names, split_of(file))


def _record(
    image: dict, objects: list[dict], match: Match, source: str, names: Mapping[int, str], split: str
) -> Record:
    wh, size_problems = _stated_size(image, source)
    found, problems = marked(((0, item) for item in objects), partial(_marked, names=names), source)
    problems = (*size_problems, *match.problems, *problems)
    return Record(source, match.picture, found, wh, split=split, problems=problems, rivals=match.rivals)


def _marked(item: dict, names: Mapping[int, str]) -> Marked:
    which = f"annotation {item.get('id')}"
    number = item.get("category_id")
    if not isinstance(number, int) or number not in names:
        raise EntryError("class-unknown", f"{which}: category {number}", "add it to `categories`")
    try:
        return Marked(names[number], _box(item.get("bbox")), Flag.CROWD if item.get("iscrowd") else 0)
    except ValueError as error:
        raise EntryError("number-malformed", f"{which}: {error}", "correct it") from None


def _box(bbox: object) -> Box:
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise ValueError(f"bbox is {str(bbox)[:40]}, expected [x, y, width, height]")
    x, y, w, h = map(finite, bbox)
    return edges(x, y, w, h)


def _stated_size(image: dict, source: str) -> tuple[tuple[int, int] | None, list[Problem]]:
    try:
        w, h = finite(image.get("width")), finite(image.get("height"))
    except ValueError as error:
        return None, [Problem("size-missing", source, 0, f"size: {error}")]
    if w <= 0 or h <= 0:
        return None, [Problem("size-missing", source, 0, f"size is {w:g}×{h:g}")]
    return (round(w), round(h)), []


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
