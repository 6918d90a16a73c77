"""`generators`: parse, call one function, print.  Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from datatools import __version__
from datatools.exits import entry_point
from datatools.options import PATH, PLACE, WRITERS, Listed, Shares, running, tell, writing, writing_options
from datatools.places import anywhere
from generators.making.classes import MIX
from generators.options import ClassNames, Fill, Mix, drawing, looking, settings_of


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def generators() -> None:
    """Make pictures: masks on annotated faces, sets from bare portraits, a sample where there is no data."""


@generators.command()
@click.option("--out", type=click.Path(path_type=Path), default="raw", show_default=True, help="New folder.")
@click.option("--images", type=click.IntRange(6, 9999), default=72, show_default=True, help="Pictures to make.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier sample.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; write nothing.")
@running
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


@generators.command()
@click.argument("photos", type=PLACE)
@click.option("--out", type=PLACE, default="data/faces", show_default=True, help="New folder.")
@click.option(
    "--to", "write_as", type=click.Choice(WRITERS), default="yolo", show_default=True, help="Format to write."
)
@click.option("--class", "class_name", default="without_mask", show_default=True, help="Class of every face.")
@looking
@click.option("--keep-faceless", is_flag=True, help="Keep pictures without a face, as negatives.")
@click.option("--split", type=Shares(), default="auto", help="Default: 0.8,0.1,0.1 for YOLO, one set otherwise.")
@writing
@running
@anywhere
def faces(
    photos: Path,
    out: Path,
    write_as: str,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **said: Any,
) -> None:
    """Find the faces in the pictures below PHOTOS, which have no boxes, and write them as a data set.

    For photographs of bare faces seen from the front: the detector cannot tell a masked face from a bare one.
    """
    from datatools.convert import Settings, plan_reading, write_conversion
    from datatools.outputs import refuse_overwrite
    from generators.faces.detect import annotate, report

    chosen = {name: said.pop(name) for name in ("split", "link", "seed")}
    settings = Settings(write_as=write_as, skip_errors=True, workers=said["workers"], quiet=quiet, **chosen)
    if not dry_run:
        refuse_overwrite(out, photos, overwrite=overwrite)
    found = annotate(photos, quiet=quiet, **said)
    plan = plan_reading(found.reading, photos, settings)
    if not dry_run:
        write_conversion(plan, out, settings, overwrite=overwrite)
    text, data = report(found, plan, out, dry_run=dry_run)
    tell(text, data, as_json, quiet)


@generators.command()
@click.argument("photos", type=PLACE)
@click.option("--per-class", type=click.IntRange(1), default=1400, show_default=True, help="Boxes of each class.")
@click.option("--out", type=PLACE, default="data/dataset", show_default=True, help="New folder.")
@click.option("--mode", "mix", type=Mix(), help="How masks are worn wrongly; default: as `overlay`.")
@click.option("--classes", type=ClassNames(), help="Names of the classes; default: as `overlay`.")
@click.option("--split", type=Shares(), default="0.8,0.1,0.1", show_default=True, help="Shares of the photographs.")
@looking
@drawing
@writing_options("hard")
@running
@anywhere
def dataset(photos: Path, out: Path, dry_run: bool, overwrite: bool, as_json: bool, quiet: bool, **said: Any) -> None:
    """Make a set of three classes from the portraits below PHOTOS, which have no boxes and show bare faces.

    Faces are found, divided into train, val and test, and given masks, worn rightly and wrongly.  Val and test hold
    drawn masks too, as there are no others.  A run that was killed goes on where it stopped.
    """
    from generators.making import portraits
    from generators.options import portrait_settings
    from generators.showing.portraits import portraits_report

    settings = portrait_settings(said, quiet)
    if dry_run:
        plan = portraits.plan_portraits(*portraits.read_portraits(photos, settings), settings)
    else:
        plan, _ = portraits.carry_out(photos, out, settings, overwrite=overwrite)
    text, data = portraits_report(plan, out, written=not dry_run)
    tell(text, data, as_json, quiet)


@generators.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="modes.png")
@click.option("--masks", type=PATH, help="A folder of your own masks: PNG with transparency.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--overwrite", is_flag=True, help="Replace FILE.")
def modes(file: Path, masks: Path | None, seed: int, overwrite: bool) -> None:
    """Draw every mode of wearing a mask, and the hard negatives, on two portraits: FILE.png or FILE.jpg."""
    from datatools.errors import OutputError
    from datatools.outputs import write_file
    from datatools.reports import plot_suffix
    from generators.drawing import modes as drawing
    from generators.drawing import templates

    suffix = plot_suffix(file, (".png", ".jpg"))
    if file.exists() and not overwrite:
        raise OutputError(file, "is already there", remedy="pass --overwrite, or choose another name")
    write_file(file, drawing.sheet(seed, wardrobe=templates.read(masks) if masks else {}, suffix=suffix))
    click.echo(f"wrote {file}")


@generators.command()
@click.argument("split", type=PLACE, required=False)
@click.option("--out", type=PLACE, default="data/synthetic", show_default=True, help="New folder.")
@click.option("--from-class", metavar="NAME", help="Class whose faces are changed; default: that of the role none.")
@click.option(
    "--mode",
    "mix",
    type=Mix(),
    help=f"How masks are worn wrongly; default: {','.join(f'{mode}={share}' for mode, share in MIX.items())}.",
)
@click.option(
    "--also",
    type=Listed(("correct", "none")),
    metavar="correct|none",
    multiple=True,
    help="As many faces again in this role (with --count and --per-image: faces are shared out equally).",
)
@click.option(
    "--classes",
    type=ClassNames(),
    help="Which class is which; default: correct=with_mask,incorrect=mask_weared_incorrect,none=without_mask.",
)
@click.option("--count", type=click.IntRange(1), help="Make so many new pictures.")
@click.option("--per-image", is_flag=True, help="Make one new picture of each that has usable faces.")
@click.option("--fill", type=Fill(), multiple=True, help="Make N faces of a class (again and again).")
@looking
@drawing
@click.option("--preview", type=click.Path(path_type=Path, dir_okay=False), help="Draw 24 faces to FILE.png, and stop.")
@click.option("--report", type=PATH, help="Also write report.html, with pictures, into this folder.")
@writing_options("hard")
@running
@anywhere
def overlay(
    split: Path | None,
    out: Path,
    preview: Path | None,
    report: Path | None,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **said: Any,
) -> None:
    """Add pictures to the training part of SPLIT in which bare faces wear masks, mostly wrongly.

    Default: the newest converted split below data/.  Without --count, --per-image and --fill, faces are made until the
    class of masks worn wrongly has as many boxes in train as the class that is changed; beyond that, the largest
    repetition of a later `datatools balance` does not fall any more.  A run that was killed goes on where it stopped.
    """
    from datatools import reports
    from generators import run

    settings = settings_of(said, quiet)
    split = split or reports.newest(("converted",), quiet)
    if preview:
        text, data = run.preview(split, preview, settings)
    else:
        text, data = run.overlay(split, out, settings, report, dry_run=dry_run, overwrite=overwrite)
    tell(text, data, as_json, quiet)


main = entry_point(generators)

if __name__ == "__main__":
    main()
