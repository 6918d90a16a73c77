"""`Options` as options of a command, under headings, and as a YAML file: the command line wins over the file.

A `--config` file is a mapping of the options' names, with - or _ between words; a run's `args.yaml` is one. A name
that is not known is refused, with the nearest that is.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from detector.errors import UserError
from detector.mappings import read_mapping
from detector.training.options import DEFAULTS, SETTINGS
from detector.training.setting import GROUPS, OUTPUT, Setting, flag


class Value(click.ParamType):
    """A word of the command line, checked as the setting asks."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.name = "|".join(setting.words) if setting.kind is str and setting.words else setting.kind.__name__

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            return self.setting.read(value)
        except ValueError as error:
            self.fail(f"{value!r}, expected {error}", param, context)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return {"str": "TEXT", "int": "N", "float": "X"}.get(self.name, self.name)


class GroupedOption(click.Option):
    """An option that knows the heading it stands under."""

    def __init__(self, *given: Any, group: str = OUTPUT, **more: Any) -> None:
        super().__init__(*given, **more)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help has a heading a group; options without one stand last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {group: [] for group in (*GROUPS, "Also")}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record:
                rows[getattr(param, "group", "Also")].append(record)
        for group, records in rows.items():
            if records:
                with formatter.section(group):
                    formatter.write_dl(records)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Every field of `Options` as an option of `command`; what is not given arrives as None."""
    for name, setting in reversed(SETTINGS.items()):
        default = DEFAULTS[name]
        more: dict[str, Any] = {"help": setting.help + _shown(default), "default": None, "group": setting.group}
        if setting.kind is bool:
            spelling = f"{flag(name)}/--no-{flag(name)[2:]}"
        else:
            spelling, more["type"] = flag(name), Value(setting)
        command = click.option(spelling, name, cls=GroupedOption, **more)(command)
    return command


def _shown(default: Any) -> str:
    if default is None:
        return ""
    return f" [{default:g}]" if isinstance(default, float) else f" [{str(default).lower()}]"


def read_config(path: Path) -> dict[str, Any]:
    """The options that a YAML file holds, checked. Raises UserError."""
    content = read_mapping(path, UserError, "a YAML file of options", "`option: value` lines", "see --config")
    return dict(_entry(path, str(key), value) for key, value in content.items())


def _entry(path: Path, key: str, value: Any) -> tuple[str, Any]:
    name = key.removeprefix("--").replace("-", "_")
    if name not in SETTINGS:
        near = get_close_matches(name, SETTINGS, n=1, cutoff=0.0)
        raise UserError(path, f"{key}: no such option", near[0], "see `detector train --help`")
    try:
        return name, SETTINGS[name].read(value)
    except ValueError as error:
        raise UserError(path, f"{key}: {value!r}", str(error)) from error
