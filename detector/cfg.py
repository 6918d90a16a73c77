"""Darknet `.cfg` files as values: a list of frozen layers, every key known or refused with its line.

Convention: a file is `[section]` heads with `key=value` lines, `#` or `;` opening a comment line; layers are
numbered from 0 after `[net]`, and negative indices in `route` and `shortcut` count back from the layer itself.
Read: convolutional, maxpool, upsample, route, shortcut, yolo. Training keys (learning rate, jitter, ...) are
accepted, since users' files hold them, and left to `train.py`'s options.
Source: the YOLOv3 cfgs, and Darknet's parser for the defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.errors import CfgError

CFG_FOLDER = Path(__file__).parent / "cfgs"
COCO_CLASSES = 80


@dataclass(frozen=True)
class Net:
    line: int
    width: int = 416
    height: int = 416
    channels: int = 3


@dataclass(frozen=True)
class Convolutional:
    line: int
    filters: int
    size: int = 1
    stride: int = 1
    pad: int = 0
    batch_normalize: int = 0
    activation: str = "linear"

    @property
    def padding(self) -> int:
        return self.size // 2 if self.pad else 0


@dataclass(frozen=True)
class Maxpool:
    line: int
    size: int = 2
    stride: int = 2


@dataclass(frozen=True)
class Upsample:
    line: int
    stride: int = 2


@dataclass(frozen=True)
class Route:
    line: int
    layers: tuple[int, ...]


@dataclass(frozen=True)
class Shortcut:
    line: int
    from_: int
    activation: str = "linear"


@dataclass(frozen=True)
class Yolo:
    line: int
    mask: tuple[int, ...]
    anchors_wh: tuple[tuple[float, float], ...]
    classes: int = COCO_CLASSES


Layer = Convolutional | Maxpool | Upsample | Route | Shortcut | Yolo


@dataclass(frozen=True)
class Cfg:
    """A network as written: `name` is where it was read, `text` what was read, `layers` without `[net]`."""

    name: str
    text: str
    net: Net
    layers: tuple[Layer, ...]

    @property
    def heads(self) -> tuple[int, ...]:
        """Indices of the `[yolo]` layers."""
        return tuple(index for index, layer in enumerate(self.layers) if isinstance(layer, Yolo))

    @property
    def yolos(self) -> tuple[Yolo, ...]:
        """The `[yolo]` layers."""
        return tuple(layer for layer in self.layers if isinstance(layer, Yolo))

    @property
    def backbone(self) -> int:
        """How many layers come before what is made for detection: up to the last shortcut before the first head, or,
        where there is none, up to the first of the widest convolutions. 75 in yolov3 (Darknet-53), 13 in tiny."""
        before = self.layers[: self.heads[0] - 1]
        shortcuts = [i for i, layer in enumerate(before) if isinstance(layer, Shortcut)]
        if shortcuts:
            return shortcuts[-1] + 1
        widths = [layer.filters if isinstance(layer, Convolutional) else 0 for layer in before]
        return widths.index(max(widths)) + 1 if any(widths) else 0

    def adapt(self, classes: int) -> Cfg:
        """The same network for `classes` classes: the heads, and the filters of the convolution before each."""
        if classes < 1:
            raise CfgError(self.name, f"{classes} classes", "at least 1")
        layers = list(self.layers)
        for index, head in zip(self.heads, self.yolos, strict=True):
            before = layers[index - 1]
            if isinstance(before, Convolutional):  # always, `_check` saw to it
                layers[index - 1] = replace(before, filters=len(head.mask) * (5 + classes))
            layers[index] = replace(head, classes=classes)
        return replace(self, layers=tuple(layers))


def _integer(text: str) -> int:
    return int(text.strip())


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.rstrip(", ").split(","))


def _pairs(text: str) -> tuple[tuple[float, float], ...]:
    numbers = [float(part) for part in text.rstrip(", ").split(",")]
    if len(numbers) % 2:
        raise ValueError("an odd count of numbers")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _word(text: str) -> str:
    return text.strip()


def _ignored(text: str) -> str:
    return text


Reader = Callable[[str], Any]
TRAINING_KEYS = [
    *("batch", "subdivisions", "momentum", "decay", "angle", "saturation", "exposure", "hue"),
    *("learning_rate", "burn_in", "max_batches", "policy", "steps", "scales"),
]
# section -> (type, {key: (field, reader)}, keys that concern training only)
SECTIONS: dict[str, tuple[type, dict[str, tuple[str, Reader]], list[str]]] = {
    "net": (Net, {k: (k, _integer) for k in ("width", "height", "channels")}, TRAINING_KEYS),
    "convolutional": (
        Convolutional,
        {
            **{k: (k, _integer) for k in ("filters", "size", "stride", "pad", "batch_normalize")},
            "activation": ("activation", _word),
        },
        [],
    ),
    "maxpool": (Maxpool, {k: (k, _integer) for k in ("size", "stride")}, []),
    "upsample": (Upsample, {"stride": ("stride", _integer)}, []),
    "route": (Route, {"layers": ("layers", _integers)}, []),
    "shortcut": (Shortcut, {"from": ("from_", _integer), "activation": ("activation", _word)}, []),
    "yolo": (
        Yolo,
        {"mask": ("mask", _integers), "anchors": ("anchors_wh", _pairs), "classes": ("classes", _integer)},
        ["num", "jitter", "ignore_thresh", "truth_thresh", "random"],
    ),
}
ACTIVATIONS = {"convolutional": ("leaky", "linear"), "shortcut": ("linear",)}


def read_cfg(name: str | Path) -> Cfg:
    """A cfg by path, or by the name of one of the project's own (`yolov3`, `yolov3-tiny`, `yolov3-tiny-3l`)."""
    own = CFG_FOLDER / f"{name}.cfg"
    path = own if own.is_file() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CFG_FOLDER.glob("*.cfg")))
        raise CfgError(name, "no such model or cfg file", f"a path to a .cfg, or one of {known}")
    try:
        return parse_cfg(path.read_text(encoding="utf-8"), str(name))
    except UnicodeDecodeError as error:
        raise CfgError(path, "not a text file", "a Darknet .cfg") from error


def parse_cfg(text: str, name: str) -> Cfg:
    """Read the text of a cfg; `name` is what errors call it."""
    sections = [_build(head, line, pairs, name) for head, line, pairs in _sections(text, name)]
    if not sections or not isinstance(sections[0], Net):
        raise CfgError(name, "does not begin with [net]", "a Darknet .cfg")
    cfg = Cfg(name, text, sections[0], tuple(sections[1:]))
    _check(cfg)
    return cfg


def _sections(text: str, name: str) -> Iterator[tuple[str, int, list[tuple[int, str, str]]]]:
    current: tuple[str, int, list[tuple[int, str, str]]] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            if current:
                yield current
            head = line[1:-1].strip()
            current = ("net" if head == "network" else head, number, [])
        elif current is None or "=" not in line:
            raise CfgError(f"{name}:{number}", f"{line[:40]!r}", "[section], or key=value inside one")
        else:
            key, value = line.split("=", 1)
            current[2].append((number, key.strip(), value.strip()))
    if current:
        yield current


def _build(head: str, line: int, pairs: list[tuple[int, str, str]], name: str) -> Any:
    if head not in SECTIONS:
        raise CfgError(f"{name}:{line}", f"unknown section [{head}]", f"one of {', '.join(SECTIONS)}")
    kind, fields, training = SECTIONS[head]
    readers = {**dict.fromkeys(training, ("", _ignored)), **fields}
    values: dict[str, Any] = {}
    for number, key, text in pairs:
        if key not in readers:
            raise CfgError(f"{name}:{number}", f"unknown key {key!r} in [{head}]", f"one of {', '.join(readers)}")
        field, read = readers[key]
        try:
            values[field] = read(text)
        except ValueError as error:
            raise CfgError(f"{name}:{number}", f"{key}={text[:40]}", "a number, or numbers with commas") from error
        if key == "activation" and text not in ACTIVATIONS[head]:
            raise CfgError(f"{name}:{number}", f"activation {text!r}", f"one of {', '.join(ACTIVATIONS[head])}")
    values.pop("", None)
    try:
        return kind(line=line, **values)
    except TypeError as error:
        missing = [key for key in ("filters", "layers", "from", "mask", "anchors") if key in fields]
        raise CfgError(f"{name}:{line}", f"[{head}] lacks a key", f"{' and '.join(missing)}") from error


def _check(cfg: Cfg) -> None:
    if not cfg.heads:
        raise CfgError(cfg.name, "no [yolo] section", "at least one head")
    for index, head in zip(cfg.heads, cfg.yolos, strict=True):
        where = f"{cfg.name}:{head.line}"
        if not head.mask or not set(head.mask) <= set(range(len(head.anchors_wh))):
            raise CfgError(where, f"mask {head.mask}", f"indices into {len(head.anchors_wh)} anchors")
        if index == 0 or not isinstance(cfg.layers[index - 1], Convolutional):
            raise CfgError(where, "[yolo] does not follow a [convolutional]", "the head's convolution before it")
    shapes(cfg)


def shapes(cfg: Cfg) -> list[tuple[int, int]]:
    """(channels, stride) of every layer's output; stride is input pixels a cell. Raises where layers do not fit."""
    found: list[tuple[int, int]] = []
    last = (cfg.net.channels, 1)
    for index, layer in enumerate(cfg.layers):
        last = _shape(cfg, index, layer, last, found)
        found.append(last)
    return found


def _shape(cfg: Cfg, index: int, layer: Layer, last: tuple[int, int], found: list[tuple[int, int]]) -> tuple[int, int]:
    match layer:
        case Convolutional(filters=filters, size=size, stride=stride):
            if min(filters, size, stride) < 1:
                raise CfgError(f"{cfg.name}:{layer.line}", "a convolution of nothing", "filters, size, stride above 0")
            return filters, last[1] * stride
        case Maxpool(stride=stride):
            return last[0], last[1] * stride
        case Upsample(stride=stride):
            return last[0], last[1] // stride
        case Route() | Shortcut():
            parts = [found[source] for source in sources(cfg, index)]
            together = parts if isinstance(layer, Route) else [*parts, last]
            if len({stride for _, stride in together}) > 1 or (isinstance(layer, Shortcut) and len(set(together)) > 1):
                raise CfgError(f"{cfg.name}:{layer.line}", f"joins layers of unlike shapes {together}", "like shapes")
            return (sum(channels for channels, _ in parts), parts[0][1]) if isinstance(layer, Route) else last
    return last


def sources(cfg: Cfg, index: int) -> tuple[int, ...]:
    """Absolute indices of the earlier layers that layer `index` (a route or a shortcut) reads."""
    layer = cfg.layers[index]
    given = layer.layers if isinstance(layer, Route) else (layer.from_,) if isinstance(layer, Shortcut) else ()
    absolute = tuple(i + index if i < 0 else i for i in given)
    if any(not 0 <= i < index for i in absolute):
        raise CfgError(f"{cfg.name}:{layer.line}", f"refers to layer {given}", f"an earlier layer than {index}")
    return absolute
