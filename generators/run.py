"""`overlay` from end to end: read, then only plan, only draw a sheet, or make the split, its summary and its report."""

from __future__ import annotations

from pathlib import Path

from datatools.outputs import refuse_overwrite, write_file
from datatools.walk import folder_of
from generators.making.build import Settings, carry_out, plan_overlay, read_source
from generators.showing.report import overlay_report


def overlay(
    split: Path, out: Path, settings: Settings, report: Path | None = None, *, dry_run: bool, overwrite: bool
) -> tuple[str, dict]:
    """What was made, or would be: a text, and an object for programs.  report: folder for the HTML report."""
    if dry_run:
        return overlay_report(plan_overlay(read_source(split, settings), settings), out, written=False)
    from generators.showing.html import refuse_report, write_report

    refuse_overwrite(out, folder_of(split), overwrite=overwrite)
    if report:
        refuse_report(report, overwrite=overwrite)
    made, written = carry_out(read_source(split, settings), out, settings, overwrite=overwrite)
    text, data = overlay_report(made, out, written=True)
    if report:
        page = str(write_report(made, written, out, report))
        text, data = f"{text}\nreport: {page}", data | {"report": page}
    return text, data


def preview(split: Path, path: Path, settings: Settings) -> tuple[str, dict]:
    """Draw a sheet of faces into a PNG file; nothing else is written."""
    from datatools.images import encode
    from datatools.reports import plot_suffix
    from generators.showing.shots import preview as drawn

    plot_suffix(path, (".png",))
    planned = plan_overlay(read_source(split, settings), settings)
    write_file(path, encode(drawn(planned), ".png"))
    return f"{path}: some of the {len(planned.plan.uses)} faces that would be made", {"preview": str(path)}
