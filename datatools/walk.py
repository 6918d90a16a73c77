"""Walking a source folder: every file below it, links followed, loops read once, hidden files passed over."""

from __future__ import annotations

import os
from pathlib import Path

from datatools.errors import LayoutError
from datatools.problems import Problem
from datatools.tree import KIND_FOLDERS, Tree

NAMED_FILES = (".xml", ".json", ".yaml", ".yml", ".data", ".txt")  # what may be named instead of a folder
ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar")


def folder_of(source: Path) -> Path:
    """The folder that is read where a user names `source`: itself, or the data set that an annotation file is in."""
    if source.suffix.lower() not in NAMED_FILES or not source.is_file():
        return source
    return source.parent.parent if source.parent.name.lower() in KIND_FOLDERS else source.parent


def walk(source: Path) -> Tree:
    """Every file below a folder, links followed, loops read once; or the folder of one annotation file.

    Hidden files and folders are passed over.  Raises LayoutError where there is no such folder, or nothing in it.
    """
    if source.is_file():
        root = folder_of(source)
        if root == source:
            remedy = "unpack it" if source.suffix.lower() in ARCHIVES else "name its folder"
            raise LayoutError(source, "no annotation file", f"a folder, or a file of {' '.join(NAMED_FILES)}", remedy)
        tree = walk(root)
        return Tree(tree.root, tree.files, tree.problems, source.relative_to(root).as_posix())
    if not source.is_dir():
        raise LayoutError(
            source, "no such folder", "pictures and their annotations", "name another, or see raw/README.md"
        )
    files, problems = _collect(source)
    if not files:
        raise LayoutError(source, "the folder is empty", "pictures and their annotations", "see raw/README.md")
    return Tree(source, tuple(sorted(files)), tuple(problems))


def _collect(source: Path) -> tuple[list[str], list[Problem]]:
    files: list[str] = []
    problems: list[Problem] = []
    seen = {os.path.realpath(source)}

    def unreadable(error: OSError) -> None:
        raise LayoutError(
            error.filename, f"cannot be read ({error.strerror})", remedy="change its permissions"
        ) from None

    for folder, below, names in os.walk(source, followlinks=True, onerror=unreadable):
        relative = Path(folder).relative_to(source)
        below[:] = sorted(b for b in below if not b.startswith("."))
        for name in [b for b in below if (Path(folder) / b).is_symlink()]:
            real = os.path.realpath(Path(folder) / name)
            if real in seen or any(real == str(p) for p in Path(os.path.realpath(folder)).parents):
                problems.append(Problem("symlink-loop", str(Path(folder) / name), 0, f"links to {real}"))
                below.remove(name)
            seen.add(real)
        below[:] = [b for b in below if _is_text(b, folder, problems)]
        names = [n for n in names if not n.startswith(".") and _is_text(n, folder, problems)]
        files += [(relative / n).as_posix() for n in names]
    return files, problems


def _is_text(name: str, folder: str, problems: list[Problem]) -> bool:
    """Whether a file's name can be written into a list or an annotation; if not, that is a problem."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        shown = str(Path(folder) / os.fsencode(name).decode("utf-8", "backslashreplace"))
        problems.append(Problem("name-undecodable", shown, 0, "a file name that is not UTF-8", "rename the file"))
        return False
    return True
