"""Claims about the house: which way imports point, and that importing costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"datatools": set(), "generators": {"datatools"}, "detector": set()}
HEAVY = ("cv2", "numpy", "pandas", "torch", "PIL", "lxml", "matplotlib", "scipy", "skimage", "imgaug", "joblib", "tqdm")


def imported(path: Path, package: str) -> set[str]:
    """Top-level names of everything that a file imports, also inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(package if node.level else (node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "import_module",
            "__import__",
        ):
            named = node.args[0] if node.args else None
            text = named.values[0] if isinstance(named, ast.JoinedStr) else named
            names.add(str(getattr(text, "value", "")).split(".")[0])
    return names


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"{room}/ is empty"
    allowed = MAY_IMPORT[room] | {room}
    wrong = {
        str(f.relative_to(ROOT)): sorted(imported(f, room) & set(MAY_IMPORT) - allowed)
        for f in files
        if imported(f, room) & set(MAY_IMPORT) - allowed
    }
    assert not wrong


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_room_imports_its_tests_or_scripts(room):
    for file in (ROOT / room).rglob("*.py"):
        assert not imported(file, room) & {"tests", "conftest", "pytest", "hypothesis"}, file


@pytest.mark.parametrize("module", ["datatools", "datatools.cli", "generators.cli", "detector.cli"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "")


def test_the_walk_finds_imports_wherever_they_stand(tmp_path):
    file = tmp_path / "x.py"
    file.write_text(
        "import a.b\nfrom c.d import e\nfrom . import f\n"
        "def g():\n    import h as i\n    from importlib import import_module\n    import_module('j.k')\n"
        "    import_module(f'l.{i}')\nif 0:\n    __import__('m')\n",
        encoding="utf-8",
    )
    assert imported(file, "room") == {"a", "c", "room", "h", "importlib", "j", "l", "m"}
