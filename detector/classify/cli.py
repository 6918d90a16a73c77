"""`detector classify`: crops, train, evaluate, predict, stages, compare. Parse, call one library function, print.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from detector.classify.arguments import (
    CROPS,
    PATH,
    batch_option,
    data_option,
    device_option,
    json_option,
    learning_options,
    quiet_option,
    subset_option,
)
from detector.classify.options import MODELS, TRANSFERS, Options

RUNS = Path("runs/classify")
CELLS = {f"{model}-{transfer}": (model, transfer) for model in MODELS for transfer in TRANSFERS}


@click.group()
def classify() -> None:
    """The two-stage alternative: what is in a face that something else has found.

    \b
    detector classify crops                       newest split under data/ -> crops/
    detector classify train --weights F.pth       crops/ -> runs/classify/<n>/
    detector classify evaluate --split test       newest run's best weights
    detector classify predict faces/              newest run's best weights, on pictures of one face each
    detector classify stages                      newest detector's boxes, named by the newest classifier
    detector classify compare --weights MODEL=F   every model in every mode, as one table
    """


@classify.command()
@click.option("--data", type=PATH, help="Split: a folder with data.yaml, or the file. [newest of data/*]")
@click.option("--out", type=PATH, default=CROPS, show_default=True, help="The folder to write.")
@click.option("--margin", type=click.FloatRange(0, 2), default=0.15, show_default=True,
              help="Around the box, on each side, as a share of its longer edge.")  # fmt: skip
@click.option("--least", type=click.FloatRange(1), default=8.0, show_default=True,
              help="Longer edge of a box below which it is left out, pixels.")  # fmt: skip
@click.option("--side", type=click.IntRange(8), default=256, show_default=True, help="Larger crops are shrunk to it.")
@click.option("--overwrite", is_flag=True, help="Replace crops that are there.")
@json_option
@quiet_option
def crops(data: Path | None, out: Path, margin: float, least: float, side: int, overwrite: bool, as_json: bool,
          quiet: bool) -> None:  # fmt: skip
    """Cut every labelled box of a detection split into a folder of pictures by class; its subsets are kept."""
    if data is None:
        from detector.runs import newest_split

        data, why = newest_split()
        _say(quiet)(why)
    from detector.classify.crops import Cutting, cut_crops

    bar = _bar(quiet)
    cut = cut_crops(data, out, Cutting(margin, least, side), overwrite=overwrite,
                    progress=lambda where: bar(where, "pictures"))  # fmt: skip
    click.echo(json.dumps(cut.as_json(), ensure_ascii=False) if as_json else cut.table())


@classify.command()
@click.option("--model", type=click.Choice(MODELS), default=MODELS[0], show_default=True)
@click.option("--transfer", type=click.Choice(TRANSFERS), default="finetune", show_default=True,
              help="What learns: the head alone, everything from --weights, everything from nothing.")  # fmt: skip
@click.option("--weights", type=PATH, help="torchvision's state dict of the model, or a .pt of ours.")
@click.option("--epochs", type=click.IntRange(1), default=20, show_default=True)
@click.option("--out", type=PATH, default=RUNS, show_default=True, help="Where runs are numbered.")
@click.option("--resume", is_flag=False, flag_value="", help="Go on with a stopped run, with its options. [newest]")
@learning_options
@click.pass_context
def train(context: click.Context, out: Path, resume: str | None, quiet: bool, **given: Any) -> None:
    """Train a classifier; a run's folder gets best.pt, last.pt, results.csv, args.yaml and curves.png."""
    from detector.classify.train import begin, go_on
    from detector.runs import new_folder

    if resume is not None:
        _only(context, "resume", "quiet", "out")
        folder = _run(resume, out, quiet, "args.yaml")
        go_on(folder, _say(quiet), _bar(quiet))
    else:
        folder = begin(_options(given), lambda: new_folder(out), _say(quiet), _bar(quiet))
    click.echo(f"done: {folder}")


@classify.command()
@click.argument("model", type=PATH, required=False)
@data_option
@subset_option
@click.option("--sheets", type=PATH, help="Folder for confusion.png and scores.json.")
@batch_option
@device_option
@json_option
@quiet_option
def evaluate(model: Path | None, data: Path, subset: str, sheets: Path | None, batch: int, device: str, as_json: bool,
             quiet: bool) -> None:  # fmt: skip
    """Precision, recall, F1 by class, accuracy with an interval and by size of the face. [newest run's best.pt]"""
    from detector.classify.evaluate import evaluate as judge
    from detector.classify.evaluate import write_scores

    scores = judge(model or _best(quiet), data, subset, batch=batch, device=device)
    if sheets:
        sheets.mkdir(parents=True, exist_ok=True)
        write_scores(scores, sheets, subset)
    click.echo(json.dumps(scores.as_json(), ensure_ascii=False) if as_json else scores.table())


@classify.command()
@click.argument("sources", type=PATH, nargs=-1, required=True)
@click.option("--weights", type=PATH, help="[the newest run's best.pt]")
@batch_option
@device_option
@json_option
@quiet_option
def predict(sources: tuple[Path, ...], weights: Path | None, batch: int, device: str, as_json: bool,
            quiet: bool) -> None:  # fmt: skip
    """Say what is in SOURCES, pictures of one face each or folders of them."""
    path = weights or _best(quiet)
    from detector.classify.evaluate import predict as look
    from detector.detecting.predict import find_pictures

    found = look(path, [one for source in sources for one in find_pictures(source)], batch=batch, device=device)
    if as_json:
        click.echo(json.dumps([one.as_json() for one in found], ensure_ascii=False))
    else:
        click.echo("\n".join(f"{one.path}: {one.name} {one.scores[one.name]:.3f}" for one in found))


@classify.command()
@click.argument("detector", type=PATH, required=False)
@click.option("--weights", type=PATH, help="The classifier. [the newest run's best.pt]")
@click.option("--data", type=PATH, help="A detection split. [that of the detector's run, else the newest of data/*]")
@subset_option
@click.option(
    "--conf", type=click.FloatRange(0, 1), default=0.25, show_default=True, help="Least of a box that counts."
)
@click.option("--nms", type=click.FloatRange(0, 1), default=0.45, show_default=True,
              help="Of two boxes that overlap more than this, the lesser goes.")  # fmt: skip
@click.option("--margin", type=click.FloatRange(0, 2), default=0.15, show_default=True, help="As the crops were cut.")
@batch_option
@device_option
@json_option
@quiet_option
def stages(detector: Path | None, weights: Path | None, data: Path | None, subset: str, conf: float, nms: float,
           margin: float, batch: int, device: str, as_json: bool, quiet: bool) -> None:  # fmt: skip
    """Let a classifier name the boxes of DETECTOR, and compare with the names that it gives itself. [newest run]"""
    from detector.arguments import chosen_run, chosen_split
    from detector.classify.stages import two_stages
    from detector.detecting.inference import Thresholds
    from detector.runs import own_split

    path = detector or chosen_run("", Path("runs/train"), quiet, "best.pt") / "best.pt"
    split = data or own_split(path) or chosen_split(None, quiet)
    bar = _bar(quiet)
    one = two_stages(path, weights or _best(quiet), split, subset, Thresholds(conf, nms), margin=margin, batch=batch,
                     device=device, quiet=quiet, progress=lambda numbers: bar(numbers, "pictures"))  # fmt: skip
    click.echo(json.dumps(one.as_json(), ensure_ascii=False) if as_json else one.table())


@classify.command()
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True, default=MODELS, help="[both]")
@click.option("--transfer", "transfers", type=click.Choice(TRANSFERS), multiple=True, default=TRANSFERS, help="[all]")
@click.option("--cell", "cells", type=click.Choice(CELLS), multiple=True, help="These alone, instead of the product.")
@click.option("--weights", multiple=True, metavar="MODEL=FILE", help="torchvision's state dict of a model.")
@click.option("--epochs", multiple=True, metavar="N|MODE=N", help="Of all modes, or of one. [20]")
@click.option("--out", type=PATH, default=RUNS / "compare", show_default=True, help="The grid's folder.")
@click.option("--split", "subset", type=click.Choice(["val", "test"]), help="What is judged. [test, else val]")
@click.option("--dry-run", is_flag=True, help="Only say what is left to do and about how long it would take.")
@json_option
@learning_options
def compare(models: tuple[str, ...], transfers: tuple[str, ...], cells: tuple[str, ...], weights: tuple[str, ...],
            epochs: tuple[str, ...], out: Path, subset: str | None, dry_run: bool, as_json: bool, quiet: bool,
            **given: Any) -> None:  # fmt: skip
    """Train every MODEL in every mode and write one table of them; what is finished is not run again."""
    from detector.classify.compare import compare as run
    from detector.classify.compare import epochs_of, pairs, plan

    files = pairs(weights, "--weights", MODELS, "MODEL=FILE")
    common, of_mode = epochs_of(epochs, 20)
    chosen = [CELLS[name] for name in cells] or [(model, transfer) for model in models for transfer in transfers]
    planned = plan(_options(given | {"epochs": common}), list(dict.fromkeys(chosen)), files, of_mode, out)
    if dry_run:
        from detector.classify.estimate import forecast

        one = forecast(planned, _bar(quiet)(planned, "cells"))
        click.echo(json.dumps(one.as_json()) if as_json else one.table())
        return
    grid = run(planned, out, subset, _say(quiet), _bar(quiet))
    click.echo(json.dumps(grid.as_json(), ensure_ascii=False) if as_json else grid.table())


def _options(given: dict[str, Any]) -> Options:
    plain: dict[str, Any] = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return Options(**plain)


def _best(quiet: bool) -> Path:
    return _run("", RUNS, quiet, "best.pt") / "best.pt"


def _run(named: str, runs: Path, quiet: bool, file: str) -> Path:
    if named:
        return Path(named)
    from detector.runs import newest_run

    path, why = newest_run(runs, file, "detector classify train")
    _say(quiet)(why)
    return path


def _say(quiet: bool) -> Callable[[str], None]:
    return lambda line: None if quiet else click.echo(line, err=True)


def _bar(quiet: bool) -> Callable[[Sequence[Any], str], Iterable[Any]]:
    from tqdm import tqdm

    return lambda items, what: tqdm(items, desc=what, leave=False, disable=quiet or None)


def _only(context: click.Context, *allowed: str) -> None:
    """Refuse options that a resumed run cannot take."""
    given = click.core.ParameterSource.COMMANDLINE
    for name in context.params:
        if name not in allowed and context.get_parameter_source(name) == given:
            raise click.UsageError(f"--resume keeps the run's own options; drop --{name.replace('_', '-')}")
