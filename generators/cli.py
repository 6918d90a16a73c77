"""`generators`: parse, call one function, print.  Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from datatools import __version__
from datatools.exits import entry_point


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def generators() -> None:
    """Make pictures: a small sample set for a machine without data."""


@generators.command()
@click.option("--out", type=click.Path(path_type=Path), default="raw", show_default=True, help="New folder.")
@click.option("--images", type=click.IntRange(6, 9999), default=72, show_default=True, help="Pictures to make.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier sample.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; write nothing.")
@click.option("--workers", type=click.IntRange(0), default=0, help="Processes; 0: as many as pay.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table.")
def sample(
    out: Path, images: int, seed: int, overwrite: bool, dry_run: bool, workers: int, quiet: bool, as_json: bool
) -> None:
    """Make a small synthetic data set (Pascal VOC) of photographs that are already installed: no network, no data.

    Two public-domain portraits on freely licensed backgrounds; the masks are drawn.  To try the commands, not for use.
    """
    from datatools.raw import refuse_overwrite
    from generators.sample.make import plan, write
    from generators.sample.report import summary

    refuse_overwrite(out, overwrite=overwrite)
    planned = plan(images, seed)
    if not dry_run:
        write(planned, out, workers=workers, quiet=quiet)
    text, data = summary(planned, out, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
    elif not quiet:
        click.echo(text)


main = entry_point(generators)

if __name__ == "__main__":
    main()
