"""Carry a plan out on disk, resumably: one task a training picture, which writes all of its copies.

A finished task leaves its manifest entries as its mark of progress (see `resumable`): a killed run is gone on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from datatools.balance.pixels.copies import Copier, Task, tasks_of
from datatools.balance.pixels.policy import Policy
from datatools.balance.planning.plan import Plan
from datatools.convert import Picture
from datatools.core import Annotation, Dataset
from datatools.formats import yolo
from datatools.images import compression, encode
from datatools.outputs import put, staged
from datatools.parallel import ordered_map
from datatools.provenance import Provenance
from datatools.resumable import PROGRESS, bring_originals, describe, fingerprint, free_tag, once, same_run

ITEM_MS = 15.0  # what a picture with its copies costs, at least


@dataclass(frozen=True)
class Settings:
    """How copies are made.  suffix: .jpg or .png.  quality: of a JPEG.  link: how originals are brought over."""

    policy: Policy
    seed: int = 0
    min_visibility: float = 0.6
    suffix: str = ".jpg"
    link: str = "copy"
    workers: int = 0
    quiet: bool = False
    quality: int = 95
    box_fit: str = "ellipse"


def apply_plan(
    plan: Plan, dataset: Dataset, ways: Mapping[str, Picture], out: Path, settings: Settings, known: Provenance
) -> int:
    """Write the balanced split; returns how many copies could only be flipped.

    ways: id -> how the original gets to the new folder (see `convert.conversion_of`).  known: the source's manifest,
    whose made pictures stay marked.
    Originals come over unchanged, val and test byte for byte; only the training split gets copies.
    """
    train = dataset.of_split("train")
    tasks = tasks_of(plan, train)
    names = {name: PurePosixPath(way.target).with_suffix("").as_posix() for name, way in ways.items()}
    lineage = {a.id: known.lineage(a.id) for a in train if known.is_made(a.id)}
    cleaned = {
        t.annotation.id: known.entry(t.annotation.id, ways[t.annotation.id].target, "train", "synthetic")
        for t in tasks
        if t.first is not None
    }
    with staged(out, resume=True) as folder:
        same_run(folder, _fingerprint(plan, dataset, settings, known))
        originals = list(bring_originals(_untouched(plan, dataset), ways, folder, settings.link, known))
        tag = free_tag("b", names.values())
        work = partial(
            run_task, names=names, lineage=lineage, cleaned=cleaned, tag=tag, folder=folder, settings=settings
        )
        made = ordered_map(
            work,
            tasks,
            workers=settings.workers,
            item_ms=ITEM_MS,
            what="augmenting",
            quiet=settings.quiet,
            weigh=len,
            total=plan.copies + len(cleaned),
        )
        copies = [entry for entries in made for entry in entries]
        describe(folder, dataset.classes, [*originals, *copies], "balanced")
    return sum("flips_only" in entry for entry in copies)


def _untouched(plan: Plan, dataset: Dataset) -> Dataset:
    """The pictures that come over as they are: all but the synthetic ones that are left out or partly erased."""
    train = dataset.of_split("train")
    changed = {a.id for row, a in enumerate(train) if not plan.comes_whole(row)}
    pairs = [p for p in zip(dataset.annotations, dataset.splits, strict=True) if p[0].id not in changed]
    return Dataset(dataset.classes, tuple(a for a, _ in pairs), tuple(split for _, split in pairs))


def _fingerprint(plan: Plan, dataset: Dataset, settings: Settings, known: Provenance) -> str:
    """Changes when anything does that the result depends on."""
    said: list = [asdict(replace(settings, workers=0, quiet=False)), plan.classes]
    shapes = [(row, [asdict(r) | {"kept": r.kept.tolist()} for r in runs]) for row, runs in plan.listed.items()]
    said += [plan.wanted.unwanted, shapes]
    return fingerprint(said, dataset, known, (appearances.tobytes() for appearances in plan.appearances))


def run_task(
    task: Task,
    names: Mapping[str, str],
    lineage: Mapping[str, list[str]],
    cleaned: Mapping[str, dict],
    tag: str,
    folder: Path,
    settings: Settings,
) -> list[dict]:
    """Write the copies of one picture; returns their manifest entries.  What is already there is not made again.

    lineage: id -> sources of its copies, where they are more than the picture itself.
    cleaned: id -> manifest entry of a synthetic picture that is partly erased, and so written again.
    """
    stem = names[task.annotation.id]
    mark = folder / PROGRESS / f"{PurePosixPath(stem).name}.json"
    first = cleaned.get(task.annotation.id)
    with _one_thread():
        return once(mark, lambda: list(_copies(task, f"{stem}{tag}", lineage, first, folder, settings)))


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV's own threads gain nothing on such pictures, and stand in each other's way where there are workers."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _copies(
    task: Task, stem: str, lineage: Mapping[str, list[str]], first: dict | None, folder: Path, settings: Settings
) -> Iterator[dict]:
    """Write each copy; yields its manifest entry.  stem: path of a copy without its number."""
    from datatools.balance.pixels.augment import Augmenter

    copier = Copier(task, Augmenter(settings.policy, settings.min_visibility, settings.box_fit), settings.seed)
    if first is not None:
        yield _write_cleaned(copier, first, folder, settings.suffix)
    for number in range(1, len(task.kept) + 1):
        made = copier.make(number)
        target = f"{stem}{number:03d}{settings.suffix}"
        put(folder / target, copier.encoded(made, settings.suffix, settings.quality))
        _put_labels(made.annotation, target, folder)
        shown = [task.annotation.id, *(one.source.id for one in task.pasted(number))]
        sources = list(dict.fromkeys(s for name in shown for s in lineage.get(name, [name])))
        yield {"image": target, "split": "train", "sources": sources, **made.recipe}


def _write_cleaned(copier: Copier, entry: dict, folder: Path, suffix: str) -> dict:
    """Write a synthetic picture that is partly erased, compressed as it was; returns its manifest entry."""
    made = copier.cleaned()
    target = PurePosixPath(entry["image"])
    target = target if target.suffix in (".jpg", ".png") else target.with_suffix(suffix)
    source = copier.task.annotation.path
    put(folder / target, encode(made.pixels, target.suffix, like=compression(source)))
    _put_labels(made.annotation, str(target), folder)
    return entry | {"image": str(target), **made.recipe}


def _put_labels(annotation: Annotation, picture: str, folder: Path) -> None:
    for path, text in yolo.text_files(annotation, picture):
        put(folder / path, text)
