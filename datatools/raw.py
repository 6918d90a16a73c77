"""The folder that raw data lies in: what may be there when a command is about to fill it.

`raw/` is where people put photographs of their own, so a command replaces only what an earlier command put there: every
file must be named by the folder's manifest.  A README.md, and hidden files, belong to the project and always stay.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from datatools.errors import OutputError
from datatools.outputs import MANIFEST
from datatools.tree import key_of

_OURS = frozenset({MANIFEST, "README.txt"})


def _stays(name: str) -> bool:
    return name == "README.md" or name.startswith(".")


def kept(out: Path) -> Iterator[tuple[str, bytes]]:
    """Files at the top of the folder that every command leaves there: (name, bytes)."""
    for path in sorted(out.iterdir()) if out.is_dir() else []:
        if _stays(path.name) and path.is_file():
            yield path.name, path.read_bytes()


def refuse_overwrite(out: Path, *, overwrite: bool = False) -> None:
    """Raises OutputError where filling `out` would lose something; a README.md alone is nothing in the way."""
    if out.is_symlink():
        raise OutputError(out, "is a link to another folder", remedy="remove the link, or choose another --out")
    if out.exists() and not out.is_dir():
        raise OutputError(out, "is a file", "a folder, or nothing", "choose another --out")
    found = _files(out)
    if not found:
        return
    manifest = out / MANIFEST
    if not manifest.is_file():
        raise OutputError(
            out, f"holds {found[0]}, which was not made by this program", remedy="choose another --out, or move it away"
        )
    if not overwrite:
        raise OutputError(out, "is already there", remedy="pass --overwrite, or choose another --out")
    listed = _listed(manifest)
    strange = [f for f in found if f not in _OURS and key_of(f) not in listed]
    if strange:
        raise OutputError(
            out, f"holds {strange[0]}, which {MANIFEST} does not list", remedy="move it away, or choose another --out"
        )


def _files(out: Path) -> list[str]:
    """Every file below the folder but those that stay, sorted."""
    paths = (Path(folder, name).relative_to(out) for folder, _, names in os.walk(out) for name in names)
    return sorted(p.as_posix() for p in paths if not (len(p.parts) == 1 and _stays(p.name)))


def _listed(manifest: Path) -> set[str]:
    """Keys (see `tree`) of the pictures that a manifest lists."""
    keys = set()
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), 1):
        try:
            keys.add(key_of(json.loads(line)["image"]))
        except (ValueError, KeyError, TypeError):
            raise OutputError(
                f"{manifest}:{number}",
                "not a line of a manifest",
                "a JSON object with an image",
                "choose another --out",
            ) from None
    return keys
