"""A YAML file that has to be a mapping: where it is not, that is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detector.errors import UserError


def read_mapping(path: Path, error: type[UserError], file: str, holds: str, remedy: str = "") -> dict[Any, Any]:
    """The mapping in `path`. Raises `error`: `file` is what was expected there, `holds` what inside it."""
    import yaml

    if not path.is_file():
        raise error(path, "no such file", file, remedy)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise error(path, f"is not YAML ({str(fault)[:80]})", holds) from fault
    if not isinstance(content, dict):
        raise error(path, "is not a mapping", holds)
    return content
