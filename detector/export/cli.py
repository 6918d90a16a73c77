"""`detector export` and `detector quantise`. Parse, call one library function, print; nothing heavy before that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from detector.arguments import MODEL, PATH, chosen_model, shared


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--to", type=click.Choice(["onnx", "torchscript", "tflite", "weights"]), default="onnx",
              show_default=True, help="What to write.")  # fmt: skip
@click.option("--nms", is_flag=True, help="ONNX: thin the boxes inside the model, by --conf and --overlap.")
@shared("conf")
@click.option("--overlap", type=click.FloatRange(0, 1), default=0.45, show_default=True, help="The --nms inside: IoU.")
@click.option("--raw-heads", is_flag=True, help="Outputs are the head convolutions', as OpenCV's importer wants them.")
@click.option("--dynamic/--static", default=True, help="ONNX: any batch, or --batch alone.  [dynamic]")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="The --static batch.")
@click.option("--opset", type=click.IntRange(13, 20), default=17, show_default=True, help="Of ONNX.")
@shared("img-size", "cfg")
@click.option("--out", type=PATH, help="The file to write. [MODEL with the new ending]")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--data", type=PATH, help="Split whose val pictures are compared on. [the run's own]")
@click.option("--pictures", type=PATH, help="Compare on this picture or folder instead.")
@click.option("--count", type=click.IntRange(1), default=8, show_default=True, help="Pictures to compare on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@shared("quiet")
def export(model: Path | None, to: str, nms: bool, conf: float, overlap: float, raw_heads: bool, dynamic: bool,
           batch: int, opset: int, as_json: bool, quiet: bool, **given: Any) -> None:  # fmt: skip
    """Write MODEL (.pt or .weights) for another runtime, run it there, and compare it with torch on pictures.

    ONNX and TFLite need an extra: pip install "balanced-detection[onnx]" or [tflite]. What was compared goes into
    FILE.json. Without MODEL: the newest run's best.pt, else the shipped model. A classifier goes to ONNX or TFLite.
    """
    path = chosen_model(model, quiet)
    from detector.classify.checkpoint import is_classifier
    from detector.classify.export import export as write_classifier
    from detector.detecting.inference import Thresholds
    from detector.export.run import export as write
    from detector.export.writing import Target

    inside = Thresholds(conf, overlap) if nms else None
    target = Target(to, inside, raw_heads, 0 if dynamic else batch, opset)
    report = write_classifier(path, target, **given) if is_classifier(path) else write(path, target, **given)
    click.echo(json.dumps(report.as_json(), ensure_ascii=False) if as_json else report.lines())
    if not report.agrees:
        click.echo(f"warning: {report.path} does not agree with torch", err=True)


@click.command()
@click.argument("model", type=MODEL)
@click.option("--mode", type=click.Choice(["static", "dynamic", "fp16"]), default="static", show_default=True,
              help="8 bits, ranges measured beforehand or on the way; or half floats.")  # fmt: skip
@click.option("--data", type=PATH, help="Split to calibrate on (train) and to judge on (val). [the run's own]")
@click.option(
    "--calibrate", type=click.IntRange(1), default=64, show_default=True, help="Pictures of train, for static."
)
@click.option("--weights", type=click.Choice(["s7", "u8", "s8"]),
              help="Signed in 7 bits; unsigned; signed in 8, which in ONNX needs VNNI.  [s7; TFLite: s8]")  # fmt: skip
@click.option("--per-channel/--per-tensor", default=True, show_default=True, help="Scales of the weights.")
@click.option("--float-first", type=click.IntRange(0), default=4, show_default=True,
              help="So many of the first convolutions stay floats.")  # fmt: skip
@click.option("--float-heads/--int8-heads", default=True, show_default=True, help="The last convolutions stay floats.")
@click.option("--max-loss", type=click.FloatRange(0, 1), default=0.01, show_default=True,
              help="Loss of mAP@0.5 above which a warning is given.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the calibration pictures.")
@click.option("--out", type=PATH, help="The file to write. [MODEL-int8-static.onnx, ...]")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@shared("quiet")
def quantise(
    model: Path, mode: str, weights: str | None, per_channel: bool, float_first: int, float_heads: bool, as_json: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Make an exported .onnx or .tflite smaller, and say what it cost: size, time, mAP@0.5 and boxes, before and after.

    A classifier too, or its .pt: calibrated and judged on crops, by accuracy and mean F1.
    """
    from detector.classify.checkpoint import is_classifier
    from detector.classify.exported import is_exported_classifier
    from detector.classify.quantise import quantise_file as quantise_classifier
    from detector.export.quantise import Quantising
    from detector.export.quantise_run import quantise_file

    flat = (given["out"] or model).suffix.lower() == ".tflite"
    weights = weights or ("s8" if flat else "s7")
    how = Quantising(mode, weights, per_channel, float_first, float_heads)
    cost: Any
    if is_classifier(model) or is_exported_classifier(model):
        cost = quantise_classifier(model, how, **given)
    else:
        cost = quantise_file(model, how, **given)
    click.echo(json.dumps(cost.as_json(), ensure_ascii=False) if as_json else cost.lines())
    if cost.warning:
        click.echo(f"warning: {cost.warning}", err=True)
