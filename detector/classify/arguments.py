"""Options that the commands of `detector classify` share, each defined once. Nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from detector.classify.options import AMPS, AUGMENTATIONS, SAMPLERS
from detector.loss.settings import CLASS_WEIGHTS

Command = Callable[..., Any]
PATH = click.Path(path_type=Path)
CROPS = Path("crops")
quiet_option = click.option("--quiet", is_flag=True, help="No progress, only results and errors.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
device_option = click.option("--device", default="auto", help="cpu, cuda, cuda:1, mps, ... [the best there is]")
batch_option = click.option("--batch", type=click.IntRange(1), default=32, show_default=True, help="Pictures a step.")
subset_option = click.option("--split", "subset", type=click.Choice(["train", "val", "test"]), default="val",
                             show_default=True)  # fmt: skip
data_option = click.option("--data", type=PATH, default=CROPS, show_default=True, help="A folder of crops.")


def learning_options(command: Command) -> Command:
    """What train and compare share."""
    options = [
        click.option("--img-size", type=click.IntRange(1), help="Side of the input. [224, inception-v3: 299]"),
        click.option("--lr", type=click.FloatRange(0, min_open=True), help="Rate of the head. [by mode]"),
        click.option("--body-lr", type=click.FloatRange(0, 1), default=0.1, show_default=True,
                     help="finetune: the body's rate, as a share of the head's."),
        click.option("--weight-decay", type=click.FloatRange(0), default=1e-4, show_default=True),
        click.option("--sampler", type=click.Choice(SAMPLERS), default="uniform", show_default=True,
                     help="Which classes an epoch shows more often."),
        click.option("--class-weights", type=click.Choice(CLASS_WEIGHTS), default="none", show_default=True,
                     help="Which classes the loss counts more."),
        click.option("--focal-gamma", type=click.FloatRange(0), default=0.0, show_default=True,
                     help="Focal loss; 0 is cross entropy."),
        click.option("--label-smoothing", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True),
        click.option("--augment", type=click.Choice(AUGMENTATIONS), help="[light; frozen: flip]"),
        click.option("--views", type=click.IntRange(1), default=8, show_default=True,
                     help="frozen with light: of how many showings of each picture the body is computed."),
        click.option("--amp", type=click.Choice(AMPS), default="auto", show_default=True,
                     help="Half precision in training; auto: where it is faster."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides every draw."),
    ]  # fmt: skip
    for option in reversed([data_option, *options, batch_option, device_option, quiet_option]):
        command = option(command)
    return command
