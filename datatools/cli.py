"""`datatools`: parse, call one function, print.  Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from datatools import __version__
from datatools.balance.choices import augmenting, planning, showing, wanted_of
from datatools.exits import entry_point
from datatools.options import PATH, PLACE, WRITERS, Shares, how_to_read, reading, running, tell, writing
from datatools.places import Place, anywhere


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def datatools() -> None:
    """Convert, check, count and balance object-detection data sets."""


@datatools.command()
@click.argument("source", type=PLACE, default="raw")
@click.option("--out", type=PLACE, help="New folder; default: data/ and the format's name.")
@click.option(
    "--to", "write_as", type=click.Choice(WRITERS), default="yolo", show_default=True, help="Format to write."
)
@click.option(
    "--split",
    type=Shares(),
    default="auto",
    help="Default: 0.8,0.1,0.1 for YOLO from a source that is not divided; otherwise as it is.",
)
@click.option(
    "--split-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A published list, named after its split: train.txt, val.txt, test.txt.",
)
@click.option(
    "--only-with",
    multiple=True,
    metavar="CLASS",
    help="Of train only the pictures that hold a box of it, or of another one named (again and again).",
)
@click.option(
    "--on-error",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="Stop at what is wrong, or leave it out and list it.",
)
@click.option("--clip/--no-clip", default=True, show_default=True, help="Cut boxes at the picture's border.")
@reading
@writing
@running
@anywhere
def convert(
    source: Path,
    out: Path | None,
    write_as: str,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **said: Any,
) -> None:
    """Convert SOURCE (default: raw/) into a YOLO split, or another format.

    Reads Pascal VOC XML, YOLO txt (LabelImg, Ultralytics, Roboflow, Darknet), COCO and CreateML JSON.
    """
    from datatools.convert import Settings, plan_conversion, write_conversion
    from datatools.outputs import refuse_overwrite
    from datatools.reports import conversion_report
    from datatools.split import read_lists
    from datatools.walk import folder_of

    out = out or Path("data") / write_as
    how = how_to_read(said, quiet)
    settings = Settings(
        read_as=how["name"],
        write_as=write_as,
        classes=how["wanted"],
        split=said["split"],
        lists=read_lists(said["split_file"]),
        only_with=said["only_with"],
        skip_errors=said["on_error"] == "skip",
        clip=said["clip"],
        link=said["link"],
        one_based=said["voc_one_based"],
        seed=said["seed"],
        workers=said["workers"],
        quiet=quiet,
    )
    if not dry_run:
        refuse_overwrite(out, folder_of(source), overwrite=overwrite)
    plan = plan_conversion(source, settings)
    if not dry_run:
        write_conversion(plan, out, settings, overwrite=overwrite)
    text, data = conversion_report(plan, out, dry_run)
    tell(text, data, as_json, quiet)


@datatools.command()
@click.argument("source", type=PLACE, required=False)
@click.option("--fix", is_flag=True, help="Write a repaired copy and list what was done.")
@click.option("--out", type=PLACE, help="Where the repaired copy goes; default: SOURCE-fixed.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier repaired copy.")
@reading
@running
@anywhere
def check(
    source: Path | None, fix: bool, out: Path | None, overwrite: bool, as_json: bool, quiet: bool, **said: Any
) -> int:
    """List everything that is wrong with SOURCE (default: raw/), with file and line.

    Exit code 1 where there is an error; warnings and notes alone end with 0.
    """
    from datatools.inspection import fixed_folder, inspect, write_fixed
    from datatools.reports import check_report

    source = source or Path("raw")
    found = inspect(source, **how_to_read(said, quiet))
    done = None
    if fix:
        out = out or fixed_folder(source)
        done = write_fixed(found, source, out, overwrite=overwrite, workers=said["workers"], quiet=quiet)
    text, data, faulty = check_report(found, done, out)
    tell(text, data, as_json, quiet)
    return 1 if faulty and not fix else 0


@datatools.command()
@click.argument("source", type=PLACE, required=False)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it: FILE.png or FILE.svg.")
@click.option("--csv", type=click.Path(path_type=Path, dir_okay=False), help="One row a split and class.")
@reading
@running
@anywhere
def stats(source: Path | None, plot: Path | None, csv: Path | None, as_json: bool, quiet: bool, **said: Any) -> None:
    """Count pictures and boxes of SOURCE: class histogram, sizes, classes that come together.

    Default: the newest split below data/, or raw/ where there is none.
    """
    from datatools import formats, reports
    from datatools import stats as statistics
    from datatools.outputs import write_file
    from datatools.walk import folder_of
    from datatools.weights import drawn_note

    suffix = reports.plot_suffix(plot) if plot else ""
    source = source or reports.default_source(quiet)
    found = formats.read(source, **how_to_read(said, quiet))
    counted = statistics.statistics(found.dataset)
    if plot:
        from datatools.stats_plot import plot as draw

        write_file(plot, draw(counted, suffix))
    if csv:
        write_file(csv, statistics.as_frame(counted).to_csv(index=False))
    text = f"{source} ({found.format})\n\n{statistics.as_table(counted)}"
    drawn, expected = drawn_note(found.dataset, folder_of(source))
    note = reports.problem_note(found.problems, source)
    tell(text + drawn + note, {"source": str(source), **statistics.as_json(counted), **expected}, as_json, quiet)


@datatools.command()
@click.argument("source", type=PLACE, required=False)
@click.option(
    "--out",
    type=Place(dir_okay=False),
    default="report.html",
    show_default=True,
    help="The file to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@reading
@running
@anywhere
def report(source: Path | None, out: Path, overwrite: bool, as_json: bool, quiet: bool, **said: Any) -> None:
    """Write SOURCE as one HTML page to look at: histograms, heat maps, repetition, contact sheets, problems.

    Default: the newest split below data/, or raw/ where there is none.
    """
    from datatools import reports
    from datatools.report.run import make_report

    source = source or reports.default_source(quiet)
    text, data = make_report(source, out, overwrite=overwrite, **how_to_read(said, quiet))
    tell(text, data, as_json, quiet)


@datatools.command()
@click.argument("source", type=PLACE, required=False)
@click.argument("pictures", nargs=-1)
@click.option("--out", type=Place(dir_okay=False), help="Draw a sheet into FILE.png instead.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Only of this split.")
@click.option("--class", "label", help="Only pictures that hold a box of it.")
@click.option("--count", type=click.IntRange(1, 400), help="How many; default: 6 in the terminal, 16 in a file.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other seed, other pictures.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier sheet.")
@reading
@running
@anywhere
def view(source: Path | None, pictures: tuple[str, ...], out: Path | None, **said: Any) -> None:
    """Look at some pictures of SOURCE with their boxes, or at PICTURES, by name.

    As coloured blocks in a terminal with colours, else as a table.  Default: the newest split below data/, or raw/.
    """
    from datatools import reports
    from datatools.halfblocks import screen_of
    from datatools.view import Choice, look

    if out:
        reports.plot_suffix(out, (".png",))
    quiet, as_json = said["quiet"], said["as_json"]
    choice = Choice(pictures, said["split"] or "", said["label"] or "", said["count"] or 0, said["seed"])
    screen = None if as_json or quiet else screen_of(sys.stdout)
    source = source or reports.default_source(quiet)
    text, data = look(source, choice, out, screen, overwrite=said["overwrite"], **how_to_read(said, quiet))
    tell(text, data, as_json, quiet)


@datatools.command()
@click.argument("source", type=PLACE, required=False)
@click.option("--out", type=PLACE, default="data/balanced", show_default=True, help="New folder.")
@planning
@augmenting
@writing
@running
@anywhere
def balance(
    source: Path | None,
    out: Path,
    preview: Path | None,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **said: Any,
) -> None:
    """Repeat and augment the training pictures of SOURCE until its classes are equal, or as --target says.

    Default: the newest converted or synthetic split below data/.  Only train changes.  A run that was killed goes on
    where it stopped.
    """
    from datatools import reports
    from datatools.balance import report, run, weigh
    from datatools.balance.apply import Settings
    from datatools.balance.pixels.policy import read_policy
    from datatools.outputs import refuse_overwrite, write_file

    wanted = wanted_of(click.get_current_context())
    policy = read_policy(said["policy"])
    source = source or reports.newest(("converted", "synthetic"), quiet)
    if not (dry_run or preview):
        refuse_overwrite(out, source, overwrite=overwrite)
    plan = run.plan_balance(source, wanted, workers=said["workers"], quiet=quiet)
    if said["save_plan"]:
        run.save_plan(plan, said["save_plan"], overwrite=overwrite)
    settings = Settings(
        policy,
        plan.plan.wanted.seed,
        said["min_visibility"],
        f".{said['suffix']}",
        said["link"],
        said["workers"],
        quiet,
        said["quality"],
        said["box_fit"],
    )
    files = said["made_as"] == "files"
    if not files:
        weigh.refuse_parts(plan)
    text, data = report.plan_report(plan, out, said["workers"], files=files)
    if preview:
        from datatools.balance.preview import contact_sheet

        reports.plot_suffix(preview, (".png",))
        write_file(preview, contact_sheet(plan, settings))
    elif not dry_run:
        if files and not quiet:
            click.echo(f"{source} -> {out}: {report.cost_line(plan, said['workers'])}", err=True)
        if files:
            more, counted = report.result_report(plan, *run.carry_out(plan, out, settings, overwrite=overwrite))
        else:
            more, counted = weigh.weights_report(plan, weigh.write_weighted(plan, out, settings, overwrite=overwrite))
        text, data = f"{text}\n\n{more}", data | counted
    tell(text, data, as_json, quiet)


@datatools.command()
@click.argument("source", type=PLACE, required=False)
@click.option(
    "--by",
    type=click.Choice(["operator", "policy", "recipe"]),
    default="operator",
    show_default=True,
    help="A row for each operator of the policy, for each policy, or for each recipe of balance.",
)
@click.option(
    "--out", type=Place(dir_okay=False), default="preview.png", show_default=True, help="The picture to write, a PNG."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier picture.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same bytes.")
@showing
@running
@anywhere
def preview(
    source: Path | None, by: str, out: Path, overwrite: bool, seed: int, as_json: bool, quiet: bool, **said: Any
) -> None:
    """Draw what augmentation does to the pictures of SOURCE, by operator, by policy or by recipe.

    Default: the newest split below data/, or raw/ where there is none.  By recipe, a balanced split shows the copies
    that it holds, another one those that `balance` would make.
    """
    from datatools import reports
    from datatools.balance.apply import Settings
    from datatools.balance.gallery import write_gallery
    from datatools.balance.pixels.policy import read_policy

    reports.plot_suffix(out, (".png",))
    policy = read_policy(said["policy"])
    source = source or reports.default_source(quiet)
    settings = Settings(policy, seed, said["min_visibility"], workers=said["workers"], box_fit=said["box_fit"])
    write_gallery(source, by, out, said["policy"] or "", settings, overwrite=overwrite)
    tell(f"{source}, by {by} -> {out}", {"source": str(source), "by": by, "out": str(out)}, as_json, quiet)


@datatools.command()
@click.option("--out", type=PATH, default="raw", show_default=True, help="New folder.")
@click.option("--overwrite", is_flag=True, help="Replace what this program put there before.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table.")
def fetch(out: Path, overwrite: bool, quiet: bool, as_json: bool) -> None:
    """Download the public face-mask-detection set (853 photographs, CC0, about 400 MB) with kagglehub."""
    from datatools import fetch as fetching

    text, data = fetching.report(fetching.fetch(out, overwrite=overwrite, quiet=quiet), out)
    tell(text, data, as_json, quiet)


main = entry_point(datatools)

if __name__ == "__main__":
    main()
