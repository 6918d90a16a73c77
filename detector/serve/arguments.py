"""Options of `detector serve`: where it listens, who may ask, how much it takes. Nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from detector.serve.address import Address
    from detector.serve.limits import Limits

Command = Callable[..., Any]
PATH = click.Path(path_type=Path)
COUNT = click.IntRange(1)
SERVING = (
    click.option("--mode", type=click.Choice(["server", "browser"]), default="server", show_default=True,
                 help="Where pictures are looked at: here, or in the page, from which no frame is sent."),
    click.option("--fetch-runtime", is_flag=True, help="Get what --mode browser needs from npm's registry, and end."),
    click.option("--runtime-file", type=PATH, help="The same from onnxruntime-web's .tgz, without a network."),
    click.option("--verdicts", type=PATH, help="YAML: what each class means: level (good, warn, bad), en, ko."),
    click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0: to everybody."),
    click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one."),
    click.option("--token", default="", envvar="DETECTOR_TOKEN", help="A word to be known. [$DETECTOR_TOKEN]"),
    click.option("--certfile", type=PATH, help="PEM certificate: HTTPS, which cameras want away from this computer."),
    click.option("--keyfile", type=PATH, help="Its key."),
    click.option("--origin", "origins", multiple=True, help="Of another page that may ask, as https://example.org."),
    click.option("--parallel", type=COUNT, default=1, show_default=True, help="Pictures looked at at once."),
    click.option("--clients", type=COUNT, default=16, show_default=True, help="Live connections at once."),
    click.option("--rate", type=click.FloatRange(1), default=30, show_default=True,
                 help="Most frames a second of a connection, requests a second of an address."),
    click.option("--max-mb", type=click.FloatRange(0, min_open=True), default=12, show_default=True,
                 help="Largest picture sent, megabytes."),
    click.option("--max-mpx", type=click.FloatRange(0, min_open=True), default=25, show_default=True,
                 help="And megapixels."),
)  # fmt: skip


def serving_options(command: Command) -> Command:
    for option in reversed(SERVING):
        command = option(command)
    return command


def take_serving(given: dict[str, Any]) -> tuple[Address, Limits]:
    """The values that `serving_options` stand for, but `verdicts`; they leave `given`."""
    from detector.serve.address import Address
    from detector.serve.limits import Limits

    names = ("host", "port", "token", "certfile", "keyfile", "origins")
    sizes = {"upload_bytes": given.pop("max_mb"), "pixels": given.pop("max_mpx")}
    limits = Limits(
        **{name: given.pop(name) for name in ("parallel", "clients", "rate")},
        **{name: round(millions * 1e6) for name, millions in sizes.items()},
    )
    return Address(**{name: given.pop(name) for name in names}), limits
