"""The command line's options: their types, and those that several commands share, each written down once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from datatools.places import Place, shown

PATH = click.Path(path_type=Path)
PLACE = Place()
READERS = ("voc", "yolo", "ultralytics", "darknet", "coco", "createml")
WRITERS = ("yolo", "voc", "coco", "createml")


class Listed(click.ParamType):
    """`A,B,C` -> ("A", "B", "C"); of the given choices, where there are any."""

    name = "A,B,C"

    def __init__(self, choices: tuple[str, ...] = ()) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        parts = value if isinstance(value, tuple) else tuple(p.strip() for p in value.split(","))
        if not all(parts) or len(set(parts)) != len(parts):
            self.fail(f"{value!r}: expected different names with commas between them", param, ctx)
        if self.choices and not set(parts) <= set(self.choices):
            self.fail(f"{value!r}: expected some of {','.join(self.choices)}", param, ctx)
        return parts


class Renaming(click.ParamType):
    """`old=new` -> (old, new)."""

    name = "OLD=NEW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        old, sign, new = value if isinstance(value, tuple) else value.partition("=")
        if not (sign and old and new):
            self.fail(f"{value!r}: expected OLD=NEW", param, ctx)
        return old, new


class Shares(click.ParamType):
    """`0.8,0.1,0.1`, `none` (one set) or `keep` (as the source is divided)."""

    name = "TRAIN,VAL,TEST|keep|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from datatools.split import parse_shares

        if value in ("keep", "none", "auto") or isinstance(value, tuple):
            return value
        try:
            return parse_shares(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


class SchedulerText(click.ParamType):
    """`local`, `dask://host:port` or `ray://host:port` -> Scheduler."""

    name = "local|dask://HOST:PORT|ray://HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from datatools.schedulers import parse_scheduler

        if not isinstance(value, str):
            return value
        try:
            return parse_scheduler(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


def _work_there(context: click.Context, param: click.Parameter, scheduler: Any) -> None:
    """For as long as the command runs; it need not know."""
    from datatools.schedulers import working_on

    if scheduler is not None:
        context.with_resource(working_on(scheduler))


def options(*decorators: Callable) -> Callable:
    """Several options as one decorator, so that each is written down once."""

    def apply(function: Callable) -> Callable:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


reading = options(
    click.option("--from", "read_as", type=click.Choice(READERS), help="Format of SOURCE; default: by its content."),
    click.option("--classes", type=Listed(), default=(), help="Class names in the wanted order."),
    click.option("--map", "renamed", type=Renaming(), multiple=True, help="Rename a class (again and again)."),
    click.option("--drop", type=str, multiple=True, help="Leave out the boxes of a class (again and again)."),
    click.option("--voc-one-based", is_flag=True, help="VOC corners count from 1 (VOC2007/2012)."),
)
scheduling = options(
    click.option("--workers", type=click.IntRange(0), default=0, help="Processes; 0: as many as pay."),
    click.option(
        "--scheduler",
        type=SchedulerText(),
        expose_value=False,
        callback=_work_there,
        help="Where work is done; a cluster needs the extra [dask] or [ray].  Default: local.",
    ),
)
running = options(
    scheduling,
    click.option("--quiet", is_flag=True, help="No progress, no summary."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table."),
)


def writing_options(link: str = "copy") -> Callable:
    """The options of a command that writes a split.  link: the default of `--link`."""
    return options(
        click.option(
            "--link",
            type=click.Choice(["copy", "hard", "symlink"]),
            default=link,
            show_default=True,
            help="How unchanged pictures are brought to the new folder.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace an earlier result."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same bytes."),
        click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing."),
    )


writing = writing_options()


def how_to_read(said: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """The `reading` and `running` options, as keywords of `formats.read` and `inspection.inspect`."""
    from datatools.formats import Classes

    return {
        "name": said["read_as"] or "",
        "wanted": Classes(said["classes"], dict(said["renamed"]), frozenset(said["drop"])),
        "one_based": said["voc_one_based"],
        "workers": said["workers"],
        "quiet": quiet,
    }


def tell(text: str, data: dict, as_json: bool, quiet: bool) -> None:
    """A command's last word: the text for people, or the object for programs."""
    if as_json:
        click.echo(shown(json.dumps(data, ensure_ascii=False, allow_nan=False)))
    elif not quiet:
        click.echo(shown(text))
