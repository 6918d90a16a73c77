"""Data sets made by their commands, each whole or not at all, and counted; and the val part that all runs share.

A command writes beside the place, and what it wrote is renamed once it ended well. Beside a data set stands
`<key>.json`: its commands, how long they took, its boxes and pictures, and the digest of its val part.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector.atomic import write_atomically
from detector.data.split import Labelled, Split, read_split
from detector.errors import RunError, SuiteError
from detector.experiments.child import last_words, program
from detector.experiments.fingerprints import fingerprint
from detector.experiments.plan import DataSet
from detector.experiments.workers import Children


@dataclass(frozen=True)
class Built:
    """A data set that is there. boxes: by part and class.  val: its val part's digest.  seconds: of its commands."""

    key: str
    folder: str
    commands: tuple[str, ...]
    boxes: dict[str, dict[str, int]]
    pictures: dict[str, int]
    val: str
    seconds: float

    def as_record(self, recipe: str) -> dict[str, Any]:
        """For a run's record."""
        return {"recipe": recipe, "commands": list(self.commands), "key": self.key} | {
            "boxes": self.boxes,
            "pictures": self.pictures,
        }


def card(store: Path, key: str) -> Path:
    return store / "data" / f"{key}.json"


def read_built(store: Path, key: str) -> Built | None:
    """The data set `key`, if it is there and whole."""
    path = card(store, key)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        built = Built(**{**content, "commands": tuple(content["commands"])})
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(path, "does not describe a data set", "as it was written", "delete it") from error
    return built if Path(built.folder).is_dir() else None


def build(data: DataSet, store: Path, children: Children) -> Built:
    """Make a data set that is not there, and count it. Raises RunError with the last words of a command that failed."""
    found = read_built(store, data.key)
    if found is not None:
        return found
    began = time.monotonic()
    if data.command and not data.folder.is_dir():
        _make(data, children)
    built = _count(data, time.monotonic() - began)
    write_atomically(card(store, data.key), (json.dumps(asdict(built), ensure_ascii=False, indent=1) + "\n").encode())
    return built


def _make(data: DataSet, children: Children) -> None:
    beside = data.folder.with_name(f"{data.key}.part")
    fill = {"{in}": str(data.input), "{out}": str(beside)}
    if not beside.is_dir():  # the programs' folders appear whole or not at all
        command = [fill.get(word, word) for word in data.command]
        log = data.folder.with_name(f"{data.key}.log")
        code = children.run(program(command[0], *command[1:]), log)
        if code:
            raise RunError(" ".join(command[:2]), last_words(log, code), "", f"see {log}")
    beside.rename(data.folder)


def _count(data: DataSet, seconds: float) -> Built:
    split = read_split(data.folder)
    parts = {part: split.read(part) for part in ("train", "val") if split.has(part)}
    if len(parts) < 2:
        raise RunError(data.folder, f"no {'val' if 'train' in parts else 'train'} pictures", "both train and val")
    boxes = {part: _boxes(split, labelled) for part, labelled in parts.items()}
    pictures = {part: len(labelled) for part, labelled in parts.items()}
    return Built(data.key, str(data.folder), data.commands, boxes, pictures, _val(split, parts["val"]), seconds)


def _boxes(split: Split, labelled: Sequence[Labelled]) -> dict[str, int]:
    counts = Counter(int(number) for one in labelled for number in one.classes)
    return {name: counts[number] for number, name in enumerate(split.classes)}


def _val(split: Split, labelled: Sequence[Labelled]) -> str:
    """The digest of the classes, and of the pictures' names, bytes and boxes, in their order."""
    found = hashlib.sha256(json.dumps(split.classes).encode())
    for one in labelled:
        found.update(f"{one.path.name}\0{fingerprint(one.path)}\0".encode())
        for table in (one.classes, one.boxes, one.regions):
            found.update(table.tobytes())
    return found.hexdigest()


def check_val(built: Sequence[Built]) -> None:
    """Raises SuiteError unless all data sets have the same val part: what is compared is judged on one."""
    for one in built:
        if one.val != built[0].val:
            made = f"after {one.commands[-1]}" if one.commands else one.folder
            raise SuiteError(
                made, "other val pictures or boxes", f"those of {built[0].folder}", "only train may change"
            )
