"""A YAML file that has to be a mapping: where it is not, that is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detector.errors import UserError


def read_mapping(
    path: Path, error: type[UserError], file: str, holds: str, remedy: str = "", *, once: bool = False
) -> dict[Any, Any]:
    """The mapping in `path`. Raises `error`: `file` is what was expected there, `holds` what inside it.

    once: a key that stands twice in one mapping is refused, where YAML's readers take the last.
    """
    import yaml

    if not path.is_file():
        raise error(path, "no such file", file, remedy)
    try:
        text = path.read_text(encoding="utf-8")
        if once:
            _refuse_doubles(yaml.compose(text, yaml.SafeLoader), path, error)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise error(path, f"is not YAML ({str(fault)[:80]})", holds) from fault
    if not isinstance(content, dict):
        raise error(path, "is not a mapping", holds)
    return content


def _refuse_doubles(node: Any, path: Path, error: type[UserError]) -> None:
    """Raises `error` at the line of a key that its mapping holds already. node: of a YAML document, or None."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise error(f"{path}:{key.start_mark.line + 1}", f"{key.value} stands twice", "each key once")
            seen.add(str(key.value))
            _refuse_doubles(value, path, error)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_doubles(value, path, error)
