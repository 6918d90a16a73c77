"""Which faces of the training pictures can be used: one task a picture, each face or the reason against it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from datatools.core import Annotation
from datatools.errors import PictureError
from datatools.images import decode
from datatools.parallel import ordered_map
from datatools.resumable import PROGRESS, once
from generators.drawing.dress import Setting, setting_of
from generators.faces.face import Face
from generators.faces.landmarks import Rejected, locate
from generators.faces.predictor import FILE, KNOWN, find, imported, load
from generators.making.plan import Subject

ITEM_MS = 40.0


@dataclass(frozen=True)
class Scan:
    """What is known of one picture.  faces, settings, rejected: by index of the box.

    unreadable: why, "" where it can be read.
    """

    annotation: Annotation
    faces: Mapping[int, Face] = field(default_factory=dict)
    rejected: Mapping[int, Rejected] = field(default_factory=dict)
    settings: Mapping[int, Setting] = field(default_factory=dict)
    unreadable: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(self.annotation.id, self.annotation.size_wh, self.annotation.xyxy, self.faces, self.settings)


@dataclass(frozen=True)
class Looking:
    """How faces are looked for.  label: of their boxes.  folder: where progress is kept, None for nowhere."""

    label: int
    predictor: Path
    min_face: float
    folder: Path | None = None


def ready(path: Path | None) -> Path:
    """The predictor's file, known to work, so that no process stumbles over it later.  path: None to look for one.

    Raises UserError where it is missing, damaged, or of too few landmarks, and where dlib is not installed.
    """
    imported()
    found = find(path)
    if found.stat().st_size != KNOWN[FILE].size:  # that one's checksum was compared
        load(found).expect()
    return found


def scan(pictures: Sequence[Annotation], looking: Looking, *, workers: int = 0, quiet: bool = False) -> list[Scan]:
    """One `Scan` a picture, in their order."""
    work = partial(_looked, looking=looking)
    found = ordered_map(work, pictures, workers=workers, item_ms=ITEM_MS, what="finding faces", quiet=quiet)
    return [_scan(a, said) for a, said in zip(pictures, found, strict=True)]


def _looked(a: Annotation, looking: Looking) -> dict:
    """What a picture's `Scan` is made of, as JSON holds it exactly."""
    if looking.folder is None:
        return _located(a, looking)
    name = hashlib.sha256(a.id.encode()).hexdigest()[:32]
    return once(looking.folder / PROGRESS / "faces" / f"{name}.json", lambda: _located(a, looking))


def _located(a: Annotation, looking: Looking) -> dict:
    boxes = np.flatnonzero(a.labels == looking.label)
    try:
        pixels = decode(a.path)
    except PictureError as error:
        return {"unreadable": error.found}
    found = locate(pixels, a.xyxy[boxes], load(looking.predictor), min_face=looking.min_face)
    said: dict = {"faces": {}, "rejected": {}, "settings": {}}
    for box, face in zip(boxes.tolist(), found, strict=True):
        if isinstance(face, Rejected):
            said["rejected"][str(box)] = [face.reason, face.detail]
        else:
            score = None if face.score is None else float(face.score)
            said["faces"][str(box)] = [face.points.tolist(), float(face.spread), score]
            said["settings"][str(box)] = setting_of(pixels, face).as_dict()
    return said


def _scan(a: Annotation, said: dict) -> Scan:
    if "unreadable" in said:
        return Scan(a, unreadable=said["unreadable"])
    faces = {int(box): Face(a.xyxy[int(box)], *rest) for box, rest in said["faces"].items()}
    rejected = {int(box): Rejected(a.xyxy[int(box)], *rest) for box, rest in said["rejected"].items()}
    return Scan(a, faces, rejected, {int(box): Setting.of_dict(s) for box, s in said["settings"].items()})
