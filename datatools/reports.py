"""What the commands say: each report is a text for people and an object for programs, from the same value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datatools.check import tally
from datatools.display import grid
from datatools.errors import LayoutError, UserError
from datatools.problems import CODES, ERROR, Problem
from datatools.splits import newest_split

if TYPE_CHECKING:
    from datatools.convert import Conversion
    from datatools.inspection import Fixed, Inspection

SHOWN = 20  # lines of repairs that a summary shows; --json has all


def default_source(quiet: bool) -> Path:
    """The newest split, or raw/ where nothing has been converted yet; says which on stderr."""
    try:
        source, why = newest_split()
    except LayoutError:
        source, why = Path("raw"), "no split below data/ yet"
    if not quiet:
        click.echo(f"source: {source} ({why})", err=True)
    return source


def newest(kinds: Sequence[str], quiet: bool) -> Path:
    """The newest split of these kinds; says which on stderr.  Raises LayoutError where there is none."""
    source, why = newest_split(kinds)
    if not quiet:
        click.echo(f"source: {source} ({why})", err=True)
    return source


def plot_suffix(path: Path, allowed: tuple[str, ...] = (".png", ".svg")) -> str:
    if path.suffix not in allowed:
        raise UserError(path, f"a picture of type {path.suffix or 'none'}", " or ".join(allowed), "rename it")
    return path.suffix


def problem_note(problems: Sequence[Problem], source: Path) -> str:
    """A line that says how many problems there are, where there are any."""
    count = sum(p.severity == ERROR for p in problems)
    return f"\n\n{count} errors in this set: see `datatools check {source}`" if count else ""


def _first(lines: Sequence[str]) -> list[str]:
    rest = [f"  ... and {len(lines) - SHOWN} more (--json has all)"] if len(lines) > SHOWN else []
    return [f"  {line}" for line in lines[:SHOWN]] + rest


def conversion_report(plan: Conversion, out: Path, dry_run: bool) -> tuple[str, dict]:
    from datatools.convert import summary
    from datatools.stats import as_json, statistics

    counted = statistics(plan.dataset)
    data = {**summary(plan), "out": str(out), "dry_run": dry_run, **as_json(counted)}
    rows = [(p.name, str(p.images), *map(str, p.boxes.tolist())) for p in (*counted.splits, counted.total)]
    lines = [f"{plan.source} ({plan.read_as}) -> {out}{' (dry run: nothing written)' if dry_run else ''}", ""]
    lines.append(grid(("split", "images", *plan.dataset.classes), rows, "<>" + ">" * len(plan.dataset.classes)))
    notes = [f"{n} {code}: {CODES[code].meaning}" for code, n in data["problems"].items()]
    if data["near_duplicate_groups"]:
        notes.append(f"{data['near_duplicate_groups']} groups of near-duplicate pictures, each kept in one split")
    for p in counted.splits if len(counted.splits) > 1 else ():
        lacking = [name for name, n in zip(plan.dataset.classes, p.boxes.tolist(), strict=True) if not n]
        notes += [f"{p.name} has no box of {' '.join(lacking)}: its AP cannot be measured there"] if lacking else []
    lines += ["", *notes] if notes else []
    lines += _first(plan.done)
    return "\n".join(lines), data


def check_report(found: Inspection, fixed: Fixed | None, out: Path | None) -> tuple[str, dict, bool]:
    """(text, object, is there an error?)."""
    problems = found.problems
    counted = tally(problems)
    lines = [str(p) for p in problems]
    rows = [(CODES[code].severity, code, str(n), CODES[code].meaning) for code, n in counted.items()]
    lines += ["", grid(("", "code", "count", "meaning"), rows, "<<><")] if rows else []
    boxes = sum(len(a) for a in found.reading.dataset.annotations)
    errors = sum(p.severity == ERROR for p in problems)
    lines += [
        "",
        f"{len(found.reading.dataset)} images, {boxes} boxes ({found.reading.format}): {errors} errors, "
        f"{len(problems) - errors} warnings and notes",
    ]
    data: dict = {
        "format": found.reading.format,
        "images": len(found.reading.dataset),
        "boxes": boxes,
        "counts": counted,
    }
    data["problems"] = [
        {"code": p.code, "severity": p.severity, "file": p.file, "line": p.line, "found": p.found} for p in problems
    ]
    if fixed is not None:
        lines += ["", f"repaired copy: {out} ({fixed.images} images, {fixed.boxes} boxes)", *_first(fixed.done)]
        data["fixed"] = {"out": str(out), "images": fixed.images, "boxes": fixed.boxes, "done": list(fixed.done)}
    return "\n".join(lines).lstrip("\n"), data, errors > 0
