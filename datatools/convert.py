"""The conversion: read any format, decide everything, then write the new folder in one go."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from itertools import count as count_from
from pathlib import Path, PurePosixPath
from unicodedata import category

import numpy as np

from datatools import formats
from datatools.check import box_problems, tally
from datatools.core import UNSPLIT, Annotation, Dataset
from datatools.errors import LayoutError
from datatools.formats.assemble import Classes, Reading
from datatools.images import decode, encode
from datatools.narrow import only_with
from datatools.outputs import MANIFEST, place, put, refuse_overwrite, staged
from datatools.parallel import ordered_map
from datatools.problems import ERROR, Problem
from datatools.provenance import Provenance, read_provenance
from datatools.repair import leave_out, refuse, tidy
from datatools.split import divide, split_by_lists
from datatools.tree import SPLIT_WORDS
from datatools.walk import folder_of

DEFAULT_SHARES = (0.8, 0.1, 0.1)
KEPT_SUFFIXES = {".jpg": ".jpg", ".jpeg": ".jpg", ".png": ".png"}  # what every YOLO loader reads; the rest becomes PNG


@dataclass(frozen=True, slots=True)
class Settings:
    """How to convert.

    split: shares of train, val and test; `keep` leaves the source's division, `none` undoes it, `auto` divides what is
    not divided where the output is YOLO.  lists: split -> lines of its published list, which go before `split`.
    only_with: classes, of which a training picture is to hold at least one; none for any picture.
    """

    read_as: str = ""
    write_as: str = "yolo"
    classes: Classes = field(default_factory=Classes)
    split: tuple[float, ...] | str = "auto"
    lists: Mapping[str, Sequence[str]] | None = None
    only_with: tuple[str, ...] = ()
    skip_errors: bool = False
    clip: bool = True
    link: str = "copy"
    one_based: bool = False
    seed: int = 0
    workers: int = 0
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture's way: from `source` to `target` (below the new folder), turned upright or re-encoded if need be.

    recipe: copy, turn (EXIF) or transcode (another file type).
    """

    source: str
    target: str
    recipe: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """The plan of a conversion.  pictures: id -> way.  done: repairs, as lines.

    groups: id -> group of near-duplicates and of pictures with a common source.
    """

    source: str
    read_as: str
    dataset: Dataset
    pictures: Mapping[str, Picture]
    groups: Mapping[str, str]
    problems: tuple[Problem, ...]
    done: tuple[str, ...]


def plan_conversion(source: Path, settings: Settings) -> Conversion:
    """Everything that the conversion will do; nothing is written.

    Raises UserError at the first error in the data, unless `skip_errors`; and where the split cannot be made.
    """
    reading = formats.read(
        source,
        settings.read_as,
        settings.classes,
        one_based=settings.one_based,
        dhash=_may_divide(settings),
        verify=True,  # a picture that is cut off must not get into a training set
        workers=settings.workers,
        quiet=settings.quiet,
    )
    return plan_reading(reading, source, settings)


def plan_reading(reading: Reading, source: Path, settings: Settings) -> Conversion:
    """The same for a data set that was read already, or made; its pictures measured with `dhash` where it is divided.

    source: the folder that it came from.
    """
    problems = (*reading.problems, *box_problems(reading.dataset))
    dataset, left_out = _usable(reading, problems, settings)
    dataset, tidied = tidy(dataset, clip=settings.clip)
    if not len(dataset):
        raise LayoutError(source, "an empty data set", "at least one picture", "see `datatools check`")
    known = read_provenance(folder_of(source))
    dataset, groups, beyond = _divided(dataset, reading, settings, known)
    if settings.only_with:
        dataset, narrowed = only_with(dataset, settings.only_with)
        beyond += [f"left out: {name}: no box of {', '.join(settings.only_with)}" for name in narrowed]
    plan = conversion_of(dataset, reading, settings)
    return replace(plan, source=str(source), groups=groups, problems=problems, done=(*left_out, *tidied, *beyond))


def conversion_of(dataset: Dataset, reading: Reading, settings: Settings) -> Conversion:
    """The plan that writes a data set as it is."""
    pictures = _ways(dataset, reading, formats.load(settings.write_as).picture_folder)
    return Conversion("", reading.format, dataset, pictures, {}, (), ())


def _usable(reading: Reading, problems: Sequence[Problem], settings: Settings) -> tuple[Dataset, list[str]]:
    if not settings.clip:
        problems = [p for p in problems if p.code != "box-far-outside"]
    if settings.skip_errors:
        return leave_out(reading.dataset, problems)
    refuse(problems)
    return reading.dataset, []


def _divided(
    dataset: Dataset, reading: Reading, settings: Settings, known: Provenance
) -> tuple[Dataset, Mapping[str, str], list[str]]:
    """(divided set, groups that stay together, what was left out)."""
    if settings.lists:
        listed, left = split_by_lists(dataset, settings.lists)
        if left and not settings.skip_errors:
            found = f"{len(left)} pictures are in no list, such as {left[0]}"
            raise LayoutError("--split-file", found, remedy="list them, or leave them out with --on-error skip")
        return listed, {}, [f"left out: {name}: in no list" for name in left]
    shares = wanted_shares(settings, dataset)
    if shares is None:
        return (dataset.with_splits([UNSPLIT] * len(dataset)) if settings.split == "none" else dataset), {}, []
    hashes = {a.id: h for a in dataset.annotations if (h := reading.measures[a.id].dhash) is not None}
    dataset, groups, left = divide(dataset, shares, hashes, known, np.random.default_rng(settings.seed))
    said = [f"left out: {len(left)} made pictures whose source is not in train, such as {left[0]}"] if left else []
    return dataset, groups, said


def _may_divide(settings: Settings) -> bool:
    kept = settings.split in ("keep", "none") or (settings.split == "auto" and settings.write_as != "yolo")
    return not settings.lists and not kept


def wanted_shares(settings: Settings, dataset: Dataset) -> tuple[float, ...] | None:
    """Shares of train, val and test; None leaves the set divided, or undivided, as it is."""
    if settings.split == "auto":
        undivided = set(dataset.splits) == {UNSPLIT}
        return DEFAULT_SHARES if settings.write_as == "yolo" and undivided else None
    return settings.split if isinstance(settings.split, tuple) else None


def _ways(dataset: Dataset, reading: Reading, folder: Callable[[str], str]) -> dict[str, Picture]:
    names = target_names(dataset, folder)
    return {a.id: _way(a, names[a.id], reading.measures[a.id].orientation) for a in dataset.annotations}


def _way(a: Annotation, name: str, orientation: int) -> Picture:
    suffix = PurePosixPath(a.path).suffix.lower()
    recipe = "turn" if orientation != 1 else "copy" if suffix in KEPT_SUFFIXES else "transcode"
    return Picture(a.path, f"{name}{KEPT_SUFFIXES.get(suffix, '.png')}", recipe)


def target_names(dataset: Dataset, folder: Callable[[str], str]) -> dict[str, str]:
    """id -> path without suffix in the new folder: the id, its folders joined by `__`; a leading split is left away.

    Two that would meet (in any case of letters) both keep their whole id, and if they still meet, get a number.
    """
    places = {a.id: folder(split) for a, split in zip(dataset.annotations, dataset.splits, strict=True)}
    short = {name: f"{place}/{_safe(_without_split(name))}" for name, place in places.items()}
    count = Counter(path.casefold() for path in short.values())
    taken: set[str] = set()
    return {
        name: _free(path if count[path.casefold()] == 1 else f"{places[name]}/{_safe(name)}", taken)
        for name, path in short.items()
    }


def _without_split(name: str) -> str:
    first, _, rest = name.partition("/")
    return rest if rest and first in SPLIT_WORDS else name


def _free(path: str, taken: set[str]) -> str:
    """The path, with a number where another picture has it (in any case of letters); it is taken afterwards."""
    tries = chain([path], (f"{path}__{k}" for k in count_from(2)))
    found = next(p for p in tries if p.casefold() not in taken)
    taken.add(found.casefold())
    return found


def _safe(name: str) -> str:
    """One file name, without what breaks a list of one path a line, or XML."""
    return "".join("_" if c == "\\" or category(c) in ("Cc", "Zl", "Zp") else c for c in name.replace("/", "__"))


def write_conversion(plan: Conversion, out: Path, settings: Settings, *, overwrite: bool = False) -> None:
    """Write the folder: pictures, annotations, manifest.  It appears whole or not at all."""
    refuse_overwrite(out, folder_of(Path(plan.source)), overwrite=overwrite)
    writer = formats.load(settings.write_as)
    known = read_provenance(folder_of(Path(plan.source)))
    run = partial(ordered_map, workers=settings.workers, quiet=settings.quiet)
    with staged(out) as folder:
        ways = list(plan.pictures.values())
        item_ms = 5.0 if any(way.recipe != "copy" for way in ways) else 0.1
        work = partial(place_picture, folder=folder, link=settings.link)
        deque(run(work, ways, item_ms=item_ms, what="writing pictures"), maxlen=0)
        put(folder / MANIFEST, "".join(_manifest_lines(plan, known)))
        targets = {name: way.target for name, way in plan.pictures.items()}
        files = list(writer.files(plan.dataset, targets))
        deque(run(partial(put_file, folder=folder), files, what="writing labels"), maxlen=0)


def put_file(file: tuple[str, str], folder: Path) -> None:
    """Write one annotation file.  file: (path below the folder, text)."""
    put(folder / file[0], file[1])


def place_picture(way: Picture, folder: Path, link: str) -> None:
    target = folder / way.target
    if way.recipe == "copy":
        place(Path(way.source), target, link)
    else:
        put(target, encode(decode(way.source), target.suffix))


def _manifest_lines(plan: Conversion, known: Provenance) -> Iterator[str]:
    size = Counter(plan.groups.values())
    for a, split in zip(plan.dataset.annotations, plan.dataset.splits, strict=True):
        way, group = plan.pictures[a.id], plan.groups.get(a.id, "")
        entry = known.entry(a.id, way.target, split, way.recipe, group if size[group] > 1 else "")
        yield json.dumps(entry, ensure_ascii=False) + "\n"


def summary(plan: Conversion) -> dict:
    """What a program wants to know of a conversion."""
    groups = Counter(plan.groups.values())
    return {
        "source": plan.source,
        "from": plan.read_as,
        "images": len(plan.dataset),
        "problems": tally(plan.problems),
        "errors": sum(p.severity == ERROR for p in plan.problems),
        "done": list(plan.done),
        "near_duplicate_groups": sum(n > 1 for n in groups.values()),
    }
