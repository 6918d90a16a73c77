"""A torch module as an ONNX file, with metadata, and with suppression inside where that is wanted.

Exported by tracing (torch's exporter with `dynamo=False`): of the two that torch has it takes a fifth of the time on
these networks, needs no further package, and the models are the same to the last bit. The batch may vary, the input's
sides do not. Suppression is ONNX's own NonMaxSuppression, whose rule is `boxes.suppress`'s: each class for itself, the
lesser of two boxes goes when their IoU is above the threshold.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from detector.atomic import write_atomically
from detector.runtimes.extras import need

OPSET = 17
MOST_PER_CLASS = 1000  # boxes of a class and picture that leave the suppression


def to_onnx(
    module: nn.Module, example: Tensor, inputs: str, outputs: tuple[str, ...], *, any_batch: bool, opset: int = OPSET
) -> Any:
    """The module as an onnx.ModelProto. example: (B, 3, S, S); unless `any_batch` its batch is the model's."""
    onnx = need("onnx")
    axes = {name: {0: "batch"} for name in (inputs, *outputs)} if any_batch else None
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "model.onnx"
        warnings.simplefilter("ignore")  # that tracing is the older way, and that shapes become constants: intended
        torch.onnx.export(
            module.eval(),
            (example,),
            made,
            input_names=[inputs],
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=opset,
            dynamo=False,
        )
        return onnx.load(made)


def suppressing(model: Any, confidence: float, overlap: float) -> Any:
    """A decoded model with suppression after it: one output, (M, 7) rows of picture, class, score, xyxy."""
    onnx = need("onnx")
    helper, graph = onnx.helper, model.graph
    constants = {
        "nms_most": ([MOST_PER_CLASS], onnx.TensorProto.INT64, [1]),
        "nms_overlap": ([overlap], onnx.TensorProto.FLOAT, [1]),
        "nms_confidence": ([confidence], onnx.TensorProto.FLOAT, [1]),
        "nms_of_class": ([0, 1], onnx.TensorProto.INT64, [2]),
        "nms_of_box": ([0, 2], onnx.TensorProto.INT64, [2]),
        "nms_last": ([1], onnx.TensorProto.INT64, [1]),
    }
    for name, (values, kind, shape) in constants.items():
        graph.initializer.append(helper.make_tensor(name, kind, shape, values))
    graph.node.extend(
        [
            helper.make_node("Transpose", ["scores"], ["nms_scores"], perm=[0, 2, 1]),
            helper.make_node(
                "NonMaxSuppression", ["boxes", "nms_scores", "nms_most", "nms_overlap", "nms_confidence"], ["nms_kept"]
            ),
            helper.make_node("GatherND", ["nms_scores", "nms_kept"], ["nms_score"]),
            helper.make_node("Unsqueeze", ["nms_score", "nms_last"], ["nms_score_column"]),
            helper.make_node("Gather", ["nms_kept", "nms_of_box"], ["nms_box"], axis=1),
            helper.make_node("GatherND", ["boxes", "nms_box"], ["nms_xyxy"]),
            helper.make_node("Gather", ["nms_kept", "nms_of_class"], ["nms_class"], axis=1),
            helper.make_node("Cast", ["nms_class"], ["nms_numbers"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Concat", ["nms_numbers", "nms_score_column", "nms_xyxy"], ["detections"], axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("detections", onnx.TensorProto.FLOAT, ["found", 7]))
    return model


def write_onnx(model: Any, path: Path, properties: dict[str, str], producer: str = "balanced-detection") -> None:
    """Check the model and write it with its metadata, whole or not at all."""
    onnx = need("onnx")
    model.producer_name = producer
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    write_atomically(path, model.SerializeToString())
