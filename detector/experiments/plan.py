"""What a suite comes to, as a value: data sets to make, in order, and runs to carry out, each with its address.

An address is a digest of all that decides the result: the source's pictures and labels, the commands, the options of
`detector train` with their defaults filled in, the files that any of them name, the seed, and the code. `row` leaves
the code out: a run that differs in nothing but the code has the same. The machine is not part of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector.experiments.code import Code, digest
from detector.experiments.suite import Configuration, Suite

Digest = Callable[[Path], str]
NO_PART = ("data", "out", "device", "workers", "cache", "cache_mb", "cache_folder", "tensorboard", "save_every")
FILES = ("weights", "model", "anchors")  # options that may name a file


@dataclass(frozen=True)
class DataSet:
    """key: its address, `row` without the code.  command: what makes it from `input`; none where it is there.

    commands: all of them, from the source on.
    """

    key: str
    row: str
    input: Path
    folder: Path
    command: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A configuration with a seed, on a data set."""

    key: str
    row: str
    configuration: Configuration
    seed: int
    data: DataSet

    @property
    def title(self) -> str:
        return f"{self.configuration.name}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """data: to make, each after the one it is made from.  runs: configuration by configuration, seed by seed."""

    suite: Suite
    store: Path
    code: Code
    data: tuple[DataSet, ...]
    runs: tuple[Run, ...]


def make_plan(
    suite: Suite, store: Path, code: Code, of: Digest, only: Sequence[str] = (), seeds: Sequence[int] = ()
) -> Plan:
    """of: the digest of a file or folder.  only, seeds: of the suite's, all where empty."""
    chosen = [run for run in suite.runs if not only or run.name in only]
    recipes = dict.fromkeys(run.data for run in chosen)
    start = _source(suite, store, code, of)
    chains = {name: _chain(start, suite.data[name], store, code, of) for name in recipes}
    data = {one.key: one for chain in chains.values() for one in chain}
    # Seed by seed: where a suite is stopped half way, every configuration has been tried.
    runs = [
        _run(run, seed, chains[run.data][-1], code, of)
        for seed in suite.seeds
        if not seeds or seed in seeds
        for run in chosen
    ]
    return Plan(suite, store, code, tuple(data.values()), tuple(runs))


def _source(suite: Suite, store: Path, code: Code, of: Digest) -> DataSet:
    folder = Path(suite.source.folder).absolute()
    found = of(folder)
    if not suite.source.convert:
        return DataSet(digest([found]), digest([found]), folder, folder)
    command = ("datatools", "convert", "{in}", "--out", "{out}", "--split", suite.source.split)
    return _made(folder, found, found, command, (), store, code, of)


def _chain(start: DataSet, commands: Sequence[str], store: Path, code: Code, of: Digest) -> list[DataSet]:
    """The data sets from the source to the last command's; those of a common beginning are the same."""
    chain = [start]
    for command in commands:
        last = chain[-1]
        words = tuple(shlex.split(command))
        chain.append(_made(last.folder, last.row, last.key, words, last.commands, store, code, of))
    return chain


def _made(
    input: Path,
    row: str,
    key: str,
    words: tuple[str, ...],
    before: tuple[str, ...],
    store: Path,
    code: Code,
    of: Digest,
) -> DataSet:
    files = [of(Path(word)) for word in words[1:] if Path(word).is_file()]
    row = digest([row, words, files])
    key = digest([key, row, code.version, code.makers])
    return DataSet(key, row, input, store / "data" / key, words, (*before, shlex.join(words)))


def _run(run: Configuration, seed: int, data: DataSet, code: Code, of: Digest) -> Run:
    options = asdict(run.options(seed))
    decides: dict[str, Any] = {key: value for key, value in options.items() if key not in NO_PART}
    for name in FILES:
        if decides[name] and Path(str(decides[name])).is_file():
            decides[name] = of(Path(decides[name]))
    row = digest([data.row, decides])
    return Run(digest([row, data.key, code.version, code.sources]), row, run, seed, data)
