"""A suite file read: YAML, every word of it checked before anything runs, a fault said in one line.

Keys: `name`, `title`, `question`; `source`, a split's folder or `{convert: raw folder, split: "0.7,0.3"}`; `data`,
commands for each recipe; `train`, options of `detector train` by their own names; `seeds`; `runs`, a list of `{name,
data, train}`; `grid`, a cross product of recipes and options; `compare`, pairs of runs. No heavy imports.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from detector.errors import SuiteError, UserError
from detector.experiments.places import Place, each_once, mapping, name, nearest, sequence, text, whole
from detector.experiments.suite import Configuration, Source, Suite
from detector.mappings import read_mapping
from detector.training.options import SETTINGS

KEYS = ("name", "title", "question", "source", "data", "train", "seeds", "runs", "grid", "compare")
PROGRAMS = ("datatools", "generators")
OWN = {
    "data": "name a recipe in the run's data",
    "out": "the store numbers runs",
    "seed": "list them in seeds",
    "device": "give --device to `detector experiments`",
}  # options that the suite itself gives
FOLDERS = ("data", "runs")  # of a store
HOLDS = "name, source, data, train, seeds, runs"


def read_suite(path: Path, settings: Mapping[str, str] | None = None) -> Suite:
    """The suite in a file. settings: options that win over the file's, for every run. Raises SuiteError."""
    remedy = "see docs/suites.md"
    place = Place(path)
    content = mapping(read_mapping(path, SuiteError, "a suite of experiments", HOLDS, remedy, once=True), place, KEYS)
    for key in ("name", "source"):
        if key not in content:
            raise place.error(f"no {key}", f"`{key}: ...`", remedy)
    data = _recipes(content.get("data") or {"raw": []}, place.at("data"))
    always = _options(content.get("train") or {}, place.at("train"))
    wins = {flag_name(key): _option(Place(Path("--set"), key), key, value) for key, value in (settings or {}).items()}
    runs = _runs(content, place, data, always, wins)
    seeds = [whole(one, place.at("seeds").at(i)) for i, one in enumerate(_seeds(content, place))]
    each_once(seeds, place.at("seeds"), "seed")
    said = name(content["name"], place.at("name"))
    if said in FOLDERS or said.startswith("."):
        raise place.at("name").error(repr(said), f"a name for the report's folder, beside {' and '.join(FOLDERS)}")
    return Suite(
        said,
        text(content.get("title") or said, place.at("title")),
        text(content["question"], place.at("question")) if content.get("question") else "",
        _source(content["source"], place.at("source")),
        data,
        runs,
        tuple(seeds),
        _pairs(content.get("compare"), place.at("compare"), [one.name for one in runs]),
    )


def flag_name(key: str) -> str:
    """An option as a suite names it: as the command line does, without the dashes in front."""
    return key.removeprefix("--").replace("_", "-")


def _seeds(content: dict[str, Any], place: Place) -> list[Any]:
    return sequence(content.get("seeds", [0]), place.at("seeds"), "whole numbers, such as [0, 1, 2]")


def _source(value: Any, place: Place) -> Source:
    if isinstance(value, str):
        return Source(text(value, place))
    found = mapping(value, place, ("convert", "split"))
    if "convert" not in found:
        raise place.error("no convert", "a split's folder, or `{convert: raw folder, split: ...}`")
    split = text(found.get("split", "0.7,0.3"), place.at("split"))
    if split != "keep" and not _shares(split):
        raise place.at("split").error(repr(split), "shares of train, val and test that sum to 1, val above 0; or keep")
    return Source(text(found["convert"], place.at("convert")), True, split)


def _shares(split: str) -> bool:
    """Whether these are two or three shares that leave something to judge on."""
    try:
        shares = [float(part) for part in split.split(",")]
    except ValueError:
        return False
    return len(shares) in (2, 3) and min(shares[:2]) > 0 and min(shares) >= 0 and abs(sum(shares) - 1) < 1e-6


def _recipes(value: Any, place: Place) -> dict[str, tuple[str, ...]]:
    found = mapping(value, place)
    if not found:
        raise place.error("no recipe", "`raw: []`, which is the source itself")
    return {name(key, place): _commands(commands, place.at(key)) for key, commands in found.items()}


def _commands(value: Any, place: Place) -> tuple[str, ...]:
    if value in (None, []):
        return ()
    commands = [text(one, place.at(i)) for i, one in enumerate(sequence(value, place, "commands"))]
    for number, command in enumerate(commands):
        _check_command(command, place.at(number))
    return tuple(commands)


def _check_command(command: str, place: Place) -> None:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise place.error(f"{command[:60]!r} ({error})", "a command line") from error
    if words[0] not in PROGRAMS:
        raise place.error(f"{words[0]!r}", f"a command of {' or '.join(PROGRAMS)}")
    for word in ("{in}", "{out}"):
        if words.count(word) != 1:
            raise place.error(f"{command[:60]!r} has {words.count(word)} times {word}", f"`{word}` once, as a word")


def _options(value: Any, place: Place) -> dict[str, Any]:
    found = mapping(value, place)
    read = {flag_name(key): _option(place.at(key), key, one) for key, one in found.items()}
    if len(read) < len(found):
        raise place.error("an option stands twice, with - and with _", "each option once")
    return read


def _option(place: Place, key: str, value: Any) -> Any:
    """The value of an option of `detector train`, checked."""
    word = flag_name(key).replace("-", "_")
    if word in OWN:
        raise place.error("is the suite's to give", remedy=OWN[word])
    if word not in SETTINGS:
        near = flag_name(nearest(word, [one for one in SETTINGS if one not in OWN]))
        raise place.error("no such option", near, "see `detector train --help`")
    setting = SETTINGS[word]
    if setting.kind is bool and value in ("true", "false"):  # of --set
        value = value == "true"
    try:
        return setting.read(value)
    except ValueError as error:
        quotes = 'write words such as "off" in quotes' if isinstance(value, bool) else ""
        raise place.error(repr(value), str(error), quotes) from error


def _runs(
    content: dict[str, Any],
    place: Place,
    data: Mapping[str, Any],
    always: dict[str, Any],
    wins: dict[str, Any],
) -> tuple[Configuration, ...]:
    found: list[tuple[Place, str, str, dict[str, Any]]] = []
    if "runs" in content:
        spot = place.at("runs")
        for i, one in enumerate(sequence(content["runs"], spot, "`{name, data, train}`")):
            found.append(_run(one, spot.at(i), data))
    if "grid" in content:
        found += _grid(content["grid"], place.at("grid"), data)
    if not found:
        raise place.error("no runs", "`runs: [{name: baseline, data: raw}]`, or a grid")
    names = [called for _, called, _, _ in found]
    for (where, called, _, _), before in zip(found, [names[:i] for i in range(len(names))], strict=True):
        if called in before:
            raise where.error(f"name {called!r} is there already", "each name once")
    return tuple(_whole(where, called, recipe, always | own | wins) for where, called, recipe, own in found)


def _whole(place: Place, called: str, recipe: str, train: dict[str, Any]) -> Configuration:
    """A configuration whose options go together."""
    made = Configuration(called, recipe, train)
    try:
        made.options()
    except UserError as error:
        raise place.error(str(error)) from error
    return made


def _run(value: Any, place: Place, data: Mapping[str, Any]) -> tuple[Place, str, str, dict[str, Any]]:
    found = mapping(value, place, ("name", "data", "train"))
    if "name" not in found:
        raise place.error("no name", "`name: baseline`")
    recipe = _recipe(found.get("data", next(iter(data))), place.at("data"), data)
    return place, name(found["name"], place.at("name")), recipe, _options(found.get("train") or {}, place.at("train"))


def _recipe(value: Any, place: Place, data: Mapping[str, Any]) -> str:
    said = name(value, place)
    if said not in data:
        raise place.error(f"{said!r}: no such recipe", nearest(said, list(data)), f"there are {', '.join(data)}")
    return said


def _grid(value: Any, place: Place, data: Mapping[str, Any]) -> list[tuple[Place, str, str, dict[str, Any]]]:
    """Each recipe with each combination of the options' values, named by them."""
    found = mapping(value, place, ("data", "train"))
    spot = place.at("data")
    recipes = [_recipe(one, spot.at(i), data) for i, one in enumerate(found.get("data") or [next(iter(data))])]
    axes = mapping(found.get("train") or {}, place.at("train"))
    values = [
        [_option(place.at("train").at(key).at(i), key, one) for i, one in enumerate(_axis(many, place, key))]
        for key, many in axes.items()
    ]
    made = []
    for recipe, *chosen in product(recipes, *values):
        own = dict(zip(map(flag_name, axes), chosen, strict=True))
        made.append((place, " ".join([recipe, *(f"{key}={one}" for key, one in own.items())]), recipe, own))
    return made


def _axis(value: Any, place: Place, key: str) -> list[Any]:
    return sequence(value, place.at("train").at(key), "values")


def _pairs(value: Any, place: Place, names: list[str]) -> tuple[tuple[str, str], ...]:
    if value is None:
        return tuple((one, names[0]) for one in names[1:])
    pairs = []
    for i, pair in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(pair, list) or len(pair) != 2 or pair[0] == pair[1]:
            raise place.at(i).error(repr(pair)[:60], "two names of runs, [better, base]")
        for one in pair:
            if one not in names:
                raise place.at(i).error(f"{one!r}: no such run", nearest(str(one), names))
        pairs.append((pair[0], pair[1]))
    each_once(pairs, place, "pair")
    return tuple(pairs)
