"""The augmentation policy: what is done to copies, how often and how strongly.  It is data, and checked as such.

Three ship, in `policies/`: light, default, strong.  `default.yaml` explains every key, docs/augmentation.md gives the
reason of every number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datatools.errors import PolicyError

FOLDER = Path(__file__).with_name("policies")
SHIPPED = ("light", "default", "strong")
DEFAULT = "default"

Range = tuple[float, float]
# operator -> key -> (lowest, highest) value that makes sense; `p` belongs to each
GEOMETRY: dict[str, dict[str, Range]] = {
    "flip_horizontal": {},
    "flip_vertical": {},
    "affine": {
        "scale": (0.1, 4),
        "rotate_deg": (-180, 180),
        "shear_deg": (-45, 45),
        "shift_x": (-1, 1),
        "shift_y": (-1, 1),
        "shift_x_px": (-10_000, 10_000),
        "shift_y_px": (-10_000, 10_000),
    },
    "crop": {"share": (0, 0.45)},
}
COLOUR: dict[str, dict[str, Range]] = {
    "brightness": {"multiply": (0, 4)},
    "contrast": {"multiply": (0, 4)},
    "hue_saturation": {"add": (-255, 255)},
    "blur": {"sigma_px": (0, 20)},
    "noise": {"sigma": (0, 1), "per_channel": (0, 1)},
    "jpeg": {"quality": (1, 100)},
}
SINGLE = ("p", "per_channel")  # a number, where the others are ranges


@dataclass(frozen=True)
class Policy:
    """geometry, colour: operator -> key -> number or (low, high).  border: grey level, 0 to 255."""

    geometry: Mapping[str, Mapping[str, Any]]
    colour: Mapping[str, Mapping[str, Any]]
    border: int = 114


def read_policy(named: str | Path | None = None) -> Policy:
    """The policy of that name, or in that YAML file; the default one without.  Raises PolicyError, naming the key."""
    path = _file_of(str(named or DEFAULT))
    said = _document(path)
    _known(path, "policy", said, ("geometry", "colour", "border"))
    border = said.get("border", 114)
    if not _is_number(border, (0, 255)) or not isinstance(border, int):
        raise PolicyError(path, f"border is {border!r}", "a grey level from 0 to 255")
    return Policy(_operators(path, "geometry", said, GEOMETRY), _operators(path, "colour", said, COLOUR), border)


def _file_of(named: str) -> Path:
    if named in SHIPPED:
        return FOLDER / f"{named}.yaml"
    path = Path(named)
    if not path.suffix and not path.exists():
        raise PolicyError(named, "no such policy", f"{', '.join(SHIPPED)} or a YAML file", "correct --policy")
    return path


def _document(path: Path) -> dict:
    example = f"see {FOLDER / DEFAULT}.yaml"
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(path, f"no YAML ({' '.join(str(error).split())[:80]})", "a policy", example) from None
    except OSError as error:
        raise PolicyError(path, f"cannot be read ({error.strerror})", "a YAML file", "correct --policy") from None
    if not isinstance(said, dict):
        raise PolicyError(path, "is no mapping", "geometry, colour, border", example)
    return said


def _known(path: Path, where: str, said: Mapping, keys: Iterable[str]) -> None:
    for key in said:
        if key not in keys:
            raise PolicyError(path, f"{where} has {key!r}", f"one of {', '.join(keys)}", "correct the spelling")


def _operators(path: Path, group: str, said: Mapping, table: Mapping[str, Mapping[str, Range]]) -> dict:
    operators = said.get(group) or {}
    if not isinstance(operators, dict):
        raise PolicyError(path, f"{group} is no mapping", ", ".join(table))
    _known(path, group, operators, table)
    return {name: _checked(path, f"{group}.{name}", values, table[name]) for name, values in operators.items()}


def _checked(path: Path, where: str, values: Any, limits: Mapping[str, Range]) -> dict:
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise PolicyError(path, f"{where} is {values!r}", "a mapping such as {p: 0.5}")
    ranges = [key for key in limits if key not in SINGLE]
    limits = {"p": (0, 1), **limits}
    _known(path, where, values, limits)
    checked = {key: _value(path, f"{where}.{key}", key, value, limits[key]) for key, value in values.items()}
    if ranges and not any(key in checked for key in ranges):
        raise PolicyError(path, f"{where} does not say how much", " or ".join(ranges), "add it, or take it out")
    return checked


def _value(path: Path, where: str, key: str, value: Any, limit: Range) -> Any:
    numbers = [value] if key in SINGLE else value if isinstance(value, list) else [value, value]
    wanted = f"{'a number' if key in SINGLE else 'a range [low, high]'} within {limit[0]:g}..{limit[1]:g}"
    fits = all(_is_number(n, limit) for n in numbers)
    if not fits or (key not in SINGLE and (len(numbers) != 2 or numbers[0] > numbers[1])):
        raise PolicyError(path, f"{where} is {value!r}", wanted)
    return float(value) if key in SINGLE else (float(numbers[0]), float(numbers[1]))


def _is_number(value: Any, limit: Range) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and limit[0] <= value <= limit[1]
