"""The options of `datatools balance` that no other command has, and the type of `--target`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from datatools.options import Listed, options

FILE = click.Path(path_type=Path, dir_okay=False)
_OF_A_PLAN = (
    "target",
    "recipes",
    "unwanted",
    "drop_majority",
    "max_repeat",
    "solver",
    "prefer",
    "time_limit",
    "seed",
)  # what a plan file holds, too


class TargetText(click.ParamType):
    """What `datatools.balance.planning.target` understands -> Target."""

    name = "equal|median|max-ratio=R|N|CLASS=N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from datatools.balance.planning.target import parse_target

        if not isinstance(value, str):
            return value
        try:
            return parse_target(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


planning = options(
    click.option(
        "--target",
        type=TargetText(),
        default="equal",
        show_default=True,
        help="Boxes that each class is to have: as the largest (equal, not-majority), at least the median, at least "
        "1/R of the largest, or a number.  A class that has more keeps them.",
    ),
    click.option(
        "--recipes",
        type=Listed(("whole", "crop", "erase", "paste", "synthetic")),
        default="whole,erase,synthetic",
        show_default=True,
        help="whole: repeat pictures; crop: show the needed boxes of a copy with their surroundings; erase: take away "
        "boxes of a copy that are not needed; paste: move boxes into fewer copies; synthetic: take SOURCE's synthetic "
        "pictures, as far as they are needed.",
    ),
    click.option(
        "--unwanted",
        type=click.Choice(["erase", "ignore"]),
        default="erase",
        show_default=True,
        help="What becomes of a box that is not needed: its pixels are filled, or its region is listed in ignore/.",
    ),
    click.option(
        "--drop-majority",
        is_flag=True,
        help="Leave photographs out that hold only boxes of which there are enough.",
    ),
    click.option("--max-repeat", type=click.IntRange(1), help="Show no box more often, even if counts stay unequal."),
    click.option(
        "--solver",
        type=click.Choice(["auto", "waterfill", "milp"]),
        default="auto",
        show_default=True,
        help="waterfill: in closed form, with the recipe erase; milp: integer programming; auto: the first if it can.",
    ),
    click.option(
        "--prefer",
        type=click.Choice(["even", "few"]),
        default="even",
        show_default=True,
        help="At the least repetition, the most even appearances, or the fewest new pictures (by milp).",
    ),
    click.option(
        "--time-limit",
        type=click.FloatRange(1),
        default=60,
        show_default=True,
        help="Seconds that integer programming may take; what is best then counts.",
    ),
    click.option(
        "--as",
        "made_as",
        type=click.Choice(["files", "weights"]),
        default="files",
        show_default=True,
        help="files: write the copies; weights: no copies, but weights.txt, for `detector train --sampler plan`.",
    ),
    click.option("--plan", "plan_file", type=FILE, help="Run the plan in FILE instead of making one."),
    click.option("--save-plan", type=FILE, help="Write the plan to FILE, for --plan."),
)
showing = options(
    click.option(
        "--policy",
        metavar="NAME|FILE.yaml",
        help="Augmentation policy: light, default (this one is taken), strong, or a YAML file.",
    ),
    click.option(
        "--min-visibility",
        type=click.FloatRange(0, 1),
        default=0.6,
        show_default=True,
        help="Share of its area that a box keeps inside the picture.",
    ),
    click.option(
        "--box-fit",
        type=click.Choice(["ellipse", "octagon", "rectangle"]),
        default="ellipse",
        show_default=True,
        help="The shape that a box is taken to hold when the picture is turned: its new box stands round that.",
    ),
)
augmenting = options(
    showing,
    click.option("--format", "suffix", type=click.Choice(["jpg", "png"]), default="jpg", show_default=True),
    click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG copies."),
    click.option("--preview", type=FILE, help="Draw 16 copies to FILE.png, and stop."),
)


def wanted_of(context: click.Context) -> Any:
    """What the command line asks of the plan (Wanted), or the file that holds one (Path).

    Raises UsageError where it says both.
    """
    from datatools.balance.planning.plan import Wanted

    said = context.params
    if said["made_as"] == "weights" and said["preview"]:
        raise click.UsageError("--as weights makes no copies: leave --preview out", context)
    if said["plan_file"] is None:
        return Wanted(
            said["target"],
            _recipes(context),
            said["max_repeat"] or 0,
            said["seed"],
            said["unwanted"],
            said["drop_majority"],
            said["solver"],
            said["prefer"],
            said["time_limit"],
        )
    for name in _OF_A_PLAN:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"--plan brings its own {option}: leave one of them out", context)
    return said["plan_file"]


def _recipes(context: click.Context) -> tuple[str, ...]:
    """Those that were named; by default all, or, for weights, all of whole pictures."""
    said = context.params
    if said["made_as"] == "files":
        return said["recipes"]
    if context.get_parameter_source("recipes") is not ParameterSource.COMMANDLINE:
        return ("whole", "synthetic")
    if odd := [recipe for recipe in said["recipes"] if recipe not in ("whole", "synthetic")]:
        raise click.UsageError(f"--as weights shows whole pictures: leave {', '.join(odd)} out of --recipes", context)
    return said["recipes"]
