"""A TFLite model with eight- or sixteen-bit numbers, by ai-edge-quantizer (extra `[tflite]`).

The modes are those of `quantise.py`, and what stays in floats is chosen by the same rules. Weights are signed, 8 bits,
symmetric: TFLite knows no others. Input and outputs stay float32. fp16: weights alone, which the runtime widens.
Limit: the quantizer leaves leaky steps in floats. With them in 8 bits too, which TFLite has, a picture took as long.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from detector.errors import ExportError
from detector.export.graph import Graph, Node, stay_float
from detector.export.quantise import Quantising
from detector.export.silence import silent
from detector.runtimes.extras import need

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")
WEIGHTS = "s8"
EVERYTHING = ".*"


def quantise(content: bytes, how: Quantising, pictures: Tensor | None = None) -> bytes:
    """A new flatbuffer of the one in `content`. pictures: (N, 3, S, S), the calibration of a static one.

    Raises ExportError where there is nothing to quantise, static lacks pictures, or the weights are not TFLite's.
    """
    if how.weights != WEIGHTS:
        raise ExportError(f"--weights {how.weights}", "is a kind of ONNX's", f"{WEIGHTS}, TFLite's only one")
    if how.mode == "static" and (pictures is None or not len(pictures)):
        raise ExportError("--mode static", "has no pictures to calibrate on", "a split with train pictures")
    quantizer = need("ai_edge_quantizer.quantizer").Quantizer(content)
    _set(quantizer, content, how)
    with silent():
        ranges = _ranges(quantizer, content, pictures) if how.mode == "static" and pictures is not None else None
        made = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False).quantized_model
    return bytes(made)


def _set(quantizer: Any, content: bytes, how: Quantising) -> None:
    """Which nodes are quantised, and how."""
    tools, kinds = need("ai_edge_quantizer.quantizer"), need("ai_edge_quantizer.qtyping")
    every, one_scale = kinds.TFLOperationName.ALL_SUPPORTED, kinds.QuantGranularity.TENSORWISE
    scales = kinds.QuantGranularity.CHANNELWISE if how.per_channel else one_scale
    if how.mode == "fp16":
        quantizer.add_weight_only_config(EVERYTHING, every, 16, algorithm_key=tools.AlgorithmName.FLOAT_CASTING)
    elif how.mode == "dynamic":
        quantizer.add_dynamic_config(_scopes(content, how), every, 8, granularity=scales)
    else:
        quantizer.add_static_config(_scopes(content, how), every, 8, 8, weight_granularity=scales)
    for end in (kinds.TFLOperationName.INPUT, kinds.TFLOperationName.OUTPUT):
        quantizer.update_quantization_recipe(EVERYTHING, end, algorithm_key=tools.AlgorithmName.NO_QUANTIZE)


def graph_of(content: bytes) -> Graph:
    """The nodes of a flatbuffer; a node's name is what the quantizer knows it by, the names of what it makes."""
    flat = need("ai_edge_litert.tools.flatbuffer_utils")
    model = flat.read_model_from_bytearray(content)
    (graph,) = model.subgraphs
    names = [one.name.decode() for one in graph.tensors]
    nodes, made = list[Node](), set[str]()
    for one in graph.operators:
        takes, makes = (tuple(names[index] for index in side if index >= 0) for side in (one.inputs, one.outputs))
        kind = flat.opcode_to_name(model, one.opcodeIndex)
        nodes.append(Node("".join(f"{name};" for name in makes), kind in WEIGHTED, takes, makes))
        made.update(makes)
    return Graph(tuple(nodes), frozenset(names) - made)


def _scopes(content: bytes, how: Quantising) -> str:
    """A pattern of the nodes that are put into 8 bits."""
    graph = graph_of(content)
    floats = set(stay_float(graph, how.float_first, how.float_heads))
    chosen = [re.escape(node.name) for node in graph.nodes if node.name not in floats]
    return f"^(?:{'|'.join(chosen)})$"


def _ranges(quantizer: Any, content: bytes, pictures: Tensor) -> Any:
    """The activations' ranges on the pictures."""
    interpreter = need("ai_edge_litert.interpreter").Interpreter(model_content=content)
    ((key, ends),) = interpreter.get_signature_list().items()
    (name,) = ends["inputs"]
    given = [{name: one.contiguous().numpy()} for one in pictures.split(1)]
    return quantizer.calibrate({key: given}, num_threads=torch.get_num_threads())
