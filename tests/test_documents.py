"""Claims about the documents: what they name exists, and what they show is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from datatools.balance.pixels.policy import SHIPPED, read_policy
from datatools.cli import datatools
from datatools.problems import CODES
from detector.cli import cli as detector
from generators.cli import generators

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = {"datatools": datatools, "detector": detector, "generators": generators}
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "raw/README.md",
    "detector/weights/README.md",
    *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def test_the_table_of_problem_codes_is_the_programs() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.+) \|$", text_of("docs/formats.md"), re.MULTILINE)
    assert rows == [(code, kind.severity, kind.meaning) for code, kind in CODES.items()]


def test_the_policy_that_the_guide_shows_is_accepted(tmp_path: Path) -> None:
    block = re.search(r"\n((?:    .*\n)*    geometry:\n(?:    .*\n)+)", text_of("docs/balancing.md"))
    assert block
    file = tmp_path / "policy.yaml"
    file.write_text(re.sub(r"^    ", "", block[1], flags=re.MULTILINE))
    policy = read_policy(file)
    assert policy.geometry["affine"]["shift_y_px"] == (60.0, 60.0) and policy.colour["noise"]["per_channel"] == 0.5


def shown(span: object) -> str:
    """A policy's value as the guideline's table writes it: `0.85..1.25`, `±5`, `0.5`."""
    if not isinstance(span, tuple):
        return f"{span:g}"
    low, high = span
    return f"±{high:g}" if low == -high else f"{low:g}..{high:g}"


@pytest.mark.parametrize("column", list(enumerate(SHIPPED)))
def test_the_guideline_gives_every_number_of_every_policy(column: tuple[int, str]) -> None:
    rows = [line.split("|")[1:-1] for line in text_of("docs/augmentation.md").splitlines() if line.startswith("| `")]
    said = {row[0].strip(): row[2 + column[0]].strip() for row in rows if len(row) == 6}
    policy = read_policy(column[1])
    for name, values in {**policy.geometry, **policy.colour}.items():
        for key, value in values.items():
            row = next(r for r in said if f"`{name}`" in r and f"`{key}`" in r)
            assert shown(value) in said[row].split(", "), f"{name}.{key} of {column[1]}: {said[row]}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_and_options_that_a_document_names_exist(document: str) -> None:
    pattern = r"(?:^|[`$;&] ?|    )(datatools|detector|generators) ([a-z]+)((?: [^\n`;|#&]*)?)"
    found = re.findall(pattern, text_of(document), re.MULTILINE)
    for program, name, rest in found:
        command = PROGRAMS[program].commands.get(name)
        if isinstance(command, click.Group):
            below = command.commands.get(rest.split()[0] if rest.split() else "")
            assert below or "--" not in rest, f"{document}: {program} {name}{rest}"
            command = below or command
        if command is None and not rest.strip().startswith("-"):
            continue  # a sentence, not a command
        assert isinstance(command, click.Command), f"{document}: {program} {name}"
        options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest):
            assert option in options, f"{document}: {program} {name} {option}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_files_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", text_of(document)):
        assert ((ROOT / document).parent / target).exists(), f"{document}: {target}"


def test_the_file_map_names_every_module() -> None:
    text = text_of("README.md")
    for room in PROGRAMS:
        for path in (ROOT / room).rglob("*.py"):
            if path.stem not in ("__init__", "imgaug_import") and path.parent.name != "formats":
                assert re.search(rf"\b{path.stem}\b", text), f"README.md does not name {path.relative_to(ROOT)}"
