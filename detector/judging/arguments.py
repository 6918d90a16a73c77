"""Options of `detector evaluate` and `detect`: how boxes are found, and what is told of them. Nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from detector.detecting.inference import Thresholds
    from detector.judging.judgement import Judging

Command = Callable[..., Any]
Confidence = tuple[float, tuple[tuple[str, float], ...]]
DEFAULT_CONF = 0.25
SHARE = click.FloatRange(0, 1)
PATH = click.Path(path_type=Path)


class Numbers(click.ParamType):
    """Numbers with commas between."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(",")) if value.strip() else ()
        except ValueError:
            self.fail(f"{value!r}, expected numbers with commas between, as 16,32,96", param, context)


class Confidences(click.ParamType):
    """A least confidence; or for classes by name too, as .25,NAME=.5; gives (a number, pairs of name and number)."""

    name = "X|NAME=X,..."

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Confidence:
        if isinstance(value, tuple):
            return value
        first, *rest = value.split(",")
        every, named = (DEFAULT_CONF, [first, *rest]) if "=" in first else (first, rest)
        pairs = [part.rpartition("=") for part in named]
        names = [name.strip() for name, _, _ in pairs]
        if not all(names) or len(set(names)) < len(names):
            self.fail(f"{value!r}, expected a number, NAME=NUMBER, or both as .25,NAME=.5", param, context)
        said = [every, *(number.strip() for _, _, number in pairs)]
        common, *shares = (SHARE.convert(number, param, context) for number in said)
        if any(isnan(share) for share in (common, *shares)):
            self.fail(f"{value!r}, expected shares from 0 to 1", param, context)
        return common, tuple(zip(names, shares, strict=True))


CONF = click.option(
    "--conf", type=SHARE, default=DEFAULT_CONF, show_default=True, help="Least confidence of a box that counts."
)
NMS = click.option(
    "--nms", type=SHARE, default=0.45, show_default=True,
    help="Of two boxes of a class that overlap more than this, the lesser goes.",
)  # fmt: skip
FINDING = (
    click.option("--conf", type=Confidences(), help="Least confidence of a box that counts; of a class, as "
                 "0.25,NAME=0.5. [0.25; of the shipped model its card's]"),
    NMS,
    click.option("--nms-method", type=click.Choice(["greedy", "soft", "soft-linear", "diou", "merge"]),
                 default="greedy", show_default=True, help="How boxes that overlap are thinned."),
    click.option("--agnostic", is_flag=True, help="Boxes of unlike classes thin each other too."),
    click.option("--tta", type=click.Choice(["none", "flip", "full"]), default="none", show_default=True,
                 help="See each picture also mirrored, or in other sizes too: 2 or 4 times the work."),
)  # fmt: skip
JUDGING = (
    click.option("--metric", type=click.Choice(["coco", "voc", "darknet", "original"]), default="coco",
                 show_default=True, help="Whose measure; darknet: its report; original: the first study's."),
    click.option("--corrected", is_flag=True, help="With --metric darknet: without its quirks."),
    click.option("--bins", type=Numbers(), default="10,16,24,32,48,96", show_default=True,
                 help="Sides in pixels at which AP by size is divided."),
    click.option("--want-recall", type=SHARE, help="Advise the confidence that reaches this recall."),
    click.option("--want-precision", type=SHARE, help="Advise the confidence that reaches this precision."),
    click.option("--bootstrap", type=click.IntRange(0), default=0, metavar="N",
                 help="Intervals of AP from N draws of the pictures."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draws."),
    click.option("--cost", type=PATH, help="YAML of what mistakes cost: advise the cheapest confidence."),
    click.option("--per-image", type=PATH, help="Write a CSV with a row a picture."),
    click.option("--sheets", type=PATH, help="Write curves, confusion matrix and sheets of mistakes here, as PNG."),
    click.option("--overwrite", is_flag=True, help="Replace what --per-image and --sheets find."),
)  # fmt: skip


def finding_options(command: Command) -> Command:
    for option in reversed(FINDING):
        command = option(command)
    return command


def judging_options(command: Command) -> Command:
    for option in reversed(JUDGING):
        command = option(command)
    return command


def take_thresholds(given: dict[str, Any], model: Path | None = None) -> Thresholds:
    """The value that `finding_options` stand for; they leave `given`. Without --conf: of the shipped model its card's.

    What is judged at one confidence (see `Judging.check`) keeps the plain default.
    """
    from detector.detecting.inference import Thresholds
    from detector.shipped import advised

    every, by_name = given.pop("conf") or (DEFAULT_CONF, None)
    if by_name is None:
        single = given.get("metric", "coco") in ("darknet", "original") or ("metric" in given and given["agnostic"])
        by_name = () if single else advised(model)
    nms, method, agnostic, views = (given.pop(name) for name in ("nms", "nms_method", "agnostic", "tta"))
    return Thresholds(every, nms, method, agnostic, views, by_name)


def take_judging(given: dict[str, Any]) -> Judging:
    """The value that `judging_options` stand for; they leave `given`."""
    from detector.judging.judgement import Judging

    names = ("metric", "corrected", "bins", "want_recall", "want_precision", "bootstrap", "seed", "per_image", "sheets")
    return Judging(**{name: given.pop(name) for name in (*names, "cost", "overwrite")})
