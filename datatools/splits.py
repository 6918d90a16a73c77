"""Finding the split that a bare command means: the newest one below `data/` of a fitting kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from datatools.errors import LayoutError, UserError

KINDS = ("converted", "synthetic", "balanced")


def kind_of(folder: Path) -> str:
    """converted, synthetic or balanced, as data.yaml says; "converted" for a split that somebody else made."""
    path = folder / "data.yaml"
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(path, "no plain YAML", "train, val and names", "correct the file, or name a source") from None
    kind = said.get("kind") if isinstance(said, dict) else None
    return kind if kind in KINDS else "converted"


def newest_split(kinds: Sequence[str] = KINDS, below: Path = Path("data")) -> tuple[Path, str]:
    """The split whose data.yaml is the newest, and why it was taken.  Raises LayoutError where there is none."""
    folders = (p.parent for p in below.glob("*/data.yaml"))
    found = [f for f in folders if not f.name.startswith(".") and not f.name.endswith(".partial")]
    fitting = [folder for folder in found if kind_of(folder) in kinds]
    if not fitting:
        raise LayoutError(
            below, f"no {' or '.join(kinds)} split", "a folder with data.yaml", "run `datatools convert` first"
        )
    fitting.sort(key=lambda f: ((f / "data.yaml").stat().st_mtime_ns, f.name))
    newest = fitting[-1]
    others = ", ".join(str(f) for f in fitting[:-1])
    kind = " or ".join(kinds)
    reason = f"newest {kind} split; also there: {others}" if others else f"the only {kind} split"
    return newest, reason
