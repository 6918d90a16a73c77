"""What `detector info` says: of one network, from its name, a cfg, or a file of weights; or of all that come along."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector.errors import WeightsError
from detector.network.cfg import Cfg, own_cfgs, parse_cfg, read_cfg
from detector.network.cfg_text import training_pairs
from detector.network.checkpoint import is_checkpoint, load
from detector.network.info import FLOAT, Row, Summary, summarise
from detector.network.weights import read_darknet, recognise

ABBREVIATED = {"convolutional": "conv", "maxpool": "max", "upsample": "up"}


@dataclass(frozen=True)
class Described:
    """summary, and what a file of weights adds: names of classes, and lines about the file."""

    summary: Summary
    classes: tuple[str, ...] = ()
    about: tuple[str, ...] = ()

    def as_json(self, layers: bool) -> dict[str, Any]:
        found = {**self.summary.as_json(), "class_names": list(self.classes), "about": list(self.about)}
        return found | ({"rows": [asdict(row) for row in self.summary.rows]} if layers else {})

    def text(self, layers: bool) -> str:
        parts = [layer_table(self.summary), ""] if layers else []
        return "\n".join([*parts, *self.about, *_overview(self.summary, self.classes), "", head_table(self.summary)])


def describe(model: str, img_size: int | None, classes: int | None) -> Described:
    """Of `model`: the name of a network, a .cfg, a .pt, or a .weights or .conv.N of one of the project's networks."""
    path = Path(model)
    if model in own_cfgs() or path.suffix == ".cfg" or not path.is_file():
        cfg = read_cfg(model)
        trains = ", ".join(training_pairs(cfg.text, cfg.name))
        about = (f"{model}: trains by {trains}; here, the options of `detector train` decide",) if trains else ()
        return Described(_summary(cfg, img_size, classes), (), about)
    if is_checkpoint(path):
        found = load(path)
        cfg = parse_cfg(found.cfg, found.model).adapt(len(found.classes))
        names = found.classes if classes in (None, len(found.classes)) else ()
        state = "with the state to resume from" if found.state else "without a state to resume from"
        return Described(_summary(cfg, img_size or found.img_size, classes), names, (f"{path}: a checkpoint, {state}",))
    return _of_darknet(path, img_size, classes)


def _summary(cfg: Cfg, img_size: int | None, classes: int | None) -> Summary:
    return summarise(cfg.adapt(classes) if classes else cfg, (img_size, img_size) if img_size else None)


def _of_darknet(path: Path, img_size: int | None, classes: int | None) -> Described:
    """Of the cfg beside the file, where there is one of the same stem, or of the first of our networks that fits."""
    file, beside = read_darknet(path), path.with_suffix(".cfg")
    names = [str(beside)] if beside.is_file() else own_cfgs()
    found = recognise(len(file.floats), map(read_cfg, names))
    if found is None:
        what = f"{path.stat().st_size} bytes: whole layers of none of {', '.join(names)}"
        raise WeightsError(path, what, f"a file of one of them, or its cfg as {beside.name} beside it")
    (cfg, held), version = found, ".".join(map(str, file.version))
    summary = _summary(cfg, img_size, classes)
    total = sum(row.kind == "convolutional" for row in summary.rows)
    whole = f"all {total}" if held == total else f"the first {held} of {total}"
    about = f"{path}: Darknet {version}, {file.seen} pictures seen, {whole} convolutions of {cfg.name}"
    return Described(summary, (), (about,))


def _overview(summary: Summary, classes: tuple[str, ...]) -> list[str]:
    width, height = summary.size_wh
    convolutions = sum(row.kind == "convolutional" for row in summary.rows)
    named = f" ({', '.join(classes)})" if classes else ""
    return [
        f"{summary.name}: {len(summary.rows)} layers, {convolutions} convolutions; backbone: layers 0 to "
        f"{summary.backbone - 1}",
        f"input        {width} x {height} x {summary.rows[0].input[2]}",
        f"classes      {summary.classes}{named}",
        f"parameters   {summary.parameters:,} ({_mb(FLOAT * summary.parameters)}); a .weights file has "
        f"{20 + FLOAT * summary.stored:,} bytes",
        f"operations   {summary.gflops:.2f} GFLOPs a picture",
        f"memory       {_mb(summary.outputs)} a picture put out by all layers, {_mb(summary.peak)} at once to detect",
    ]


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def head_table(summary: Summary) -> str:
    """A line a head."""
    lines = [f"{'head':>5} {'stride':>6} {'cells':>9} {'field':>6}  anchors"]
    for head in summary.heads:
        cells = f"{head.cells_wh[0]} x {head.cells_wh[1]}"
        anchors = "  ".join(f"{w:g},{h:g}" for w, h in head.anchors_wh)
        lines.append(f"{head.index:>5} {head.stride:>6} {cells:>9} {head.field:>6}  {anchors}")
    return "\n".join([*lines, "(field: pixels of the input that a cell can see, from side to side)"])


def layer_table(summary: Summary) -> str:
    """A line a layer, much as Darknet prints them."""
    head = f"{'layer':>5} {'':5} {'filters':>7} {'size':>10} {'input':>18}    {'output':>18} {'parameters':>11}"
    return "\n".join([f"{head} {'GFLOPs':>7} {'field':>6}", *(_line(row) for row in summary.rows)])


def _line(row: Row) -> str:
    kind = ABBREVIATED.get(row.kind, row.kind)[:5]
    if row.sources:
        middle = " ".join(map(str, row.sources)).rjust(18)
    else:
        size = f"{row.size} x {row.size} / {row.stride}" if row.size else f"x {row.stride}" if row.stride else ""
        middle = f"{row.filters or '':>7} {size:>10}"
    before, after = (f"{w} x {h} x {c:4}" for w, h, c in (row.input, row.output))
    cost = f"{row.parameters:>11,} {row.operations / 1e9:>7.3f}" if row.parameters else f"{'':19}"
    return f"{row.index:>5} {kind:5} {middle} {before:>18} -> {after:>18} {cost} {row.field:>6}"


def overview(img_size: int | None, classes: int | None) -> list[Summary]:
    """Of every network that comes with the project."""
    return [_summary(read_cfg(name), img_size, classes) for name in own_cfgs()]


def overview_table(summaries: list[Summary]) -> str:
    """A line a network."""
    lines = [f"{'model':15} {'parameters':>11} {'GFLOPs':>7} {'input':>9} {'classes':>7}  strides"]
    for one in summaries:
        size, strides = f"{one.size_wh[0]} x {one.size_wh[1]}", ", ".join(str(head.stride) for head in one.heads)
        lines.append(f"{one.name:15} {one.parameters:>11,} {one.gflops:>7.2f} {size:>9} {one.classes:>7}  {strides}")
    return "\n".join(lines)
