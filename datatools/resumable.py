"""A new split that is made of another one, resumably: its originals brought over, made pictures added to train.

It is built in a staged folder.  A finished task leaves what it has to say in `.progress/`, the last thing it writes;
the command that is run again after a kill passes over what is finished, and ends in the same bytes.  What another
command left there is thrown away: each has a fingerprint of all that its result depends on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from datatools.convert import Picture, place_picture
from datatools.core import Dataset
from datatools.formats import ignored, yolo
from datatools.outputs import MANIFEST, UNFINISHED, put
from datatools.provenance import Provenance

PROGRESS = ".progress"


def fingerprint(said: object, dataset: Dataset, known: Provenance, more: Iterable[bytes] = ()) -> str:
    """Changes when the source does, or what was said.  said: the settings, as JSON can hold them."""
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for a, split in zip(dataset.annotations, dataset.splits, strict=True):
        state = Path(a.path).stat()
        digest.update(f"{a.id}\0{a.path}\0{split}\0{state.st_size} {state.st_mtime_ns}".encode())
        digest.update(a.xyxy.tobytes() + a.labels.tobytes() + a.ignored.tobytes())
        digest.update(json.dumps(known.entry(a.id, "", split, "")).encode())
    for data in more:
        digest.update(data)
    return digest.hexdigest()


def same_run(folder: Path, print_: str) -> None:
    """Empty the folder, unless a run with the same fingerprint left it."""
    mark = folder / PROGRESS / "run"
    if not mark.is_file() or mark.read_text() != print_:
        for item in folder.iterdir():
            if item.is_dir():
                shutil.rmtree(item)
            elif item.name != UNFINISHED:
                item.unlink()
        put(mark, print_)


def once(mark: Path, work: Callable[[], Any]) -> Any:
    """What `work` says, or said in the run that was stopped.  mark: where that is kept, as JSON."""
    if mark.is_file() and (text := mark.read_text(encoding="utf-8")):
        return json.loads(text)
    said = work()
    put(mark, json.dumps(said, ensure_ascii=False))
    return said


def free_tag(letter: str, targets: Iterable[str]) -> str:
    """What sets made pictures apart by name: `__b` for letter b, or more where the names hold that already."""
    tag = f"__{letter}"
    names = list(targets)
    while any(tag in PurePosixPath(name).name for name in names):
        tag += letter
    return tag


def bring_originals(
    dataset: Dataset, ways: Mapping[str, Picture], folder: Path, link: str, known: Provenance
) -> Iterator[dict]:
    """Every picture of the source with its label file, and its manifest entry; val and test byte for byte."""
    for a, split in zip(dataset.annotations, dataset.splits, strict=True):
        way = ways[a.id]
        if not (folder / way.target).exists():
            place_picture(way, folder, link)
        verbatim = split != "train" and a.source.endswith(".txt")
        for path, text in yolo.text_files(a, way.target):
            source = ignored.ignore_path(a.source) if path.startswith(ignored.FOLDER) else a.source
            put(folder / path, Path(source).read_bytes() if verbatim else text)
        yield known.entry(a.id, way.target, split, way.recipe)


def describe(
    folder: Path, classes: tuple[str, ...], entries: Iterable[dict], kind: str, more: Mapping[str, str] | None = None
) -> None:
    """The manifest, the files that describe the split as a whole; and the marks of progress are gone.

    more: what else data.yaml says.
    """
    members: dict[str, list[str]] = {}
    lines = []
    for entry in entries:
        members.setdefault(entry["split"], []).append(entry["image"])
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    put(folder / MANIFEST, "".join(lines))
    for path, text in yolo.list_files(classes, members, kind, more):
        put(folder / path, text)
    shutil.rmtree(folder / PROGRESS)
