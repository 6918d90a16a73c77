"""The augmentation policy: what is done to copies, how often and how strongly.  It is data, and checked as such.

The default is `policy.yaml` beside this file, which documents every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datatools.errors import PolicyError

DEFAULT = Path(__file__).with_name("policy.yaml")

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
_SINGLE = ("p", "per_channel")  # a number, where the others are ranges


@dataclass(frozen=True)
class Policy:
    """geometry, colour: operator -> key -> number or (low, high).  border: grey level, 0 to 255."""

    geometry: Mapping[str, Mapping[str, Any]]
    colour: Mapping[str, Mapping[str, Any]]
    border: int = 114


def read_policy(path: Path | None = None) -> Policy:
    """The policy in a YAML file; the default one without a path.  Raises PolicyError, naming the key."""
    path = path or DEFAULT
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(
            path, f"no YAML ({' '.join(str(error).split())[:80]})", "a policy", f"see {DEFAULT}"
        ) from None
    except OSError as error:
        raise PolicyError(path, f"cannot be read ({error.strerror})", "a YAML file", "correct --policy") from None
    if not isinstance(said, dict):
        raise PolicyError(path, "is no mapping", "geometry, colour, border", f"see {DEFAULT}")
    _known(path, "policy", said, ("geometry", "colour", "border"))
    border = said.get("border", 114)
    if not isinstance(border, int) or not 0 <= border <= 255:
        raise PolicyError(path, f"border is {border!r}", "a grey level from 0 to 255")
    return Policy(_operators(path, "geometry", said, GEOMETRY), _operators(path, "colour", said, COLOUR), border)


def _known(path: Path, where: str, said: Mapping, keys: Any) -> None:
    for key in said:
        if key not in keys:
            raise PolicyError(path, f"{where} has {key!r}", f"one of {', '.join(keys)}", "correct the spelling")


def _operators(path: Path, group: str, said: Mapping, table: Mapping[str, Mapping[str, Range]]) -> dict:
    operators = said.get(group) or {}
    if not isinstance(operators, dict):
        raise PolicyError(path, f"{group} is no mapping", ", ".join(table))
    _known(path, group, operators, table)
    return {name: _checked(path, f"{group}.{name}", values or {}, table[name]) for name, values in operators.items()}


def _checked(path: Path, where: str, values: Any, limits: Mapping[str, Range]) -> dict:
    if not isinstance(values, dict):
        raise PolicyError(path, f"{where} is {values!r}", "a mapping such as {p: 0.5}")
    limits = {"p": (0, 1), **limits}
    _known(path, where, values, limits)
    return {key: _value(path, f"{where}.{key}", key, value, limits[key]) for key, value in values.items()}


def _value(path: Path, where: str, key: str, value: Any, limit: Range) -> Any:
    numbers = [value] if key in _SINGLE else value if isinstance(value, list) else [value, value]
    wanted = f"{'a number' if key in _SINGLE else 'a range [low, high]'} within {limit[0]:g}..{limit[1]:g}"
    fits = all(isinstance(n, int | float) and limit[0] <= n <= limit[1] for n in numbers)
    if not fits or (key not in _SINGLE and (len(numbers) != 2 or numbers[0] > numbers[1])):
        raise PolicyError(path, f"{where} is {value!r}", wanted)
    return float(value) if key in _SINGLE else (float(numbers[0]), float(numbers[1]))
