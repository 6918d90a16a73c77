"""The options of `detector experiments`, and the command. Nothing heavy is imported here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.arguments import PATH, shared
from detector.errors import SuiteError


class Seeds(click.ParamType):
    """Whole numbers with commas."""

    name = "0,1,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return tuple(int(part) for part in value.split(",")) if isinstance(value, str) else value
        except ValueError:
            return self.fail(f"{value!r}, expected whole numbers with commas, such as 0,1", param, ctx)


class Given(click.ParamType):
    """OPTION=VALUE."""

    name = "OPTION=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        option, equals, given = value.partition("=")
        if not (option and equals and given):
            self.fail(f"{value!r}, expected {self.name}, such as weights=yolov3-tiny.weights", param, ctx)
        return option, given


@click.command()
@click.argument("suite", type=PATH)
@click.option("--out", type=PATH, default=Path("runs/experiments"), show_default=True, help="The store of all runs.")
@click.option(
    "--workers", type=click.IntRange(1), help="Runs at a time. [one a cuda device; on a CPU one for two cores]"
)
@click.option("--only", multiple=True, metavar="NAME", help="Only this configuration (again and again).")
@click.option("--seeds", type=Seeds(), default=(), help="Only these of the suite's seeds.")
@click.option(
    "--set", "settings", type=Given(), multiple=True, help="An option of training, for all runs (again and again)."
)
@click.option("--keep-stale", is_flag=True, help="Take runs that other code made, and mark them as stale.")
@click.option("--dry-run", is_flag=True, help="Tell runs, hours and disk; write nothing.")
@click.option("--report-only", is_flag=True, help="Report what is there; run nothing.")
@shared("device", "quiet")
def experiments(suite: Path, workers: int | None, settings: tuple[tuple[str, str], ...], **given: Any) -> None:
    """Run SUITE, a YAML file of data sets, configurations and seeds, and report what came out.

    What is there already is not run again; what was stopped goes on. One run that fails does not stop the rest.
    """
    from detector.experiments.run import Asked, run_suite

    outcome = run_suite(suite, Asked(workers=workers or 0, settings=dict(settings), **given))
    click.echo(outcome.text)
    for line in outcome.failed:
        click.echo(f"failed: {line}", err=True)
    if outcome.failed:
        raise SuiteError(suite, f"{len(outcome.failed)} runs failed", remedy="the same command tries them again")
