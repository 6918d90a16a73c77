"""The `detector` command: train, info, anchors, evaluate, detect, export, serve, classify.

Parse, call one library function, print. Nothing heavy is imported before a command runs. Exit codes: 0 done; 1 the
input is at fault, one line; 2 wrong usage; 3 a fault of ours, with a traceback; 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from detector.classify.cli import classify
from detector.errors import UserError
from detector.judging.arguments import CONF, finding_options, judging_options, take_judging, take_thresholds
from detector.serve.arguments import serving_options, take_serving
from detector.training.arguments import GroupedCommand, read_config, training_options
from detector.training.options import DEFAULTS, Options
from detector.video.arguments import take_watching, video_options

Command = Callable[..., Any]


def shared(*names: str) -> Callable[[Command], Command]:
    """The options `names`, each defined once, in `SHARED`."""

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = SHARED[name](command)
        return command

    return add


PATH = click.Path(path_type=Path)
SHARED: dict[str, Callable[[Command], Command]] = {
    "data": click.option("--data", type=PATH, help="Split: a folder with data.yaml, or the file. [newest of data/*]"),
    "device": click.option("--device", help="cpu, cuda, cuda:1, mps, ... [the best there is]"),
    "batch": click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Pictures a step."),
    "workers": click.option("--workers", type=click.IntRange(0), help="Loader processes. [0 on a CPU, else up to 8]"),
    "conf": CONF,
    "cfg": click.option(
        "--model",
        "cfg",
        default="yolov3-tiny",
        show_default=True,
        help="With Darknet weights only: yolov3, yolov3-spp, yolov3-tiny, yolov3-tiny-3l or a .cfg file.",
    ),
    "img-size": click.option("--img-size", type=click.IntRange(32), help="Side of the network's input. [as trained]"),
    "runtime": click.option(
        "--runtime",
        type=click.Choice(["auto", "torch", "onnx"]),
        default="auto",
        show_default=True,
        help="What runs .pt and .weights; auto: onnxruntime for many pictures on a CPU, if it is faster.",
    ),
    "quiet": click.option("--quiet", is_flag=True, help="No progress, only results and errors."),
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="balanced-detection")
def cli() -> None:
    """Train YOLOv3 on a data set in YOLO layout, judge it, and find things in pictures with it.

    \b
    detector train                       newest split under data/ -> runs/train/<n>/
    detector evaluate                    newest run's best weights, on its validation pictures
    detector evaluate-all                every checkpoint of the newest run: mAP by epoch
    detector detect photos/              newest run's best weights, on your pictures -> runs/detect/<n>/
    detector export                      newest run's best weights, as ONNX, beside them
    detector serve                       newest run's best weights, on a web page with a live camera
    detector classify                    a classifier of the boxes' contents, the two-stage alternative
    """


@cli.command(cls=GroupedCommand)
@training_options
@click.option("--config", type=PATH, help="YAML file of options; the command line wins. A run's args.yaml is one.")
@click.option("--resume", is_flag=False, flag_value="", help="Go on with a stopped run, with its options. [newest]")
@click.option("--tune/--no-tune", default=True, help="Restart once with an allocator that suits training on a CPU.")
@shared("quiet")
@click.pass_context
def train(
    context: click.Context, config: Path | None, resume: str | None, tune: bool, quiet: bool, **given: Any
) -> None:
    """Train on a split; a run's folder gets best.pt, last.pt, results.csv, args.yaml, curves and predictions as PNG.

    Ctrl-C saves; `detector train --resume` goes on, to the same result as without the stop.
    """
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
    quiet = quiet or not first
    chosen = (read_config(config) if config else {}) | {name: v for name, v in given.items() if v is not None}
    if tune and chosen.get("device", "auto") in ("auto", "cpu"):
        from detector.training.tune import restart_tuned

        restart_tuned(lambda line: None if quiet else click.echo(line, err=True))
    if resume is not None:
        _only(context, "resume", "quiet", "out", "tune")
        from detector.train import resume as go_on

        folder = go_on(_run(resume, Path(chosen.get("out", DEFAULTS["out"])), quiet), quiet)
    else:
        options = Options(**chosen | {"data": chosen.get("data") or str(_split(None, quiet))})
        from detector.train import train as begin

        folder = begin(options, quiet)
    if first:
        click.echo(f"done: {folder}")


@cli.command()
@click.argument("model", required=False)
@click.option("--img-size", type=click.IntRange(32), help="Side of the input. [the cfg's, or as trained]")
@click.option("--classes", type=click.IntRange(1), help="How many. [the cfg's, or as trained]")
@click.option("--layers", is_flag=True, help="A line a layer too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def info(model: str | None, img_size: int | None, classes: int | None, layers: bool, as_json: bool) -> None:
    """Parameters, operations, memory, receptive fields and anchors of MODEL: a name, .cfg, .pt, .weights or .conv.N.

    Without MODEL: the networks that come along.
    """
    from detector.network.info_report import describe, overview, overview_table

    if model is None:
        found = overview(img_size, classes)
        click.echo(json.dumps([one.as_json() for one in found]) if as_json else overview_table(found))
    else:
        one = describe(model, img_size, classes)
        click.echo(json.dumps(one.as_json(layers), ensure_ascii=False) if as_json else one.text(layers))


@cli.command()
@shared("data")
@click.option("--model", default="yolov3-tiny", show_default=True, help="Whose anchors to compare with, and how many.")
@click.option("--img-size", type=click.IntRange(32), default=416, show_default=True, help="Side of the input, pixels.")
@click.option("--count", type=click.IntRange(1, 99), help="How many to find. [as many as the model's heads have]")
@click.option("--generations", type=click.IntRange(0), default=1000, show_default=True, help="Of the genetic search.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides every random choice.")
@click.option("--out", type=PATH, multiple=True, help="Write a picture of the fit (.png), or the anchors (.yaml).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@shared("quiet")
def anchors(data: Path | None, out: tuple[Path, ...], as_json: bool, quiet: bool, **given: Any) -> None:
    """Find anchors for the boxes of a split's training pictures: k-means on IoU, refined by a genetic search."""
    from detector.network.anchors_report import check_names, survey, write

    check_names(out)
    report = survey(_split(data, quiet), **given)
    for path in out:
        write(report, path)
    click.echo(json.dumps(report.as_json()) if as_json else report.table())


@cli.command()
@click.argument("model", type=PATH, required=False)
@shared("data")
@click.option("--split", "subset", type=click.Choice(["train", "val", "test"]), default="val", show_default=True)
@finding_options
@judging_options
@shared("batch", "img-size", "cfg", "device", "workers", "runtime")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the tables.")
@shared("quiet")
def evaluate(model: Path | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Judge MODEL on a split: AP by class and by size, precision, recall, F1, counts, thresholds; or as Darknet does.

    MODEL is a .pt, .weights, .onnx, .torchscript or .tflite. Without: the newest run's best.pt. Without --data: the
    split that the run was trained on.
    """
    path = model or _run("", Path("runs/train"), quiet, "best.pt") / "best.pt"
    from detector.use import judge

    how, wanted = take_thresholds(given), take_judging(given)
    one = judge(path, how=how, wanted=wanted, quiet=quiet, split=lambda: _split(None, quiet), **given)
    click.echo(json.dumps(one.values, ensure_ascii=False) if as_json else one.text)


@cli.command()
@click.argument("run", type=PATH, required=False)
@shared("data")
@click.option("--split", "subset", type=click.Choice(["train", "val", "test"]), default="val", show_default=True)
@finding_options
@shared("batch", "img-size", "device", "workers")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@shared("quiet")
def evaluate_all(run: Path | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Judge every checkpoint that RUN kept, epoch by epoch; write epochs.csv and epochs.png there.

    Those that are in the CSV already are skipped. Without RUN: the newest run. Without --data: the run's own split.
    """
    folder = _run(str(run or ""), Path("runs/train"), quiet)
    from detector.judging.epochs import judge_epochs

    how = take_thresholds(given)
    epochs = judge_epochs(folder, how=how, quiet=quiet, split=lambda: _split(None, quiet), **given)
    click.echo(json.dumps(epochs.as_json(), ensure_ascii=False) if as_json else epochs.table())


@cli.command()
@click.argument("source", required=False)
@click.option("--weights", type=PATH, help="Also .onnx, .torchscript, .tflite. [the newest run's best.pt]")
@finding_options
@shared("img-size", "cfg", "device", "runtime")
@video_options
@click.option("--out", type=PATH, default=Path("runs/detect"), show_default=True, help="Where results are numbered.")
@click.option("--json", "as_json", is_flag=True, help="Print the detections as one JSON list.")
@click.option("--txt", is_flag=True, help="Of pictures also write YOLO label files, into labels/.")
@click.option("--on-error", type=click.Choice(["fail", "skip"]), default="fail", show_default=True,
              help="What a picture or video that cannot be read does.")  # fmt: skip
@shared("quiet")
def detect(source: str | None, weights: Path | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Find things in SOURCE, draw the boxes, and write what was found.

    SOURCE is a picture, a video, a folder or a "glob*" of them, or the URL of a stream (rtsp, http); or --camera 0.
    Of pictures detections.json is written; of a video the boxes of each frame and how many of each class were there.
    Ctrl-C ends a camera or a stream, and keeps what was seen.
    """
    path = weights or _run("", Path("runs/train"), quiet, "best.pt") / "best.pt"
    from detector.video.run import find

    run = find(path, source, how=take_thresholds(given), watching=take_watching(given), quiet=quiet, **given)
    click.echo(json.dumps(run.as_json(), ensure_ascii=False) if as_json else run.lines())
    for line in run.skipped:
        click.echo(f"skipped: {line}", err=True)
    if run.skipped:
        click.echo(f"{len(run.skipped)} skipped", err=True)


@cli.command()
@click.argument("model", type=PATH, required=False)
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
    FILE.json. Without MODEL: the newest run's best.pt. A classifier's .pt goes to ONNX.
    """
    path = model or _run("", Path("runs/train"), quiet, "best.pt") / "best.pt"
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


@cli.command()
@click.argument("model", type=PATH)
@click.option("--mode", type=click.Choice(["static", "dynamic", "fp16"]), default="static", show_default=True,
              help="8 bits, ranges measured beforehand or on the way; or half floats.")  # fmt: skip
@click.option("--data", type=PATH, help="Split to calibrate on (train) and to judge on (val). [the run's own]")
@click.option(
    "--calibrate", type=click.IntRange(1), default=64, show_default=True, help="Pictures of train, for static."
)
@click.option("--weights", type=click.Choice(["s7", "u8", "s8"]), default="s7", show_default=True,
              help="Signed in 7 bits; unsigned; signed in 8, which needs VNNI.")  # fmt: skip
@click.option("--per-channel/--per-tensor", default=True, show_default=True, help="Scales of the weights.")
@click.option("--float-heads/--int8-heads", default=True, show_default=True, help="The last convolutions stay floats.")
@click.option("--max-loss", type=click.FloatRange(0, 1), default=0.01, show_default=True,
              help="Loss of mAP@0.5 above which a warning is given.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the calibration pictures.")
@click.option("--out", type=PATH, help="The file to write. [MODEL-int8-static.onnx, ...]")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@shared("quiet")
def quantise(
    model: Path, mode: str, weights: str, per_channel: bool, float_heads: bool, as_json: bool, **given: Any
) -> None:
    """Make an exported MODEL.onnx smaller, and say what it cost: size, time, mAP@0.5 and boxes, before and after."""
    from detector.export.quantise import Quantising
    from detector.export.quantise_run import quantise_file

    cost = quantise_file(model, Quantising(mode, weights, per_channel, float_heads), **given)
    click.echo(json.dumps(cost.as_json(), ensure_ascii=False) if as_json else cost.lines())
    if cost.warning:
        click.echo(f"warning: {cost.warning}", err=True)


@cli.command()
@click.argument("model", type=PATH, required=False)
@finding_options
@shared("img-size", "cfg", "device", "runtime")
@serving_options
@shared("quiet")
def serve(model: Path | None, quiet: bool, **given: Any) -> None:
    """A web page that finds things in a camera's picture, a photo or a video, and an API; until Ctrl-C.

    MODEL is a .pt, .weights, .onnx, .torchscript or .tflite. Without: the newest run's best.pt. Needs an extra:
    pip install "balanced-detection[web]". Nothing that is sent is stored.
    """
    path = model or _run("", Path("runs/train"), quiet, "best.pt") / "best.pt"
    from detector.serve.run import serve as run

    run(path, *take_serving(given), how=take_thresholds(given), quiet=quiet, **given)


def _only(context: click.Context, *allowed: str) -> None:
    """Refuse options that a resumed run cannot take."""
    given = click.core.ParameterSource.COMMANDLINE
    for name in context.params:
        if name not in allowed and context.get_parameter_source(name) == given:
            raise click.UsageError(f"--resume keeps the run's own options; drop --{name.replace('_', '-')}")


def _split(data: Path | None, quiet: bool) -> Path:
    if data is not None:
        return data
    from detector.runs import newest_split

    path, why = newest_split()
    if not quiet:
        click.echo(why, err=True)
    return path


def _run(named: str, runs: Path, quiet: bool, file: str = "last.pt") -> Path:
    if named:
        return Path(named)
    from detector.runs import newest_run

    path, why = newest_run(runs, file)
    if not quiet:
        click.echo(why, err=True)
    return path


cli.add_command(classify)


def main() -> None:
    """The console script."""
    try:
        cli.main(prog_name="detector", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort as stop:
        cause = stop.__cause__ or stop.__context__
        said = cause.args[0] if cause is not None and cause.args else "nothing was saved"
        click.echo(f"interrupted; {said}", err=True)
        sys.exit(130)
    except (UserError, OSError) as error:
        click.echo(f"error: {error}".replace("\n", " "), err=True)
        sys.exit(1)
    except ImportError as error:
        if "libGL" not in str(error):
            traceback.print_exc()
            sys.exit(3)
        missing = "the system's libGL.so.1 is missing; install it (Debian: apt-get install libgl1)"
        click.echo(f"error: OpenCV: {missing}", err=True)
        sys.exit(1)
    except BaseException as error:
        if not isinstance(error, SystemExit):
            traceback.print_exc()
            raise SystemExit(3) from error
        raise


if __name__ == "__main__":
    main()
