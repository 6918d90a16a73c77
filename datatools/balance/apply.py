"""Carry a plan out on disk, resumably: one task a training picture, which writes all of its copies.

A finished task leaves its manifest entries in `.progress/`, the last thing it writes; the command that is run again
after a kill passes over what is finished, and ends in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from datatools.balance.copies import Task, tasks_of
from datatools.balance.plan import Plan
from datatools.balance.policy import Policy
from datatools.convert import Picture, place_picture
from datatools.core import Dataset
from datatools.formats import yolo
from datatools.images import encode
from datatools.outputs import MANIFEST, UNFINISHED, put, staged
from datatools.parallel import ordered_map
from datatools.provenance import Provenance

PROGRESS = ".progress"


@dataclass(frozen=True)
class Settings:
    """How copies are made.  suffix: .jpg or .png.  link: how originals are brought over."""

    policy: Policy
    seed: int = 0
    min_visibility: float = 0.6
    suffix: str = ".jpg"
    link: str = "copy"
    workers: int = 0
    quiet: bool = False


def apply_plan(
    plan: Plan, dataset: Dataset, ways: Mapping[str, Picture], out: Path, settings: Settings, known: Provenance
) -> int:
    """Write the balanced split; returns how many copies could only be flipped.

    ways: id -> how the original gets to the new folder (see `convert.conversion_of`).  known: the source's manifest,
    whose made pictures stay marked.
    Originals come over unchanged, val and test byte for byte; only the training split gets copies.
    """
    tasks = tasks_of(plan, dataset.of_split("train"))
    names = {name: PurePosixPath(way.target).with_suffix("").as_posix() for name, way in ways.items()}
    lineage = {t.annotation.id: known.lineage(t.annotation.id) for t in tasks if known.is_made(t.annotation.id)}
    with staged(out, resume=True) as folder:
        _same_run(folder, _fingerprint(plan, dataset, settings, known))
        originals = list(_bring_originals(dataset, ways, folder, settings.link, known))
        tag = _tag(names.values())
        work = partial(run_task, names=names, lineage=lineage, tag=tag, folder=folder, settings=settings)
        made = ordered_map(
            work,
            tasks,
            workers=settings.workers,
            item_ms=60,
            what="augmenting",
            quiet=settings.quiet,
            weigh=len,
            total=plan.copies,
        )
        copies = [entry for entries in made for entry in entries]
        _describe(folder, dataset.classes, [*originals, *copies])
        shutil.rmtree(folder / PROGRESS)
    return sum("flips_only" in entry for entry in copies)


def _tag(targets: Iterable[str]) -> str:
    """What sets copies apart by name: `__b`, or more where a set is balanced a second time."""
    tag = "__b"
    names = list(targets)
    while any(tag in PurePosixPath(name).name for name in names):
        tag += "b"
    return tag


def _fingerprint(plan: Plan, dataset: Dataset, settings: Settings, known: Provenance) -> str:
    """Changes when anything does that the result depends on."""
    said = asdict(replace(settings, workers=0, quiet=False))
    digest = hashlib.sha256(json.dumps([said, plan.classes], sort_keys=True).encode())
    for a, split in zip(dataset.annotations, dataset.splits, strict=True):
        state = Path(a.path).stat()
        digest.update(f"{a.id}\0{a.path}\0{split}\0{state.st_size} {state.st_mtime_ns}".encode())
        digest.update(a.xyxy.tobytes() + a.labels.tobytes() + json.dumps(known.entry(a.id, "", split, "")).encode())
    for appearances in plan.appearances:
        digest.update(appearances.tobytes())
    return digest.hexdigest()


def _same_run(folder: Path, fingerprint: str) -> None:
    """Empty the folder, unless a run with the same fingerprint left it."""
    mark = folder / PROGRESS / "run"
    if not mark.is_file() or mark.read_text() != fingerprint:
        for item in folder.iterdir():
            if item.is_dir():
                shutil.rmtree(item)
            elif item.name != UNFINISHED:
                item.unlink()
        put(mark, fingerprint)


def _bring_originals(
    dataset: Dataset, ways: Mapping[str, Picture], folder: Path, link: str, known: Provenance
) -> Iterable[dict]:
    """Every picture of the source with its label file, and its manifest entry."""
    for a, split in zip(dataset.annotations, dataset.splits, strict=True):
        way = ways[a.id]
        if not (folder / way.target).exists():
            place_picture(way, folder, link)
        verbatim = split != "train" and a.source.endswith(".txt")
        label = Path(a.source).read_bytes() if verbatim else yolo.text_of(a)
        put(folder / yolo.label_path(way.target), label)
        yield known.entry(a.id, way.target, split, way.recipe)


def run_task(
    task: Task,
    names: Mapping[str, str],
    lineage: Mapping[str, list[str]],
    tag: str,
    folder: Path,
    settings: Settings,
) -> list[dict]:
    """Write the copies of one picture; returns their manifest entries.  What is already there is not made again.

    lineage: id -> sources of its copies, where they are more than the picture itself.
    """
    from datatools.balance.augment import Augmenter
    from datatools.balance.copies import Copier

    stem = names[task.annotation.id]
    mark = folder / PROGRESS / f"{PurePosixPath(stem).name}.json"
    if mark.is_file() and (text := mark.read_text(encoding="utf-8")):
        return json.loads(text)
    copier = Copier(task, Augmenter(settings.policy, settings.min_visibility), settings.seed)
    sources = lineage.get(task.annotation.id, [task.annotation.id])
    entries = []
    for number in range(1, len(task.kept) + 1):
        made = copier.make(number)
        target = f"{stem}{tag}{number:03d}{settings.suffix}"
        put(folder / target, encode(made.pixels, settings.suffix))
        put(folder / yolo.label_path(target), yolo.text_of(made.annotation))
        entries.append({"image": target, "split": "train", "sources": sources, **made.recipe})
    put(mark, json.dumps(entries, ensure_ascii=False))
    return entries


def _describe(folder: Path, classes: tuple[str, ...], entries: list[dict]) -> None:
    """The manifest, and the files that describe the split as a whole."""
    put(folder / MANIFEST, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))
    members: dict[str, list[str]] = {}
    for entry in entries:
        members.setdefault(entry["split"], []).append(entry["image"])
    for path, text in yolo.list_files(classes, members, "balanced"):
        put(folder / path, text)
