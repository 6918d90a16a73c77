"""Records -> Dataset: pictures are measured, classes numbered, boxes brought into upright pixels.

What cannot enter a Dataset (a number that is none, an unknown class, a picture that is not there) becomes a Problem;
boxes that merely lie wrongly enter as they stand, and `check` finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from unicodedata import category

import numpy as np

from datatools.core import Annotation, Dataset
from datatools.errors import LayoutError, PictureError
from datatools.formats.record import Marked, Parsed, Record
from datatools.images import Measure, measure, turn_boxes
from datatools.parallel import ordered_map
from datatools.problems import Problem
from datatools.tree import Tree, key_of


@dataclass(frozen=True, slots=True)
class Classes:
    """How a user wants the classes: in this order, renamed, left out.

    order: () takes the format's own order, or else the sorted names.  renamed: old name -> new.  dropped: new names.
    """

    order: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """A data set as it stands on disk, with what is wrong with it.

    measures: id -> header of its picture.  format: name of the format that it was read as.
    """

    dataset: Dataset
    problems: tuple[Problem, ...]
    measures: Mapping[str, Measure]
    format: str = ""


def assemble(
    tree: Tree,
    parsed: Parsed,
    wanted: Classes,
    *,
    dhash: bool = False,
    verify: bool = False,
    workers: int = 0,
    quiet: bool = False,
) -> Reading:
    """One Dataset of all records.  dhash, verify: decode the pictures too (see `images.measure`).

    Raises LayoutError where a class that the user named does not exist.
    """
    records = [_with_plain_names(r) for r in _with_negatives(tree, parsed)]
    nowhere = (p for r in parsed.records if not _id(r) for p in r.problems)
    problems = [*tree.problems, *parsed.problems, *nowhere]
    records, twins = _without_twins(tree, records)
    order = class_order(parsed, records, wanted)
    work = partial(_measure, dhash=dhash, verify=verify)
    paths = [tree.display(r.picture) if r.picture else "" for r in records]
    item_ms = 0.6 if dhash or verify else 0.1
    measured = ordered_map(work, paths, workers=workers, item_ms=item_ms, what="measuring pictures", quiet=quiet)
    annotations, splits, measures = [], [], {}
    for record, path, found in zip(records, paths, measured, strict=True):
        header = found if isinstance(found, Measure) else None
        annotation, said = _annotation(record, path, header, order, wanted)
        faults = (found,) if isinstance(found, Problem) else ()
        problems += _about(record, (*record.problems, *faults, *said))
        if annotation is not None:
            annotations.append(annotation)
            splits.append(record.split)
            if header:
                measures[annotation.id] = header
    return Reading(Dataset(order, tuple(annotations), tuple(splits)), (*problems, *twins), measures)


def _id(record: Record) -> str:
    """Name of the record's picture in the data set; "" where a list names a picture that is not there."""
    return key_of(record.picture) if record.picture else record.source


def _about(record: Record, problems: Iterable[Problem]) -> list[Problem]:
    return [replace(p, picture=_id(record)) for p in problems]


def plain_name(name: str) -> str:
    """A class name that fits on a line and into XML: white space collapsed, other control characters replaced."""
    words = " ".join(name.split())
    return "".join("_" if category(c) in ("Cc", "Cs") else c for c in words)


def _with_plain_names(record: Record) -> Record:
    if all(o.name.isalnum() for o in record.objects):
        return record
    return replace(record, objects=tuple(o._replace(name=plain_name(o.name)) for o in record.objects))


def _with_negatives(tree: Tree, parsed: Parsed) -> list[Record]:
    """The records, sorted by id, and one without boxes for each picture that no annotation may mean."""
    records = [r for r in parsed.records if _id(r)]
    if not parsed.lists_pictures:
        meant = {p for r in records for p in (r.picture, *r.rivals)}
        records += [Record("", p) for p in tree.pictures if p not in meant]
    records = [r if r.source else _negative(tree, r) for r in records]
    return sorted(records, key=lambda r: (_id(r), r.source, r.picture))


def _negative(tree: Tree, record: Record) -> Record:
    note = Problem("annotation-missing", tree.display(record.picture), 0, "no annotation")
    return replace(record, problems=(*record.problems, note))


def _without_twins(tree: Tree, records: Sequence[Record]) -> tuple[list[Record], list[Problem]]:
    """Records with one id each; those that share one are left out, and their problems say with which."""
    alike: dict[str, list[Record]] = {}
    for record in records:
        alike.setdefault(_id(record), []).append(record)
    twins = []
    for name, several in alike.items():
        for record in several if len(several) > 1 else ():
            other = several[1] if record is several[0] else several[0]
            found = f"shares the name {name!r} with {_where(tree, other)}"
            fault = Problem("stem-twice", _where(tree, record), 0, found, "rename or delete one")
            twins += _about(record, (*record.problems, fault))
    return [several[0] for several in alike.values() if len(several) == 1], twins


def _where(tree: Tree, record: Record) -> str:
    return record.source or tree.display(record.picture)


def class_order(parsed: Parsed, records: Sequence[Record], wanted: Classes) -> tuple[str, ...]:
    """The classes of the data set, in order.  Raises LayoutError where `renamed` or `dropped` names none."""
    present = {o.name for r in records for o in r.objects}
    declared = tuple(sorted(present)) if parsed.classes is None else tuple(map(plain_name, parsed.classes))
    for name in wanted.renamed:
        if name not in declared and name not in present:
            raise LayoutError("--map", f"no class {name!r}", " ".join(declared), "check the spelling")
    renamed = [wanted.renamed.get(name, name) for name in declared]
    for name in wanted.dropped:
        if name not in renamed:
            raise LayoutError("--drop", f"no class {name!r}", " ".join(renamed), "check the spelling")
    order = wanted.order or tuple(dict.fromkeys(renamed))
    return tuple(name for name in order if name not in wanted.dropped)


def _measure(path: str, dhash: bool, verify: bool) -> Measure | Problem | None:
    if not path:
        return None
    try:
        return measure(path, dhash=dhash, verify=verify)
    except PictureError as error:
        found = f"{error.found}, expected {error.expected}" if error.expected else error.found
        return Problem(error.code, path, 0, found, error.remedy)


def _annotation(
    record: Record, path: str, header: Measure | None, order: Sequence[str], wanted: Classes
) -> tuple[Annotation | None, list[Problem]]:
    """The record in upright pixels; None where its size cannot be known."""
    size_wh, orientation, problems = _size(record, path, header)
    if size_wh is None:
        return None, problems
    objects, unknown = _numbered(record, order, wanted)
    xyxy = np.array([o.box for _, o in objects], dtype=np.float64).reshape(-1, 4)
    if record.normalised:
        xyxy = xyxy * [*size_wh, *size_wh]
    elif orientation > 1 and header:
        xyxy = turn_boxes(xyxy, header.stored_wh, orientation)
    numbers = np.array([(k, o.flags, o.line) for k, o in objects], dtype=np.int64).reshape(-1, 3)
    labels, flags, lines = numbers.T
    ignored = np.array(record.ignored, dtype=np.float64).reshape(-1, 4) * [*size_wh, *size_wh]
    annotation = Annotation(_id(record), path, size_wh, xyxy, labels, flags, record.source, lines, ignored)
    return annotation, [*problems, *unknown]


def _numbered(record: Record, order: Sequence[str], wanted: Classes) -> tuple[list[tuple[int, Marked]], list[Problem]]:
    """(class id, box) of each box that is wanted, and a problem for each one whose class is not there."""
    ids = {name: k for k, name in enumerate(order)}
    objects, problems = [], []
    for marked in record.objects:
        name = wanted.renamed.get(marked.name, marked.name)
        if name in ids:
            objects.append((ids[name], marked))
        elif name not in wanted.dropped:
            found = f"class {name!r}, expected one of {' '.join(order)}"
            remedy = "see --classes, --map and --drop"
            problems.append(Problem("class-unknown", record.source, marked.line, found, remedy))
    return objects, problems


def _size(record: Record, path: str, header: Measure | None) -> tuple[tuple[int, int] | None, int, list[Problem]]:
    """(upright size, orientation that the boxes still need, problems): the picture's word counts, if it can be read."""
    stated = record.stated_wh
    if header is None:
        return stated, 1, []
    problems = []
    turn = 1
    where = record.source or path
    if header.orientation > 1:
        problems.append(Problem("exif-rotated", path, 0, f"EXIF orientation {header.orientation}"))
        if stated == header.stored_wh != header.size_wh:
            turn = header.orientation  # the annotator saw the picture as it is stored
    if stated and stated not in (header.size_wh, header.stored_wh):
        (w, h), (pw, ph) = stated, header.size_wh
        found = f"states {w}×{h}, but the picture has {pw}×{ph}"
        problems.append(Problem("size-mismatch", where, 0, found, "annotate this picture, or restore that one"))
    return header.size_wh, turn, problems
