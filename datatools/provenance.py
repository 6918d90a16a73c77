"""What a split's manifest.jsonl says of its pictures: which were made, and what from.

One JSON object a line: `image` (path below the folder), `split`, `sources` (ids in the set that the split came from),
`recipe`, perhaps `group`, and whatever else the maker wants to remember.  A picture's id is `key_of` its `image`, as
for the annotations.  Lines without `split` describe a raw archive, whose sources are no pictures of a set: they say
nothing here, and neither does a folder without a manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from datatools.errors import LayoutError
from datatools.outputs import MANIFEST
from datatools.tree import key_of

MADE = frozenset({"augment", "synthetic"})  # recipes of pictures that were made: only the training split may hold them
_REMEDY = "correct the line, or make the split again"


@dataclass(frozen=True, slots=True)
class Origin:
    """One line of a manifest.  more: what else it says, under the maker's own names."""

    sources: tuple[str, ...]
    recipe: str
    group: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """What is known of a set's pictures.  origins: id -> its line; empty where nothing is known."""

    origins: Mapping[str, Origin] = field(default_factory=dict)

    def is_made(self, name: str) -> bool:
        """Whether the picture is no photograph, but augmented or synthetic."""
        return name in self.origins and self.origins[name].recipe in MADE

    def pairs(self, ids: Iterable[str]) -> list[tuple[str, str]]:
        """Pairs of ids that share a source or a group; whoever divides the set keeps them together."""
        first: dict[tuple[str, str], str] = {}
        kin = ((key, name) for name in ids for key in self._keys(name))
        return [(earlier, name) for key, name in kin if (earlier := first.setdefault(key, name)) != name]

    def sources(self, name: str) -> list[str]:
        """What a new manifest lists as the picture's sources.

        A photograph is its own source, by its id in this set.  A made picture keeps those that its line states, and
        has the photographs of this set that share one with it, so that a later split still finds them together.
        """
        if not self.is_made(name):
            return [name]
        stated = self.origins[name].sources
        return list(dict.fromkeys([*stated, *(p for s in stated for p in self._photographs.get(s, ()))]))

    def lineage(self, name: str) -> list[str]:
        """The sources of a picture that is made from this one: itself, and what it was made from."""
        return list(dict.fromkeys([name, *self.sources(name)]))

    def entry(self, name: str, image: str, split: str, recipe: str, group: str = "") -> dict[str, Any]:
        """The picture's line in the manifest of a new split that takes it over.

        recipe: how it gets there; a made picture keeps its own, and all else that its line says.
        """
        line = {"image": image, "split": split, "sources": self.sources(name), "recipe": recipe}
        origin = self.origins.get(name)
        if origin and self.is_made(name):
            line |= {"recipe": origin.recipe, **origin.more}
        group = group or (origin.group if origin else "")
        return line | {"group": group} if group else line

    def _keys(self, name: str) -> Iterator[tuple[str, str]]:
        if origin := self.origins.get(name):
            yield from (("source", s) for s in origin.sources)
            if origin.group:
                yield "group", origin.group

    @cached_property
    def _photographs(self) -> dict[str, list[str]]:
        """The photographs made from each source."""
        found: dict[str, list[str]] = {}
        for name, origin in self.origins.items():
            for source in origin.sources if origin.recipe not in MADE else ():
                found.setdefault(source, []).append(name)
        return found


def read_provenance(folder: Path) -> Provenance:
    """What the folder's manifest says; nothing where there is none.

    Raises LayoutError, with file and line, where a line is no such object.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return Provenance()
    origins: dict[str, Origin] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            said = _object(line, f"{path}:{number}")
            if "split" in said:
                image, origin = _origin(said, f"{path}:{number}")
                origins[key_of(image)] = origin
    return Provenance(origins)


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise LayoutError(where, "no JSON object", "one picture a line", _REMEDY)
    return said


def _origin(said: dict[str, Any], where: str) -> tuple[str, Origin]:
    """(image, its origin) of one line; more is what the keys below leave."""
    more = dict(said)
    image, _, sources, recipe = (more.pop(key, None) for key in ("image", "split", "sources", "recipe"))
    group = more.pop("group", "")
    for key, value in (("image", image), ("recipe", recipe), ("group", group)):
        if not isinstance(value, str) or (not value and key != "group"):
            raise LayoutError(where, f"{key} is {json.dumps(value)[:40]}", "a name", _REMEDY)
    if not isinstance(sources, list) or not all(isinstance(s, str) for s in sources):
        raise LayoutError(where, f"sources is {json.dumps(sources)[:40]}", "a list of picture names", _REMEDY)
    return image, Origin(tuple(sources), recipe, group, more)
