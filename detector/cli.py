"""The `detector` command: train, info, anchors, evaluate, detect, average, ship, export, serve, classify, experiments.

Parse, call one library function, print. Nothing heavy is imported before a command runs. Exit codes: 0 done; 1 the
input is at fault, one line; 2 wrong usage; 3 a fault of ours, with a traceback; 130 interrupted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from detector.arguments import MODEL, PATH, chosen_model, chosen_run, chosen_split, shared
from detector.classify.cli import classify
from detector.exits import entry_point
from detector.experiments.arguments import experiments
from detector.export.cli import export, quantise
from detector.judging.arguments import finding_options, judging_options, take_judging, take_thresholds
from detector.serve.arguments import serving_options, take_serving
from detector.training.arguments import GroupedCommand, read_config, training_options
from detector.training.options import DEFAULTS, Options
from detector.video.arguments import take_watching, video_options


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="balanced-detection")
def cli() -> None:
    """Train YOLOv3 on a data set in YOLO layout, judge it, and find things in pictures with it.

    \b
    detector train                       newest split under data/ -> runs/train/<n>/
    detector evaluate                    newest run's best weights, else the shipped model, on validation pictures
    detector evaluate-all                every checkpoint of the newest run: mAP by epoch
    detector detect photos/              the same, on your pictures -> runs/detect/<n>/
    detector export                      the same, as ONNX
    detector serve                       the same, on a web page with a live camera
    detector ship runs/train/1           a run's best weights as a small file with a card, to give away
    detector classify                    a classifier of the boxes' contents, the two-stage alternative
    detector experiments SUITE.yaml      many runs, compared over seeds
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

        folder = go_on(chosen_run(resume, Path(chosen.get("out", DEFAULTS["out"])), quiet), quiet)
    else:
        options = Options(**chosen | {"data": chosen.get("data") or str(chosen_split(None, quiet))})
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

    Without MODEL: the networks that come along. `shipped`: the model that comes along, with its card.
    """
    from detector.network.info_report import describe, overview, overview_table

    if model == "shipped":
        from detector.shipped import FOLDER, read_card, shipped_model

        path = shipped_model()
        one, told = describe(str(path), img_size, classes), (FOLDER / "README.md").read_text(encoding="utf-8")
        values = one.as_json(layers) | {"card": read_card()}
        click.echo(json.dumps(values, ensure_ascii=False) if as_json else f"{told}\n{one.text(layers)}")
    elif model is None:
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
    report = survey(chosen_split(data, quiet), **given)
    for path in out:
        write(report, path)
    click.echo(json.dumps(report.as_json()) if as_json else report.table())


@cli.command()
@click.argument("model", type=MODEL, required=False)
@shared("data")
@click.option("--split", "subset", type=click.Choice(["train", "val", "test"]), default="val", show_default=True)
@finding_options
@judging_options
@shared("batch", "img-size", "cfg", "device", "workers", "runtime")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the tables.")
@shared("quiet")
def evaluate(model: Path | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Judge MODEL on a split: AP by class and by size, precision, recall, F1, counts, thresholds; or as Darknet does.

    MODEL is a .pt, .weights, .onnx, .torchscript or .tflite, or `shipped`. Without: the newest run's best.pt, else
    the shipped model. Without --data: the split that the run was trained on.
    """
    path = chosen_model(model, quiet)
    from detector.use import judge

    how, wanted = take_thresholds(given, path), take_judging(given)
    one = judge(path, how=how, wanted=wanted, quiet=quiet, split=lambda: chosen_split(None, quiet), **given)
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
    folder = chosen_run(str(run or ""), Path("runs/train"), quiet)
    from detector.judging.epochs import judge_epochs

    how = take_thresholds(given)
    epochs = judge_epochs(folder, how=how, quiet=quiet, split=lambda: chosen_split(None, quiet), **given)
    click.echo(json.dumps(epochs.as_json(), ensure_ascii=False) if as_json else epochs.table())


@cli.command()
@click.argument("source", required=False)
@click.option("--weights", type=MODEL,
              help="Also .onnx, .torchscript, .tflite, or `shipped`. [newest run's best.pt, else shipped]")  # fmt: skip
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
    path = chosen_model(weights, quiet)
    from detector.video.run import find

    run = find(path, source, how=take_thresholds(given, path), watching=take_watching(given), quiet=quiet, **given)
    click.echo(json.dumps(run.as_json(), ensure_ascii=False) if as_json else run.lines())
    for line in run.skipped:
        click.echo(f"skipped: {line}", err=True)
    if run.skipped:
        click.echo(f"{len(run.skipped)} skipped", err=True)


@cli.command()
@click.argument("model", type=MODEL, required=False)
@finding_options
@shared("img-size", "cfg", "device", "runtime")
@serving_options
@shared("quiet")
def serve(
    model: Path | None, mode: str, fetch_runtime: bool, runtime_file: Path | None, quiet: bool, **given: Any
) -> None:
    """A web page that finds things in a camera's picture, a photo or a video, and an API; until Ctrl-C.

    MODEL is a .pt, .weights, .onnx, .torchscript or .tflite, or `shipped`. Without: the newest run's best.pt, else
    the shipped model. Needs an extra: pip install "balanced-detection[web]". Nothing that is sent is stored; with
    --mode browser nothing is sent: the page itself runs the model, a .pt, .weights (extra [onnx]) or .onnx.
    """
    if fetch_runtime or runtime_file:
        from detector.serve.web_runtime import fetch

        click.echo(fetch(runtime_file, lambda line: None if quiet else click.echo(line, err=True)))
        return
    path = chosen_model(model, quiet)
    from detector.serve.run import Model
    from detector.serve.run import serve as run

    where = {name: given.pop(name) for name in ("img_size", "cfg", "device", "runtime")}
    how = take_thresholds(given, path)
    run(Model(path, mode=mode, **where), *take_serving(given), how=how, quiet=quiet, **given)


@cli.command()
@click.argument("runs", nargs=-1, type=PATH, required=True)
@click.option("--out", type=PATH, default=Path("averaged"), show_default=True, help="The folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace the best.pt that is there.")
def average(runs: tuple[Path, ...], out: Path, overwrite: bool) -> None:
    """Write the mean of the weights of RUNS, which went on from the same weights, as OUT/best.pt.

    RUNS are runs' folders, of which best.pt is taken, or .pt files in them. The input's size is the last one's.
    """
    from detector.shipping.average import write_average

    click.echo(write_average(runs, out, overwrite))


@cli.command()
@click.argument("run", type=PATH)
@click.option("--data", type=PATH, help="Split to judge it on: val, and test. [the run's own]")
@click.option("--out", type=PATH, default=Path("shipped"), show_default=True, help="The folder to write.")
@click.option("--about", type=PATH, help="Markdown that ends the card: data, purpose, limits. [OUT/about.md]")
@click.option("--overwrite", is_flag=True, help="Replace the model that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as one JSON object.")
@shared("quiet")
def ship(run: Path, as_json: bool, **given: Any) -> None:
    """Write the best weights of RUN as a small file to give away, with a card of what it is and what it is worth.

    RUN is the folder of a run or of an average, or a .pt in one. The folder gets the file (half floats), README.md and
    card.json.
    """
    from detector.shipping.ship import ship as write

    done = write(run, **given)
    click.echo(json.dumps(done.card, ensure_ascii=False) if as_json else done.lines())


def _only(context: click.Context, *allowed: str) -> None:
    """Refuse options that a resumed run cannot take."""
    given = click.core.ParameterSource.COMMANDLINE
    for name in context.params:
        if name not in allowed and context.get_parameter_source(name) == given:
            raise click.UsageError(f"--resume keeps the run's own options; drop --{name.replace('_', '-')}")


for command in (export, quantise, classify, experiments):
    cli.add_command(command)


main = entry_point(cli, "detector")

if __name__ == "__main__":
    main()
