"""Where a data set is: a folder of this machine, or a URL (`s3://bucket/raw`), which a command need not know of.

`anywhere` wraps a command: a SOURCE at a URL is brought to this machine first, an --out at a URL is built here and sent
when the command ended well (see `remote`).  What the command says of the local folders is said of the URLs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click

from datatools.errors import OutputError, UserError
from datatools.urls import Url

SOURCES = ("source", "photos", "split")  # what the commands call it
_names: ContextVar[dict[str, str] | None] = ContextVar("names", default=None)


class Place(click.Path):
    """A path, or a URL, which pathlib would spoil (`s3:/bucket`)."""

    def __init__(self, **how: Any) -> None:
        super().__init__(path_type=Path, **how)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", value, re.DOTALL) if isinstance(value, str) else None
        if found and found[1].lower() == "file":
            value = unquote(found[2])
        elif found:
            if not found[2].strip("/"):
                self.fail(f"{value!r}: expected a place behind ://, such as {found[1]}://bucket/folder", param, ctx)
            return Url(value.rstrip("/"))
        return super().convert(value, param, ctx)


def anywhere(command: Callable) -> Callable:
    """The command, whose SOURCE and --out may be at a URL; with local ones it is called as it is."""

    @wraps(command)
    def call(**said: Any) -> Any:
        if any(isinstance(value, Url) for value in said.values()):
            return _call(command, said)
        return command(**said)

    return call


def _call(command: Callable, said: dict[str, Any]) -> Any:
    from datatools import remote

    quiet, out = said.get("quiet", False), said.get("out")
    names: dict[str, str] = {}
    _refuse(said)
    writes = not (said.get("dry_run") or said.get("preview"))
    if isinstance(out, Url):
        if writes:
            remote.refuse_overwrite(out, overwrite=said.get("overwrite", False))
        said["out"] = remote.room_for(out)
        names[str(said["out"])] = out.text
    for key in SOURCES:
        if isinstance(url := said.get(key), Url):
            said[key] = remote.bring(url, quiet=quiet)
            names[str(said[key])] = url.text
    with _named(names):
        code = command(**said)
    if writes and isinstance(out, Url):
        remote.send(said["out"], out, quiet=quiet)
    return code


def _refuse(said: dict[str, Any]) -> None:
    """Raises UserError where the two places are one in the other, or there is none for what is written."""
    out, sources = said.get("out"), [said[key] for key in SOURCES if isinstance(said.get(key), Url)]
    if isinstance(out, Url) and any(out.holds(source) or source.holds(out) for source in sources):
        found = f"lies inside its source {sources[0]}, or around it"
        raise OutputError(out, found, "a folder apart", "choose another --out")
    if said.get("fix") and sources and out is None:
        raise UserError("--fix", f"{sources[0]} is a URL", "--out", "say where the repaired copy goes")


@contextmanager
def _named(names: dict[str, str]) -> Iterator[None]:
    """Inside the block, and in its errors, local folders go by these names."""
    token = _names.set(names)
    try:
        yield
    except UserError as error:
        error.where, error.found, error.remedy = shown(error.where), shown(error.found), shown(error.remedy)
        raise
    finally:
        _names.reset(token)


def shown(text: str) -> str:
    """The text with URLs in the place of the folders that stand for them."""
    for local, url in (_names.get() or {}).items():
        text = text.replace(local, url)
    return text
