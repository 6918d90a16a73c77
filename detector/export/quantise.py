"""An ONNX model with eight- or sixteen-bit numbers: smaller, and in eight bits faster where the processor helps.

dynamic: weights are stored in 8 bits, activations are scaled as they come.  static: both in 8 bits, the activations'
ranges measured beforehand on pictures.  fp16: half precision, input and outputs float32; for accelerators.
Weights are by default signed with 7 of their 8 bits (s7): processors without VNNI add products in 16 bits, where signed
weights of 8 bits saturate, and unsigned ones miss the fast path of those that have it.
What is computed after the last convolutions (decoding, suppression) stays in floats, and so by default do these.
So do the first four, with what they alone feed: few channels of very unlike ranges, to most of which a common scale
leaves little. Nine tenths of the squared error come from there, and of the weights next to none (docs/experiments.md).
Source: Jacob et al., "Quantization and Training of Neural Networks", 2018; onnxruntime's quantizer does the work.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from detector.errors import ExportError
from detector.export.graph import Graph, Node, stay_float
from detector.export.silence import silent
from detector.runtimes.extras import need

WEIGHTS = {"s7": ("QInt8", True), "s8": ("QInt8", False), "u8": ("QUInt8", False)}  # type, reduced range
MODES = {"dynamic": "int8-dynamic", "static": "int8-static", "fp16": "float16"}
WEIGHTED = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Quantising:
    """mode: a key of `MODES`.  weights: a key of `WEIGHTS`.  per_channel: a scale for each output channel.

    float_first: so many of the first convolutions stay in floats.
    float_heads: the last convolutions, whose errors nothing evens out, stay in floats.
    """

    mode: str = "static"
    weights: str = "s7"
    per_channel: bool = True
    float_first: int = 4
    float_heads: bool = True


def quantise(model: Any, how: Quantising, pictures: Tensor | None = None, name: str = "pictures") -> Any:
    """A new onnx.ModelProto. pictures: (N, 3, S, S), the calibration of a static one, fed one by one to input `name`.

    Metadata is carried over. Raises ExportError where there is nothing to quantise, or static lacks pictures.
    """
    if how.mode == "fp16":
        made = _halved(model)
    else:
        exclude = stay_float(graph_of(model), how.float_first, how.float_heads)
        made = _quantised(model, how, exclude, pictures, name)
    onnx = need("onnx")
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, {one.key: one.value for one in model.metadata_props})
    return made


def graph_of(model: Any) -> Graph:
    """The nodes of an onnx.ModelProto."""
    nodes = (Node(one.name, one.op_type in WEIGHTED, tuple(one.input), tuple(one.output)) for one in model.graph.node)
    return Graph(tuple(nodes), frozenset(one.name for one in (*model.graph.initializer, *model.graph.input)) | {""})


def _quantised(model: Any, how: Quantising, exclude: list[str], pictures: Tensor | None, name: str) -> Any:
    onnx, tools = need("onnx"), need("onnxruntime.quantization")
    kind, reduced = WEIGHTS[how.weights]
    weights = {"per_channel": how.per_channel, "weight_type": tools.QuantType[kind], "reduce_range": reduced}
    with tempfile.TemporaryDirectory() as folder, silent():
        given, made = Path(folder) / "given.onnx", Path(folder) / "made.onnx"
        onnx.save(model, given)  # the quantizer changes a model that it is given in memory
        if how.mode == "dynamic":
            tools.quantize_dynamic(given, made, nodes_to_exclude=exclude, **weights)
        elif pictures is None or not len(pictures):
            raise ExportError("--mode static", "has no pictures to calibrate on", "a split with train pictures")
        else:
            tools.quantize_static(
                given,
                made,
                _reader(tools, pictures, name),
                quant_format=tools.QuantFormat.QDQ,
                activation_type=tools.QuantType.QUInt8,
                nodes_to_exclude=exclude,
                calibration_providers=["CPUExecutionProvider"],
                **weights,
            )
        return onnx.load(made)


def _reader(tools: Any, pictures: Tensor, name: str) -> Any:
    """What the quantizer asks for its calibration pictures."""

    class Reader(tools.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(pictures.split(1))

        def get_next(self) -> dict[str, Any] | None:
            one = next(self.left, None)
            return None if one is None else {name: one.contiguous().numpy()}

    return Reader()


def _halved(model: Any) -> Any:
    onnx = need("onnx")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with silent():
        return need("onnxruntime.transformers.float16").convert_float_to_float16(copy, keep_io_types=True)
