"""Photographs of bare faces, without boxes -> a set of three classes: worn right, worn wrong, not worn.

The faces are found, the photographs divided into train, val and test, and in each split its own faces are given masks,
or something that is none, until every class has its share.  There is no photographed mask in such a set, so that here,
and only here, val and test hold drawn ones too, each from a photograph of the same split; all are marked as made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from datatools import convert, formats
from datatools.core import SPLITS, Annotation, Dataset
from datatools.errors import TargetError
from datatools.outputs import refuse_overwrite, staged
from datatools.provenance import read_provenance
from datatools.resumable import bring_originals, describe, same_run
from generators.faces.detect import Annotated, annotate
from generators.making.build import Making, Overlay, Source, added, draw, fingerprint_of
from generators.making.classes import MIX
from generators.making.copies import Naming
from generators.making.plan import Plan, Subject, mix_of, plan_faces, quotas
from generators.making.scan import Looking, scan

NEGATIVES = 0.2  # least share of hard negatives among the bare faces


@dataclass(frozen=True, kw_only=True)
class Settings(Making):
    """per_class: boxes of each class, all splits together.  shares: of the splits.  mix: of the wrong modes."""

    per_class: int
    shares: tuple[float, ...] = (0.8, 0.1, 0.1)
    mix: Mapping[str, float] = field(default_factory=lambda: MIX)


@dataclass(frozen=True)
class Portraits:
    """The plan.  overlay: what is drawn, in all splits.  kept: photographs that come over as they are, by their id."""

    annotated: Annotated
    overlay: Overlay
    kept: frozenset[str]

    @property
    def originals(self) -> Dataset:
        """The photographs that are kept."""
        dataset = self.overlay.source.dataset
        pairs = [(a, s) for a, s in zip(dataset.annotations, dataset.splits, strict=True) if a.id in self.kept]
        return Dataset(dataset.classes, tuple(a for a, _ in pairs), tuple(s for _, s in pairs))


def read_portraits(photos: Path, settings: Settings) -> tuple[Annotated, Source]:
    """The faces of the photographs, divided; nothing is written.

    Raises UserError where there is no photograph, or no face in them.
    """
    bare, wardrobe = settings.roles.names["none"], settings.wardrobe()
    found = annotate(
        photos,
        class_name=bare,
        predictor=settings.predictor,
        min_face=settings.min_face,
        workers=settings.workers,
        quiet=settings.quiet,
    )
    how = convert.Settings(
        split=settings.shares, skip_errors=True, seed=settings.seed, workers=settings.workers, quiet=settings.quiet
    )
    plan = convert.plan_reading(found.reading, photos, how)
    classes = tuple(sorted(settings.roles.names.values()))
    label = classes.index(bare)
    annotations = tuple(replace(a, labels=np.full(len(a), label)) for a in plan.dataset.annotations)
    dataset = Dataset(classes, annotations, plan.dataset.splits)
    return found, Source(photos, dataset, classes, plan.pictures, read_provenance(photos), wardrobe)


def plan_portraits(found: Annotated, source: Source, settings: Settings, folder: Path | None = None) -> Portraits:
    """What will be drawn and kept.  folder: where progress is kept; nothing is written without one."""
    bare = settings.roles.names["none"]
    looking = Looking(source.classes.index(bare), settings.predictor, settings.min_face, folder)
    annotations = source.dataset.annotations
    scans = tuple(scan(annotations, looking, workers=settings.workers, quiet=settings.quiet))
    subjects = {split: [s.subject for s in scans if s.faces and _in(source, s.annotation, split)] for split in SPLITS}
    usable = {split: sum(len(s.faces) for s in some) for split, some in subjects.items()}
    if not sum(usable.values()):
        raise TargetError(source.folder, "no usable face", "faces seen from the front", "lower --min-face, or add some")
    targets = quotas(settings.per_class, {split: n / sum(usable.values()) for split, n in usable.items()})
    parts = {split: _planned(source, split, subjects[split], n, settings) for split, n in targets.items()}
    plan = _joined([plan for plan, _ in parts.values()])
    kept = frozenset(name for _, names in parts.values() for name in names)
    naming = Naming(settings.roles.names, source.classes)
    before = source.dataset.counts()
    overlay = Overlay(source, naming, bare, scans, plan, before, before)
    portraits = Portraits(found, overlay, kept)
    after = portraits.originals.counts() + added(plan, source, naming)
    return replace(portraits, overlay=replace(overlay, after=after))


def _in(source: Source, a: Annotation, split: str) -> bool:
    return source.split_of(a.id) == split


def _planned(
    source: Source,
    split: str,
    subjects: Sequence[Subject],
    target: int,
    settings: Settings,
) -> tuple[Plan, list[str]]:
    """(what is drawn in a split, photographs that are kept there), for `target` boxes of each class."""
    if not target:
        return Plan((), {}, ()), []
    photographs = source.dataset.of_split(split)
    bare = sum(len(a) for a in photographs)
    negatives = max(target - bare, round(NEGATIVES * target))
    shares = {"correct": (target, mix_of("correct")), "incorrect": (target, settings.mix)}
    shares["none"] = (negatives, mix_of("none"))
    wanted = {mode: n for total, mix in shares.values() for mode, n in quotas(total, mix).items()}
    plan = plan_faces(subjects, wanted, settings.seed, source.wardrobe)
    naming = Naming(settings.roles.names, source.classes)
    room = target - int(added(plan, source, naming)[source.classes.index(settings.roles.names["none"])])
    return plan, _kept(photographs, room, np.random.default_rng([settings.seed, SPLITS.index(split)]))


def _kept(photographs: Sequence[Annotation], room: int, rng: np.random.Generator) -> list[str]:
    """Photographs with together at most `room` boxes, as many as fit, in a random order."""
    kept = []
    for k in rng.permutation(len(photographs)):
        a = photographs[k]
        if len(a) <= room:
            kept.append(a.id)
            room -= len(a)
    return kept


def _joined(plans: Sequence[Plan]) -> Plan:
    unfit = {face: why for plan in plans for face, why in plan.unfit.items()}
    uses = tuple(use for plan in plans for use in plan.uses)
    usable = tuple(face for plan in plans for face in plan.usable)
    return Plan(uses, unfit, usable, sum(p.exchanged for p in plans), sum(p.short for p in plans))


def carry_out(photos: Path, out: Path, settings: Settings, *, overwrite: bool = False) -> tuple[Portraits, Dataset]:
    """Write the set; returns the plan, and the set as read back from the disk.

    A killed run is gone on with.  Raises AssertionError if the counts on the disk are not the plan's.
    """
    refuse_overwrite(out, photos, overwrite=overwrite)
    found, source = read_portraits(photos, settings)
    with staged(out, resume=True) as folder:
        same_run(folder, fingerprint_of(source, settings))
        portraits = plan_portraits(found, source, settings, folder)
        overlay = portraits.overlay
        originals = list(bring_originals(portraits.originals, source.ways, folder, settings.link, source.known))
        made = draw(overlay, folder, settings.seed, settings.suffix, workers=settings.workers, quiet=settings.quiet)
        describe(folder, source.classes, [*originals, *made], "synthetic")
    written = formats.read(out, workers=settings.workers, quiet=settings.quiet).dataset
    if written.counts().tolist() != overlay.after.tolist():
        raise AssertionError(f"{out}: {written.counts()} boxes on disk, {overlay.after} were planned")
    return portraits, written
