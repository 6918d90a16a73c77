"""Records -> Dataset: pictures are measured, classes numbered, boxes brought into upright pixels.

What cannot enter a Dataset (a number that is none, an unknown class, a picture that is not there) becomes a Problem;
boxes that merely lie wrongly enter as they stand, and `check` finds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from datatools.core import Annotation, Dataset
from datatools.errors import LayoutError, PictureError
from datatools.formats.record import Parsed, Record
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
    records = _with_negatives(tree, parsed)
    problems = [*tree.problems, *parsed.problems, *(p for r in records for p in r.problems)]
    records, twice = _without_twins(records)
    order = class_order(parsed, records, wanted)
    work = partial(_measure, dhash=dhash, verify=verify)
    paths = [tree.display(r.picture) if r.picture else "" for r in records]
    heavy = dhash or verify
    measured = ordered_map(work, paths, workers=workers, heavy=heavy, what="measuring pictures", quiet=quiet)
    annotations, splits, measures = [], [], {}
    for record, path, found in zip(records, paths, measured, strict=True):
        fault = found if isinstance(found, Problem) else None
        header = found if isinstance(found, Measure) else None
        annotation, said = _annotation(record, path, header, order, wanted)
        problems += [*([fault] if fault else []), *said]
        if annotation:
            annotations.append(annotation)
            splits.append(record.split)
            if header:
                measures[annotation.id] = header
    problems = [_with_picture(p, r_id) for p, r_id in zip(problems, _pictures_of(problems, records), strict=True)]
    return Reading(Dataset(order, tuple(annotations), tuple(splits)), (*problems, *twice), measures)


def _pictures_of(problems: Sequence[Problem], records: Sequence[Record]) -> list[str]:
    by_file = {where: _id(r) for r in records for where in (r.source, r.picture) if where}
    return [p.picture or by_file.get(p.file, "") for p in problems]


def _with_picture(problem: Problem, picture: str) -> Problem:
    from dataclasses import replace

    return replace(problem, picture=picture)


def _id(record: Record) -> str:
    return key_of(record.picture) if record.picture else record.source


def _with_negatives(tree: Tree, parsed: Parsed) -> list[Record]:
    """The records, and one without boxes for each picture that has no annotation."""
    records = list(parsed.records)
    if not parsed.lists_pictures:
        named = {r.picture for r in records}
        # a picture whose annotation could not be told apart from another's is no negative
        doubtful = {
            key_of(p) for r in records for p in tree.pictures if r.problems and not r.picture and p in str(r.problems)
        }
        free = (p for p in tree.pictures if p not in named and key_of(p) not in doubtful)
        records += [Record("", p) for p in free]
    missing = (r for r in records if not r.source and r.picture)
    notes = {r.picture: Problem("annotation-missing", tree.display(r.picture), 0, "no annotation") for r in missing}
    records = [_noting(r, notes.get(r.picture) if not r.source else None) for r in records]
    return sorted(records, key=lambda r: (_id(r), r.source))


def _noting(record: Record, note: Problem | None) -> Record:
    from dataclasses import replace

    return replace(record, problems=(*record.problems, note)) if note else record


def _without_twins(records: Sequence[Record]) -> tuple[list[Record], list[Problem]]:
    """Records with one id each; those that share one are left out and named."""
    count = Counter(_id(r) for r in records)
    twice = []
    for record in records:
        if count[_id(record)] > 1:
            other = next(r for r in records if _id(r) == _id(record) and r is not record)
            found = f"shares the name {_id(record)!r} with {other.source or other.picture}"
            where = record.source or record.picture
            twice.append(Problem("stem-twice", where, 0, found, "rename or delete one", picture=_id(record)))
    return [r for r in records if count[_id(r)] == 1], twice


def class_order(parsed: Parsed, records: Sequence[Record], wanted: Classes) -> tuple[str, ...]:
    """The classes of the data set, in order.  Raises LayoutError where `renamed` or `dropped` names none."""
    present = {name for r in records for name in r.names}
    declared = parsed.classes if parsed.classes is not None else tuple(sorted(present))
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
    ids = {name: k for k, name in enumerate(order)}
    keep, labels = [], []
    for k, name in enumerate(record.names):
        name = wanted.renamed.get(name, name)
        if name in ids:
            keep.append(k)
            labels.append(ids[name])
        elif name not in wanted.dropped:
            found = f"class {name!r}, expected one of {' '.join(order)}"
            line = record.lines[k] if record.lines else 0
            problems.append(Problem("class-unknown", record.source, line, found, "see --classes, --map and --drop"))
    xyxy = np.array([record.boxes[k] for k in keep], dtype=np.float64).reshape(-1, 4)
    if record.normalised:
        xyxy = xyxy * [*size_wh, *size_wh]
    elif orientation > 1 and header:
        xyxy = turn_boxes(xyxy, header.stored_wh, orientation)
    annotation = Annotation(
        _id(record),
        path,
        size_wh,
        xyxy,
        np.array(labels, int),
        np.array([record.flags[k] for k in keep], np.uint8) if record.flags else None,
        record.source,
        np.array([record.lines[k] for k in keep], np.int64) if record.lines else None,
    )
    return annotation, problems


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
