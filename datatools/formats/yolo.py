"""YOLO txt: one file a picture, one line a box; the class names stand elsewhere.

Convention of the file: `class cx cy w h`, class from 0, centre and size as fractions of the upright picture.  This
module holds the lines, what LabelImg writes (txt beside classes.txt), and the split that this project writes:

    images/{train,val,test}/  labels/{train,val,test}/  data.yaml  train.txt ...  classes.txt  obj.names  obj.data

which Darknet and Ultralytics both read; regions that train nothing lie in ignore/ (see `ignored`).  Eight decimals: a
corner moves by less than 1e-4 px at 10,000 px.
Cannot carry: difficult, truncated, occluded and crowd flags.
Sources: https://github.com/AlexeyAB/darknet#how-to-train-to-detect-your-custom-objects,
https://docs.ultralytics.com/datasets/detect/.
"""

from __future__ import annotations

import locale
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import yaml

from datatools.core import SPLITS, Annotation, Dataset
from datatools.errors import LayoutError
from datatools.formats import ignored
from datatools.formats.record import EntryError, Marked, Match, Parsed, Record, marked, matched, number
from datatools.parallel import ordered_map
from datatools.problems import Problem
from datatools.tree import Tree

NAME = "yolo"
TITLE = "YOLO txt with classes.txt (LabelImg)"
CLASS_FILES = ("classes.txt", "obj.names")
NO_LABELS = frozenset({"classes", "predefined_classes", "train", "val", "valid", "test", "readme", "requirements"})
TOLERANCE = 1.01  # Ultralytics refuses a picture above this; between 1 and here a box is merely clipped


def label_files(tree: Tree) -> tuple[str, ...]:
    """The txt files that hold boxes: those beside a picture of the same name, or in a folder called labels."""
    chosen = []
    for file in tree.with_suffix(".txt"):
        path = PurePosixPath(file)
        if ignored.label_of(file) in tree.file_set:
            continue
        stray = "labels" in path.parts[:-1] and path.stem.lower() not in NO_LABELS
        if stray or tree.pictures_for(file):
            chosen.append(file)
    return tuple(chosen)


def orphans(tree: Tree) -> tuple[Problem, ...]:
    """A problem for each label file that no picture belongs to; for layouts that start from the pictures."""
    lonely = (tree.display(f) for f in label_files(tree) if not tree.pictures_for(f))
    return tuple(p for file in lonely for p in matched((), file).problems)


def recognises(tree: Tree) -> bool:
    return bool(label_files(tree))


def parse(tree: Tree, *, workers: int = 0, quiet: bool = False, classes: Sequence[str] | None = None) -> Parsed:
    """Every label file of the tree.  classes: names of the ids where there is no classes.txt."""
    names = class_names(tree, tuple(classes or ()))
    chosen = label_files(tree)
    items = [Item(tree.display(f), "", matched(tree.pictures_for(f), tree.display(f))) for f in chosen]
    return Parsed(tuple(read_labels(items, names, workers=workers, quiet=quiet)), names)


def class_names(tree: Tree, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The names in classes.txt, one a line.  Raises LayoutError where there are none."""
    found = [f for f in tree.files if PurePosixPath(f).name in CLASS_FILES or f.endswith(".names")]
    lists = {names_in(tree.root / f): f for f in found}
    if not found and otherwise:
        return otherwise
    if not found:
        raise LayoutError(
            tree.root, "YOLO labels but no classes.txt", "one class name a line", "add it, or pass --classes A,B,C"
        )
    if len(lists) > 1:
        raise LayoutError(
            tree.root, f"{' and '.join(lists.values())} disagree", "one list of classes", "delete the wrong one"
        )
    return next(iter(lists))


def names_in(path: Path) -> tuple[str, ...]:
    """One class name a line.  Raises LayoutError where a line is blank, twice there, or of unknown encoding."""
    data = path.read_bytes()
    for encoding in ("utf-8-sig", locale.getpreferredencoding(False)):
        try:
            lines = data.decode(encoding).rstrip().splitlines()
            break
        except (UnicodeDecodeError, LookupError):
            continue
    else:
        raise LayoutError(path, "neither UTF-8 nor this machine's encoding", remedy="save it as UTF-8")
    names = tuple(line.strip() for line in lines)
    if not names:
        raise LayoutError(path, "no class names", "one a line", "write them into it, or delete it and pass --classes")
    for k, name in enumerate(names, 1):
        if not name:
            raise LayoutError(f"{path}:{k}", "a blank line", "a class name", "delete the line (ids count lines)")
        if name in names[: k - 1]:
            raise LayoutError(f"{path}:{k}", f"class {name!r} a second time", "each name once", "rename one")
    return names


@dataclass(frozen=True, slots=True)
class Item:
    """A label file ("" for a negative), the split that the layout puts it in, and the picture that it belongs to."""

    file: str
    split: str
    match: Match


def read_labels(
    items: Sequence[Item], classes: Sequence[str], *, workers: int = 0, quiet: bool = False
) -> Iterator[Record]:
    work = partial(_read_item, classes=tuple(classes))
    return ordered_map(work, items, workers=workers, what="reading labels", quiet=quiet)


def _read_item(item: Item, classes: tuple[str, ...]) -> Record:
    match, file = item.match, item.file
    record = Record(file, match.picture, split=item.split, problems=match.problems, rivals=match.rivals)
    if not file:
        return record
    try:
        return _with_boxes(record, Path(file).read_text(encoding="utf-8-sig"), classes)
    except (UnicodeDecodeError, OSError) as error:
        said = "not a text file" if isinstance(error, UnicodeDecodeError) else f"cannot be read ({error.strerror})"
        problem = Problem("annotation-unreadable", file, 0, said, "mend or delete the file")
        return replace(record, problems=(*match.problems, problem))


def _with_boxes(record: Record, text: str, classes: tuple[str, ...]) -> Record:
    lines = ((k, line.split()) for k, line in enumerate(text.splitlines(), 1))
    objects, problems = marked((x for x in lines if x[1]), partial(_marked, classes=classes), record.source)
    regions, faults = ignored.read_beside(record.source)
    said = (*record.problems, *problems, *faults)
    return replace(record, objects=objects, normalised=True, problems=said, ignored=regions)


def _marked(words: list[str], classes: tuple[str, ...]) -> Marked:
    """Class and fractions of one line."""
    if len(words) != 5:
        remedy = "polygons and scores are not boxes" if len(words) > 5 else "complete or delete the line"
        raise EntryError("columns-wrong", f"{len(words)} columns, expected 5 (class cx cy w h)", remedy)
    try:
        label, (cx, cy, w, h) = number(words[0]), (number(v) for v in words[1:])
    except ValueError as error:
        raise EntryError("number-malformed", f"{error}, expected a number", "correct the line") from None
    if label != int(label) or not 0 <= label < len(classes):
        there = f"there are {len(classes)} classes (0..{len(classes) - 1})"
        raise EntryError("class-unknown", f"class {words[0]}, but {there}", "check classes.txt or --classes")
    if not all(0 <= v <= TOLERANCE for v in (cx, cy, w, h)):
        found = f"{' '.join(words[1:])}, expected fractions from 0 to 1"
        raise EntryError("not-normalised", found, "divide by the picture's size")
    return Marked(classes[int(label)], (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))


def line_of(label: int, box: Sequence[float], size_wh: tuple[int, int]) -> str:
    """One line of a label file; box in xyxy pixels."""
    w, h = size_wh
    x1, y1, x2, y2 = box
    return f"{label} {(x1 + x2) / 2 / w:.8f} {(y1 + y2) / 2 / h:.8f} {(x2 - x1) / w:.8f} {(y2 - y1) / h:.8f}\n"


def text_of(annotation: Annotation) -> str:
    """A whole label file; empty for a negative."""
    pairs = zip(annotation.labels.tolist(), annotation.xyxy.tolist(), strict=True)
    return "".join(line_of(label, box, annotation.size_wh) for label, box in pairs)


def picture_folder(split: str) -> str:
    return f"images/{split or 'train'}"  # an undivided set is one that is trained on


def label_path(picture: str) -> str:
    """labels/train/a.txt for images/train/a.jpg."""
    return "labels/" + PurePosixPath(picture).relative_to("images").with_suffix(".txt").as_posix()


def text_files(annotation: Annotation, picture: str) -> Iterator[tuple[str, str]]:
    """(path, text) of a picture's label file, and of its side file where regions are ignored."""
    yield label_path(picture), text_of(annotation)
    if len(annotation.ignored):
        yield ignored.ignore_path(label_path(picture)), ignored.text_of(annotation)


def files(dataset: Dataset, pictures: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Annotation files of a data set: (path, text).  pictures: id -> path of the picture in the new folder."""
    for annotation in dataset.annotations:
        yield from text_files(annotation, pictures[annotation.id])
    members: dict[str, list[str]] = {}
    for annotation, split in zip(dataset.annotations, dataset.splits, strict=True):
        members.setdefault(split or "train", []).append(pictures[annotation.id])
    yield from list_files(dataset.classes, members, "converted")


def list_files(
    classes: Sequence[str],
    members: Mapping[str, Sequence[str]],
    kind: str,
    more: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, str]]:
    """The files that describe the whole: lists, names, obj.data, and data.yaml last.

    members: split -> paths of its pictures.  kind: converted, synthetic or balanced; kept in data.yaml.
    more: what else data.yaml says.
    """
    splits = [s for s in SPLITS if s in members]
    for split in splits:
        yield f"{split}.txt", "".join(f"./{path}\n" for path in members[split])
    names = "".join(f"{name}\n" for name in classes)
    yield "classes.txt", names
    yield "obj.names", names
    valid = "val.txt" if "val" in members else "train.txt"
    yield (
        "obj.data",
        f"classes = {len(classes)}\ntrain = train.txt\nvalid = {valid}\nnames = obj.names\nbackup = backup/\n",
    )
    layout = {split: picture_folder(split) for split in splits}
    if "train" in layout:
        layout.setdefault("val", layout["train"])  # Ultralytics asks for one
    # no `path`: Ultralytics takes one as relative to where it is run, and none as the folder of data.yaml
    said = {**layout, "nc": len(classes), "names": list(classes), "kind": kind, **(more or {})}
    yield "data.yaml", yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
