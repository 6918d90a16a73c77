"""A Darknet cfg as a value: its layers, checked, and the same network for other classes and anchors.

Convention: layers are numbered from 0 after `[net]`, and negative indices in `route` and `shortcut` count back from
the layer itself. Which sections and keys there are: `cfg_text.py`.  Source: the YOLOv3 cfgs, and Darknet's parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detector.errors import CfgError, UserError
from detector.network.cfg_layers import Convolutional, Layer, Maxpool, Net, Route, Shortcut, Upsample, Yolo
from detector.network.cfg_text import build, changed, sections

CFG_FOLDER = Path(__file__).parent / "cfgs"
COCO_CLASSES = 80
LARGEST_KERNEL = 2**28  # a gigabyte; the largest of the family has 4,718,592
Shape = tuple[int, int]  # channels, and how many pixels of the input a cell is wide


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

    def adapt(self, classes: int, anchors_wh: Sequence[tuple[float, float]] | None = None) -> Cfg:
        """The same network for `classes` classes: the heads, and the filters of the convolution before each.

        anchors_wh: pixels of the network's input, a number that the heads can share evenly; they are sorted by area,
        and the smallest go to the head of the finest stride. `text` changes along, and describes the new network.
        """
        if classes < 1:
            raise CfgError(self.name, f"{classes} classes", "at least 1")
        shares = self._share(anchors_wh) if anchors_wh is not None else {}
        edits: dict[int, dict[str, str]] = {}
        for index, head in zip(self.heads, self.yolos, strict=True):
            edits[head.line] = {"classes": str(classes), **shares.get(index, {})}
            each = len(anchors_wh) // len(self.heads) if anchors_wh is not None else len(head.mask)
            edits[self.layers[index - 1].line] = {"filters": str(each * (5 + classes))}
        return parse_cfg(changed(self.text, self.name, edits), self.name)

    def _share(self, anchors_wh: Sequence[tuple[float, float]]) -> dict[int, dict[str, str]]:
        """What each head's section says of the anchors, by its layer."""
        count, heads = len(anchors_wh), len(self.heads)
        if not count or count % heads:
            fit = ", ".join(str(heads * k) for k in (1, 2, 3))
            raise CfgError("anchors", f"{count} for the {heads} heads of {self.name}", f"a multiple of {heads}: {fit}")
        if any(not side > 0 for pair in anchors_wh for side in pair):
            raise CfgError("anchors", f"a side of {min(min(pair) for pair in anchors_wh):g} pixels", "above 0")
        ordered = sorted(anchors_wh, key=lambda wh: (wh[0] * wh[1], wh))
        text = ", ".join(f"{w:.10g},{h:.10g}" for w, h in ordered)
        found = shapes(self)
        finest = sorted(self.heads, key=lambda index: found[index][1])
        each = count // heads
        masks = {index: ",".join(map(str, range(rank * each, rank * each + each))) for rank, index in enumerate(finest)}
        return {index: {"anchors": text, "num": str(count), "mask": mask} for index, mask in masks.items()}


def own_cfgs() -> list[str]:
    """The names of the networks that come with the project."""
    return sorted(path.stem for path in CFG_FOLDER.glob("*.cfg"))


def coco_names() -> tuple[str, ...]:
    """COCO's 80 classes in the order of Darknet's weights."""
    return tuple((CFG_FOLDER / "coco.names").read_text(encoding="utf-8").splitlines())


def read_cfg(name: str | Path) -> Cfg:
    """A cfg by path, or by the name of one of the project's own."""
    own = CFG_FOLDER / f"{name}.cfg"
    path = own if own.is_file() else Path(name)
    if not path.is_file():
        raise CfgError(name, "no such model or cfg file", f"a path to a .cfg, or one of {', '.join(own_cfgs())}")
    try:
        return parse_cfg(path.read_text(encoding="utf-8-sig"), str(name))
    except UnicodeDecodeError as error:
        raise CfgError(path, "not a text file", "a Darknet .cfg") from error


def parse_cfg(text: str, name: str) -> Cfg:
    """Read the text of a cfg; `name` is what errors call it."""
    built = [build(section, name) for section in sections(text, name)]
    if not built or not isinstance(built[0], Net):
        raise CfgError(name, "does not begin with [net]", "a Darknet .cfg")
    again = [layer.line for layer in built[1:] if isinstance(layer, Net)]
    if again:
        raise CfgError(f"{name}:{again[0]}", "a second [net]", "one, at the top")
    masked = (replace(x, mask=x.mask or tuple(range(len(x.anchors_wh)))) if isinstance(x, Yolo) else x for x in built)
    cfg = Cfg(name, text, built[0], tuple(masked)[1:])
    _check(cfg)
    return cfg


def _check(cfg: Cfg) -> None:
    if not cfg.heads:
        raise CfgError(cfg.name, "no [yolo] section", "at least one head")
    if min(cfg.net.width, cfg.net.height, cfg.net.channels) < 1:
        raise CfgError(f"{cfg.name}:{cfg.net.line}", "a network of no input", "width, height, channels above 0")
    for index, head in zip(cfg.heads, cfg.yolos, strict=True):
        before = cfg.layers[index - 1] if index else None
        _check_head(f"{cfg.name}:{head.line}", head)
        if not isinstance(before, Convolutional):
            where = f"{cfg.name}:{head.line}"
            raise CfgError(where, "[yolo] does not follow a [convolutional]", "the head's convolution before it")
        _check_output(f"{cfg.name}:{before.line}", before, head)
    if len({head.classes for head in cfg.yolos}) > 1:
        known = ", ".join(str(head.classes) for head in cfg.yolos)
        raise CfgError(cfg.name, f"heads of {known} classes", "the same number in each")
    shapes(cfg)


def _check_head(where: str, head: Yolo) -> None:
    if not set(head.mask) <= set(range(len(head.anchors_wh))) or len(set(head.mask)) < len(head.mask):
        raise CfgError(where, f"mask {head.mask}", f"indices into {len(head.anchors_wh)} anchors, each once")
    if head.num not in (0, len(head.anchors_wh)):
        raise CfgError(where, f"num={head.num}, but there are {len(head.anchors_wh)} anchors", "the same number")
    if head.classes < 1 or any(not side > 0 for pair in head.anchors_wh for side in pair):
        raise CfgError(where, "no classes, or an anchor of no size", "both above 0")


def _check_output(where: str, before: Convolutional, head: Yolo) -> None:
    filters = len(head.mask) * (5 + head.classes)
    if before.filters != filters:
        what = f"filters={before.filters} before a [yolo] of {len(head.mask)} anchors and {head.classes} classes"
        raise CfgError(where, what, f"filters={filters}: anchors x (5 + classes)")
    if before.activation != "linear":
        raise CfgError(where, f"activation={before.activation} before [yolo]", "activation=linear")


def check_size(cfg: Cfg, img_size: int) -> None:
    """Raises UserError unless the network's cells fill a square of `img_size`."""
    stride = max(stride for _, stride in shapes(cfg))
    if img_size < stride or img_size % stride:
        raise UserError("--img-size", str(img_size), f"a multiple of {stride}, the network's stride")


def shapes(cfg: Cfg) -> list[Shape]:
    """(channels, stride) of every layer's output; stride is input pixels a cell. Raises where layers do not fit."""
    found: list[Shape] = []
    last = (cfg.net.channels, 1)
    for index, layer in enumerate(cfg.layers):
        last = _shape(cfg, index, layer, last, found)
        found.append(last)
    return found


def _shape(cfg: Cfg, index: int, layer: Layer, last: Shape, found: list[Shape]) -> Shape:
    where = f"{cfg.name}:{layer.line}"
    match layer:
        case Convolutional():
            _check_convolution(where, layer, last[0])
            return layer.filters, last[1] * layer.stride
        case Maxpool(stride=stride):
            _check_window(where, layer.window, stride, layer.before + layer.after)
            return last[0], last[1] * stride
        case Upsample(stride=stride):
            if stride < 1 or last[1] % stride:
                raise CfgError(where, f"enlarges by {stride} what was made {last[1]} times smaller", "a divisor of it")
            return last[0], last[1] // stride
        case Route() | Shortcut():
            return _joined(where, layer, [found[source] for source in sources(cfg, index)], last)
    return last


def _check_convolution(where: str, layer: Convolutional, channels: int) -> None:
    if min(layer.filters, layer.size, layer.stride) < 1 or layer.padding < 0:
        raise CfgError(where, "a convolution of nothing", "filters, size, stride above 0")
    if layer.groups < 1 or channels % layer.groups or layer.filters % layer.groups:
        parts = f"{layer.groups} groups of {channels} channels and {layer.filters} filters"
        raise CfgError(where, parts, "a divisor of both")
    kernel = layer.filters * layer.size**2 * channels // layer.groups
    if kernel > LARGEST_KERNEL:
        raise CfgError(where, f"a kernel of {kernel:,} numbers", f"at most {LARGEST_KERNEL:,}")
    _check_window(where, layer.size, layer.stride, 2 * layer.padding)


def _check_window(where: str, size: int, stride: int, padding: int) -> None:
    """Whether an input of whole cells gives an output of whole cells: k x stride pixels give k."""
    if size < 1 or stride < 1 or not max(0, size - stride) <= padding < size:
        what = f"size {size}, stride {stride} and padding {padding} in all"
        raise CfgError(where, what, f"padding of {max(0, size - stride)} to {size - 1}, for whole cells")


def _joined(
    where: str, layer: Route | Shortcut, parts: list[tuple[int, int]], last: tuple[int, int]
) -> tuple[int, int]:
    together = parts if isinstance(layer, Route) else [*parts, last]
    if len({stride for _, stride in together}) > 1 or (isinstance(layer, Shortcut) and len(set(together)) > 1):
        raise CfgError(where, f"joins layers of unlike shapes {together}", "like shapes")
    if isinstance(layer, Shortcut):
        return last
    if any(channels % layer.groups for channels, _ in parts) or not 0 <= layer.group_id < layer.groups:
        what = f"group_id={layer.group_id} of groups={layer.groups} of {[channels for channels, _ in parts]} channels"
        raise CfgError(where, what, "a divisor of the channels, and a number below it")
    return sum(channels // layer.groups for channels, _ in parts), parts[0][1]


def sources(cfg: Cfg, index: int) -> tuple[int, ...]:
    """Absolute indices of the earlier layers that layer `index` (a route or a shortcut) reads."""
    layer = cfg.layers[index]
    given = layer.layers if isinstance(layer, Route) else (layer.from_,) if isinstance(layer, Shortcut) else ()
    absolute = tuple(i + index if i < 0 else i for i in given)
    if any(not 0 <= i < index for i in absolute):
        raise CfgError(f"{cfg.name}:{layer.line}", f"refers to layer {given}", f"an earlier layer than {index}")
    return absolute
