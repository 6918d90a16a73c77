"""What a network costs, worked out from its cfg: parameters, operations, memory, and how far each layer looks.

A multiply-add counts as two operations, and only convolutions are counted, as Darknet prints BFLOPs. Memory is float32,
for one picture: `outputs`, what all layers put out, is about what training keeps; `peak` is the most that is held at
one time when detecting with batch norm folded: a layer's input, its output, heads, and what routes refer to. The
receptive field is the width of the square of the input that a cell of a layer can depend on, borders aside.
Source: Darknet's layer table; Araujo et al., "Computing Receptive Fields", Distill, 2019.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from detector.errors import UserError
from detector.network.cfg import Cfg, sources
from detector.network.cfg_layers import Convolutional, Layer, Maxpool, Route, Shortcut, Upsample

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Row:
    """A layer. input, output: width, height, channels.  stored: floats in a weights file, the statistics among them.
    field: receptive field, pixels of the input."""

    index: int
    kind: str
    filters: int
    size: int
    stride: int
    sources: tuple[int, ...]
    input: tuple[int, int, int]
    output: tuple[int, int, int]
    parameters: int
    stored: int
    operations: int
    field: int

    @property
    def floats(self) -> int:
        """What it puts out for a picture."""
        return self.output[0] * self.output[1] * self.output[2]


@dataclass(frozen=True)
class Head:
    """A yolo layer. stride: pixels a cell.  cells_wh: of its grid.  field: receptive field of a cell, pixels."""

    index: int
    stride: int
    cells_wh: tuple[int, int]
    field: int
    anchors_wh: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Summary:
    """size_wh: of the input, pixels."""

    name: str
    classes: int
    size_wh: tuple[int, int]
    backbone: int
    rows: tuple[Row, ...]
    heads: tuple[Head, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def stored(self) -> int:
        return sum(row.stored for row in self.rows)

    @property
    def gflops(self) -> float:
        return sum(row.operations for row in self.rows) / 1e9

    @property
    def outputs(self) -> int:
        """Bytes that all layers put out for a picture; routes and heads of one source share theirs."""
        return FLOAT * sum(row.floats for row in self.rows if row.kind != "yolo" and not _shares(row))

    @property
    def peak(self) -> int:
        """The most bytes held at one time when detecting in a picture."""
        referred = {source for row in self.rows for source in row.sources}
        width, height, channels = self.rows[0].input
        kept, passing, most = 0, width * height * channels, 0
        for row in self.rows:
            own = 0 if row.kind == "yolo" or _shares(row) else row.floats
            most = max(most, kept + passing + own)
            stays = row.index in referred or row.index + 1 in {head.index for head in self.heads}
            kept, passing = (kept + own, 0) if stays else (kept, own)
        return FLOAT * most

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "classes": self.classes,
            "size_wh": self.size_wh,
            "backbone": self.backbone,
            "layers": len(self.rows),
            "parameters": self.parameters,
            "weights_bytes": 20 + FLOAT * self.stored,
            "gflops": round(self.gflops, 3),
            "outputs_bytes": self.outputs,
            "peak_bytes": self.peak,
            "heads": [asdict(head) for head in self.heads],
        }


def _shares(row: Row) -> bool:
    return row.kind == "route" and len(row.sources) == 1


def summarise(cfg: Cfg, size_wh: tuple[int, int] | None = None) -> Summary:
    """The costs of `cfg` for an input of `size_wh`, by default its own. Raises UserError where cells do not fill it."""
    width, height = size_wh or (cfg.net.width, cfg.net.height)
    rows: list[Row] = []
    jumps: list[int] = []  # pixels of the input from a cell to the next
    last = ((width, height, cfg.net.channels), 1, 1)  # output, receptive field, jump
    for index, layer in enumerate(cfg.layers):
        parts = sources(cfg, index)
        row, jump = _row(index, layer, last, [rows[i] for i in parts], parts, jumps)
        rows.append(row)
        jumps.append(jump)
        last = (row.output, row.field, jump)
    biggest = max(jumps)
    if width % biggest or height % biggest:
        given = f"{width}" if width == height else f"{width} x {height}"
        raise UserError("--img-size", given, f"a multiple of {biggest}, the network's stride")
    heads = tuple(
        Head(i, jumps[i], rows[i].output[:2], rows[i].field, tuple(head.anchors_wh[k] for k in head.mask))
        for i, head in zip(cfg.heads, cfg.yolos, strict=True)
    )
    return Summary(cfg.name, cfg.yolos[0].classes, (width, height), cfg.backbone, tuple(rows), heads)


Last = tuple[tuple[int, int, int], int, int]


def _row(
    index: int, layer: Layer, last: Last, parts: list[Row], named: tuple[int, ...], jumps: list[int]
) -> tuple[Row, int]:
    (width, height, channels), field, jump = last
    output, size, stride, filters = (width, height, channels), 0, 0, 0
    kernel = norms = 0
    match layer:
        case Convolutional():
            size, stride, filters = layer.size, layer.stride, layer.filters
            output = (width // stride, height // stride, filters)
            kernel, norms = filters * size * size * channels // layer.groups, layer.batch_normalize
        case Maxpool():
            size, stride = layer.window, layer.stride
            output = (width // stride, height // stride, channels)
        case Upsample():
            stride = layer.stride
            output, jump = (width * stride, height * stride, channels), jump // stride
        case Route():
            total = sum(part.output[2] // layer.groups for part in parts)
            output, field = (*parts[0].output[:2], total), max(part.field for part in parts)
            jump = jumps[named[0]]
        case Shortcut():
            field = max(field, *(part.field for part in parts))
    if size:
        field, jump = field + (size - 1) * jump, jump * stride
    kind = type(layer).__name__.lower()
    before = output if isinstance(layer, Route) else last[0]
    costs = kernel + filters * (2 if norms else 1), kernel + filters * (4 if norms else 1)
    operations = 2 * kernel * output[0] * output[1]
    return Row(index, kind, filters, size, stride, named, before, output, *costs, operations, field), jump
