"""Photographs without boxes: their faces found by dlib's frontal HOG detector, confirmed by landmarks, made a data set.

A small picture is enlarged up to four times and a large one shrunk, so that the detector always works on at most
`WORK_PIXELS`; its own pyramid covers every larger size.  A detection whose landmarks cannot be relied on is no face.
A box spans the landmarks and a strip of forehead, which is how the annotators of public sets draw faces.
Limits: faces seen from the front; at most about 1/30 of a large photograph's width is too small.  The detector does
not know a bare face from a masked one: every face gets the one class that the user names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datatools import images
from datatools.convert import Conversion
from datatools.core import clip_boxes
from datatools.errors import LayoutError, PictureError, UserError
from datatools.formats.assemble import Classes, Reading, assemble
from datatools.formats.record import Marked, Parsed, Record
from datatools.parallel import ordered_map
from datatools.problems import Problem
from datatools.reports import SHOWN, conversion_report
from datatools.tree import Tree
from datatools.walk import walk
from generators.faces import predictor as predictors
from generators.faces.face import Face
from generators.faces.landmarks import REASONS, box_of, locate
from generators.faces.predictor import Predictor, face_detector

NAME = "photographs"  # what the source is called where a format's name stands
WORK_PIXELS = 5_000_000  # the detector takes about 0.1 s a million
ENLARGED = 4.0
LEAST_SCORE = 0.0  # of a detection that is shown to the predictor; dlib's own threshold
OVERLAP = 0.4  # share of the smaller box at which two faces are the same one
FOREHEAD, BELOW = 0.09, 0.03  # of the box beyond the landmarks, shares of the face's height; medians of 181 faces
ITEM_MS = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """The faces of one picture.  refused: reason -> detections that were no usable face.

    problem: why the picture was not read, None where it was.
    """

    faces: tuple[Face, ...] = ()
    refused: Mapping[str, int] | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Annotated:
    """A data set of the pictures in which faces were found, before anything is written.

    reading: its data set, what is wrong with the other pictures, and the headers.  pictures: that were looked at.
    faceless: those without a face, as the user would type them.  unreadable: how many could not be read.
    refused: reason -> detections, as in `landmarks.REASONS`.
    """

    reading: Reading
    pictures: int
    faceless: tuple[str, ...]
    unreadable: int
    refused: Mapping[str, int]


def annotate(
    photos: Path,
    *,
    class_name: str = "without_mask",
    predictor: Path | None = None,
    min_face: float = 16.0,
    keep_faceless: bool = False,
    workers: int = 0,
    quiet: bool = False,
) -> Annotated:
    """Every picture below a folder with the boxes of its faces.  predictor: a file, None to look for one.

    keep_faceless: pictures without a face belong to the set too, without boxes.
    Raises UserError where there is no picture, none that can be read, or no face.
    """
    if not class_name.strip():
        raise UserError("--class", "an empty name", "the class of the faces")
    tree = _photographs(photos)
    path = predictors.find(predictor)
    predictors.load(path).expect()  # what is wrong with it is said here, not by each worker
    work = partial(_of_file, predictor=path, min_face=min_face)
    paths = [tree.display(p) for p in tree.pictures]
    found = list(ordered_map(work, paths, workers=workers, item_ms=ITEM_MS, what="finding faces", quiet=quiet))
    _refuse_nothing(photos, found)
    reading = _reading(tree, found, class_name, keep_faceless, workers, quiet)
    faceless = tuple(p for p, f in zip(paths, found, strict=True) if not (f.faces or f.problem))
    refused = sum((Counter(f.refused or {}) for f in found), Counter())
    unreadable = sum(f.problem is not None for f in found)
    return Annotated(reading, len(paths), faceless, unreadable, dict(sorted(refused.items())))


def _photographs(photos: Path) -> Tree:
    if not photos.is_dir():
        found, remedy = ("is a file", "name its folder") if photos.exists() else ("no such folder", "name another")
        raise LayoutError(photos, found, "a folder of photographs", remedy)
    tree = walk(photos)
    if not tree.pictures:
        raise LayoutError(photos, "no picture", " ".join(sorted(images.SUFFIXES)), "name another folder")
    return tree


def _refuse_nothing(photos: Path, found: Sequence[Found]) -> None:
    problems = [f.problem for f in found if f.problem]
    if len(problems) == len(found):
        said = f"none of {len(found)} pictures can be read (the first: {problems[0]})"
        raise PictureError(photos, said, remedy="name another folder")
    if not any(f.faces for f in found):
        said = f"no face in the pictures ({len(found) - len(problems)} were read)"
        raise LayoutError(photos, said, "faces seen from the front", "lower --min-face, or annotate them by hand")


def _reading(
    tree: Tree, found: Sequence[Found], class_name: str, keep_faceless: bool, workers: int, quiet: bool
) -> Reading:
    records = tuple(
        Record(tree.display(picture), picture, tuple(Marked(class_name, tuple(f.xyxy.tolist())) for f in each.faces))
        for picture, each in zip(tree.pictures, found, strict=True)
        if each.faces or (keep_faceless and not each.problem)
    )
    unread = tuple(f.problem for f in found if f.problem)
    parsed = Parsed(records, (class_name,), lists_pictures=True, problems=unread)
    reading = assemble(tree, parsed, Classes(), dhash=True, verify=True, workers=workers, quiet=quiet)
    return replace(reading, format=NAME)


def _of_file(path: str, predictor: Path, min_face: float) -> Found:
    try:
        pixels = images.decode(path)
    except PictureError as error:
        return Found(problem=Problem(error.code, path, 0, error.found, error.remedy))
    return find_faces(pixels, predictors.load(predictor), min_face=min_face)


def find_faces(pixels: NDArray, predictor: Predictor, *, min_face: float = 16.0) -> Found:
    """The faces of a picture, the surest first, each with the box that an annotator would draw.

    Landmarks of middling spread do not do here: the detector's second opinion would be its first.
    pixels: (H, W, 3) uint8 RGB, upright.
    """
    located = locate(pixels, detections(pixels), predictor, min_face=min_face)
    sure = [r for r in located if isinstance(r, Face) and r.score is None]
    size_wh = (pixels.shape[1], pixels.shape[0])
    faces = [_boxed(face, size_wh) for face in sure]
    kept = suppressed(np.array([face.xyxy for face in faces]).reshape(-1, 4))
    refused = Counter("unstable" if isinstance(r, Face) else r.reason for r in located if r not in sure)
    return Found(tuple(faces[k] for k in kept), refused)


def detections(pixels: NDArray) -> NDArray:
    """Boxes that may be faces, (N, 4) pixels, those with the highest score first."""
    h, w = pixels.shape[:2]
    scale = min(ENLARGED, np.sqrt(WORK_PIXELS / (w * h)))
    size_wh = max(1, round(w * scale)), max(1, round(h * scale))
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, size_wh, interpolation=cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA)
    squares, scores, _ = face_detector().run(grey, 0, LEAST_SCORE)
    corners = [(s.left(), s.top(), s.right() + 1, s.bottom() + 1) for s in squares]
    order = np.argsort(-np.array(list(scores)), kind="stable")
    return box_of(np.array(corners, np.float64).reshape(-1, 4)[order] / scale)


def suppressed(xyxy: NDArray) -> list[int]:
    """Indices of the boxes that stay, in order: each that is not mostly one, or part of one, that stays before it."""
    kept: list[int] = []
    area = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    for k, box in enumerate(xyxy):
        others = xyxy[kept]
        sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        if not (shared > OVERLAP * np.minimum(area[k], area[kept])).any():
            kept.append(k)
    return kept


def _boxed(face: Face, size_wh: tuple[int, int]) -> Face:
    """The same face with the box of its landmarks, inside the picture."""
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    beyond = np.array([0, -FOREHEAD, 0, BELOW]) * face.height
    return replace(face, xyxy=clip_boxes(np.concatenate([low, high]) + beyond, size_wh).round(2))


def report(found: Annotated, plan: Conversion, out: Path, *, dry_run: bool) -> tuple[str, dict]:
    """What `generators faces` says when it is done: for people, and for programs."""
    text, data = conversion_report(plan, out, dry_run)
    lacking = len(found.faceless)
    shown = found.pictures - found.unreadable - lacking
    lines = [
        f"{found.pictures} pictures: {shown} with faces, {lacking} without, {found.unreadable} that cannot be read"
    ]
    lines += [f"refused as {reason}: {n} ({REASONS[reason]})" for reason, n in found.refused.items()]
    lines += [f"  no face: {name}" for name in found.faceless[:SHOWN]]
    lines += [f"  ... and {lacking - SHOWN} more (--json has all)"] if lacking > SHOWN else []
    data |= {"pictures": found.pictures, "unreadable": found.unreadable}
    data |= {"faceless": list(found.faceless), "refused": dict(found.refused)}
    return "\n".join([text, "", *lines]), data
