"""Options that several commands share, each defined once, and what a command takes where none is given.

Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from detector.judging.arguments import CONF

Command = Callable[..., Any]


def shared(*names: str) -> Callable[[Command], Command]:
    """The options `names`, each defined once, in `SHARED`."""

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = SHARED[name](command)
        return command

    return add


class ModelPath(click.Path):
    """A file; or `shipped`, the model that comes with the package."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from detector.shipped import named_model

        return named_model(Path(str(super().convert(value, param, ctx))))


PATH = click.Path(path_type=Path)
MODEL = ModelPath(path_type=Path)
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


def chosen_split(data: Path | None, quiet: bool) -> Path:
    """`data`, or the newest split, and which that is."""
    if data is not None:
        return data
    from detector.runs import newest_split

    path, why = newest_split()
    if not quiet:
        click.echo(why, err=True)
    return path


def chosen_run(named: str, runs: Path, quiet: bool, file: str = "last.pt") -> Path:
    """The run that is `named`, or the newest in `runs` that holds `file`, and which that is."""
    if named:
        return Path(named)
    from detector.runs import newest_run

    path, why = newest_run(runs, file)
    if not quiet:
        click.echo(why, err=True)
    return path


def chosen_model(named: Path | None, quiet: bool) -> Path:
    """The model that is `named`; else the newest run's best.pt, else the shipped one, and which that is."""
    if named is not None:
        return named
    from detector.runs import newest_model

    path, why = newest_model()
    if not quiet:
        click.echo(why, err=True)
    return path
