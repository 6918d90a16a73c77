"""Every format that is read or written, in one visible table.

A format is a module with NAME and TITLE and
    recognises(tree) -> bool                              does this folder hold it?
    parse(tree, workers, quiet, ...) -> Parsed            what its files say
and, where it is written,
    picture_folder(split) -> str                          where its pictures go
    files(dataset, pictures) -> iterator of (path, text)  its annotation files; nothing is written here
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from datatools.errors import LayoutError
from datatools.formats.assemble import Classes, Reading, assemble
from datatools.tree import Tree
from datatools.walk import walk

READERS = ("ultralytics", "darknet", "coco", "createml", "voc", "yolo")
WRITERS = ("yolo", "voc", "coco", "createml")
KNOWN = "VOC XML, COCO or CreateML JSON, or YOLO txt with data.yaml, obj.data or classes.txt"
_YOLO_FAMILY = ("ultralytics", "darknet", "yolo")  # the first that fits says more than the ones after it


def load(name: str) -> ModuleType:
    return import_module(f"datatools.formats.{name}")


def recognise(tree: Tree) -> str:
    """Name of the format that a folder holds.  Raises LayoutError where it is none, or more than one."""
    fitting = [name for name in READERS if load(name).recognises(tree)]
    yolo = [name for name in fitting if name in _YOLO_FAMILY]
    fitting = [name for name in fitting if name not in yolo[1:]]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise LayoutError(tree.root, f"holds {' and '.join(fitting)}", "one format", f"choose with --from {fitting[0]}")
    found = "pictures but no annotations" if tree.pictures else "no annotations"
    raise LayoutError(tree.display(tree.only), f"{found} of a known format", KNOWN, "name the folder that holds both")


def read(
    source: str | Path,
    name: str = "",
    wanted: Classes | None = None,
    *,
    one_based: bool = False,
    dhash: bool = False,
    verify: bool = False,
    workers: int = 0,
    quiet: bool = False,
) -> Reading:
    """A data set in any known format, as it stands, with the problems that reading it met.

    name: a key of READERS; "" recognises it by content.  one_based: VOC corners count from 1 (VOC2007/2012).
    Raises UserError only where nothing could be read at all.
    """
    tree = walk(Path(source))
    name = name or recognise(tree)
    wanted = wanted or Classes()
    extra: dict = {"one_based": one_based} if name == "voc" else {}
    if name == "yolo":
        extra = {"classes": wanted.order}
    parsed = load(name).parse(tree, workers=workers, quiet=quiet, **extra)
    if not parsed.records:
        remedy = "name the folder that holds them, or choose another --from"
        raise LayoutError(source, f"no {name} annotations", load(name).TITLE, remedy)
    reading = assemble(tree, parsed, wanted, dhash=dhash, verify=verify, workers=workers, quiet=quiet)
    return replace(reading, format=name)
