"""A split and synthetic faces -> a new split: read, look for faces, plan, draw, and count again what lies on the disk.

A killed run is gone on with (see `resumable`).  Only the training split gets pictures, and only photographs are their
sources: no face is drawn on that was drawn on before.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from datatools import convert, formats
from datatools.check import box_problems
from datatools.core import Annotation, Dataset
from datatools.errors import LayoutError, UserError
from datatools.outputs import put, refuse_overwrite, staged
from datatools.parallel import ordered_map
from datatools.provenance import Provenance, read_provenance
from datatools.repair import refuse, tidy
from datatools.resumable import bring_originals, describe, fingerprint, free_tag, same_run
from datatools.walk import folder_of
from generators.drawing import templates
from generators.drawing.masks import NO_OWN, Texture
from generators.making.classes import Roles
from generators.making.copies import Naming, Task, write_copies
from generators.making.order import Order, planned
from generators.making.plan import Plan, Use
from generators.making.scan import Looking, Scan, scan

FACES = "faces.jsonl"
ITEM_MS = 80.0


@dataclass(frozen=True, kw_only=True)
class Making:
    """How new pictures are made.  suffix: theirs, "" for that of their source.  link: how originals come over.

    predictor: its file, from `scan.ready`.  masks: folder of the user's own, None for none.
    """

    roles: Roles
    predictor: Path
    masks: Path | None = None
    min_face: float = 16.0
    seed: int = 0
    suffix: str = ""
    link: str = "hard"
    workers: int = 0
    quiet: bool = False

    def wardrobe(self) -> Mapping[str, Texture]:
        """The user's own masks by name.  Raises TemplateError where one cannot be used."""
        return templates.read(self.masks) if self.masks else NO_OWN


@dataclass(frozen=True, kw_only=True)
class Settings(Making):
    """How a split is made of another one."""

    order: Order


@dataclass(frozen=True)
class Source:
    """A split that another is made of.  classes: of the new one.  ways: id -> how an original gets there.

    wardrobe: masks of the user's own.
    """

    folder: Path
    dataset: Dataset
    classes: tuple[str, ...]
    ways: Mapping[str, convert.Picture]
    known: Provenance
    wardrobe: Mapping[str, Texture] = field(default_factory=dict)

    @property
    def train(self) -> tuple[Annotation, ...]:
        return self.dataset.of_split("train")

    @cached_property
    def _splits(self) -> dict[str, str]:
        return {a.id: split for a, split in zip(self.dataset.annotations, self.dataset.splits, strict=True)}

    def split_of(self, name: str) -> str:
        """The split of a picture."""
        return self._splits[name]


@dataclass(frozen=True)
class Overlay:
    """A plan, and what it was made from.  before, after: (C,) boxes of each class in train."""

    source: Source
    naming: Naming
    from_class: str
    scans: tuple[Scan, ...]
    plan: Plan
    before: NDArray
    after: NDArray
    wardrobe: Mapping[str, Texture] = field(default_factory=dict)


def read_source(folder: Path, settings: Settings) -> Source:
    """The split, checked; nothing is written.

    Raises LayoutError where it is not divided, AnnotationError where it holds errors, TargetError where a class is
    not there, UserError where one of the user's own masks cannot be used.
    """
    wardrobe = settings.wardrobe()
    reading = formats.read(folder, workers=settings.workers, quiet=settings.quiet)
    refuse((*reading.problems, *box_problems(reading.dataset)))
    dataset, _ = tidy(reading.dataset)
    if not dataset.of_split("train"):
        raise LayoutError(folder, "no training split", "train, val and test", "run `datatools convert` on it first")
    classes = settings.roles.classes(dataset.classes, settings.order.roles(settings.roles))
    ways = convert.conversion_of(dataset, reading, convert.Settings()).pictures
    return Source(folder, dataset, classes, ways, read_provenance(folder_of(folder)), wardrobe)


def plan_overlay(source: Source, settings: Settings, folder: Path | None = None) -> Overlay:
    """What will be made.  folder: where progress is kept; nothing is written without one.

    Raises TargetError where there is no face to work on.
    """
    roles, known = settings.roles, source.known
    naming = Naming(roles.names, source.classes)
    label = source.classes.index(roles.from_class)
    pictures = [a for a in source.train if (a.labels == label).any() and not known.is_made(a.id)]
    looking = Looking(label, settings.predictor, settings.min_face, folder)
    scans = tuple(scan(pictures, looking, workers=settings.workers, quiet=settings.quiet))
    before = np.bincount(np.concatenate([a.labels for a in source.train]), minlength=len(source.classes))
    counts = dict(zip(source.classes, before.tolist(), strict=True))
    plan = planned(scans, settings.order, roles, counts, settings.seed, source.wardrobe)
    after = before + added(plan, source, naming)
    return Overlay(source, naming, roles.from_class, scans, plan, before, after, source.wardrobe)


def added(plan: Plan, source: Source, naming: Naming) -> NDArray:
    """Boxes of each class that the plan adds, (C,)."""
    labels_of = {a.id: a.labels for a in source.dataset.annotations}
    counts = np.zeros(len(source.classes), np.int64)
    for (name, _), uses in plan.copies.items():
        labels = labels_of[name].copy()
        labels[[use.box for use in uses]] = [naming.label(use) for use in uses]
        np.add.at(counts, labels, 1)
    return counts


def carry_out(source: Source, out: Path, settings: Settings, *, overwrite: bool = False) -> tuple[Overlay, Dataset]:
    """Plan, write the new split, and count again; returns the plan, and the split as read back from the disk.

    Raises AssertionError, a fault of ours, if the counts on the disk are not the plan's.
    """
    refuse_overwrite(out, folder_of(source.folder), overwrite=overwrite)
    with staged(out, resume=True) as folder:
        same_run(folder, fingerprint_of(source, settings))
        try:
            overlay = plan_overlay(source, settings, folder)
        except UserError:
            shutil.rmtree(folder)  # nothing was made that could be gone on with
            raise
        originals = list(bring_originals(source.dataset, source.ways, folder, settings.link, source.known))
        entries = draw(overlay, folder, settings.seed, settings.suffix, workers=settings.workers, quiet=settings.quiet)
        describe(folder, source.classes, [*originals, *entries], "synthetic")
    written = formats.read(out, workers=settings.workers, quiet=settings.quiet).dataset
    if written.counts("train").tolist() != overlay.after.tolist():
        raise AssertionError(f"{out}: {written.counts('train')} boxes on disk, {overlay.after} were planned")
    return overlay, written


def fingerprint_of(source: Source, settings: Making) -> str:
    """Changes when anything does that the result depends on."""
    state = settings.predictor.stat()
    said = asdict(replace(settings, workers=0, quiet=False))
    said["roles"]["stated"] = source.classes
    said["predictor"] = [str(settings.predictor.resolve()), state.st_size, state.st_mtime_ns]
    said["masks"] = list(source.wardrobe)
    own = (texture.albedo.tobytes() + texture.uv.tobytes() for texture in source.wardrobe.values())
    return fingerprint(said, source.dataset, source.known, own)


def tasks_of(overlay: Overlay, suffix: str = "") -> list[Task]:
    """The pictures that are copied, in their order.  suffix: of the copies, "" for that of their source."""
    source = overlay.source
    tag = free_tag("s", (way.target for way in source.ways.values()))
    found: dict[str, dict[int, tuple[Use, ...]]] = {}
    for (name, copy), uses in overlay.plan.copies.items():
        found.setdefault(name, {})[copy] = tuple(uses)
    tasks = []
    for scanned in overlay.scans:
        a = scanned.annotation
        if a.id in found:
            target = PurePosixPath(source.ways[a.id].target)
            stem = f"{target.with_suffix('').as_posix()}{tag}"
            sources = tuple(source.known.lineage(a.id))
            tasks.append(Task(a, found[a.id], stem, suffix or target.suffix, sources, source.split_of(a.id)))
    return tasks


def draw(
    overlay: Overlay, folder: Path, seed: int, suffix: str = "", *, workers: int = 0, quiet: bool = False
) -> list[dict]:
    """Draw every new picture into the folder, and list every face there; returns the manifest's entries."""
    work = partial(write_copies, naming=overlay.naming, seed=seed, folder=folder, wardrobe=overlay.wardrobe)
    made = list(
        ordered_map(
            work,
            tasks_of(overlay, suffix),
            workers=workers,
            item_ms=ITEM_MS,
            what="drawing",
            quiet=quiet,
            weigh=lambda said: len(said["pictures"]),
            total=len(overlay.plan.copies),
        )
    )
    lines = [*(line for said in made for line in said["faces"]), *rejections(overlay)]
    put(folder / FACES, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return [entry for said in made for entry in said["pictures"]]


def rejections(overlay: Overlay) -> Iterator[dict]:
    """A line for each box that was not used, and for each picture that could not be read."""
    for s in overlay.scans:
        a = s.annotation
        if s.unreadable:
            yield {"source": a.id, "reason": "unreadable", "detail": s.unreadable}
        refused = {box: (r.reason, r.detail) for box, r in s.rejected.items()}
        unfit = {box: overlay.plan.unfit[a.id, box] for box in s.faces if (a.id, box) in overlay.plan.unfit}
        refused |= {box: (r.reason, r.detail) for box, r in unfit.items()}
        for box in sorted(refused):
            reason, detail = refused[box]
            xyxy = np.round(a.xyxy[box], 2).tolist()
            yield {"source": a.id, "box": box, "xyxy": xyxy, "reason": reason, "detail": detail}
