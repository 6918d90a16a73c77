"""A small divided set of portraits whose faces are annotated, made anew for each test, and the command in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from datatools.exits import run
from datatools.formats.yolo import line_of
from datatools.images import encode
from generators.sample.photographs import load

CLASSES = ("mask_weared_incorrect", "with_mask", "without_mask")
ASTRONAUT, HOPPER = (180, 80, 270, 179), (185, 135, 350, 333)
# split -> picture -> (photograph, boxes "class x1 y1 x2 y2"); the other boxes are pieces of clothing and wall
PICTURES: dict[str, dict[str, tuple[str, list[tuple[int, ...]]]]] = {
    "train": {
        "a.jpg": ("astronaut", [(1, 40, 360, 120, 450), (2, *ASTRONAUT), (0, 380, 20, 470, 120)]),
        "b.png": ("astronaut", [(2, *ASTRONAUT)]),
        "h.jpg": ("grace_hopper", [(2, *HOPPER), (2, 20, 20, 29, 30)]),
        "m.jpg": ("coffee", [(1, 30, 30, 90, 90)]),
    },
    "val": {"v.jpg": ("astronaut", [(2, *ASTRONAUT)])},
    "test": {"t.jpg": ("grace_hopper", [(2, *HOPPER)])},
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error of the user's; fails unless the command ended with exactly that."""
        lines = [line for line in self.err.splitlines() if not line.startswith("source: ")]
        assert self.code == 1 and len(lines) == 1 and lines[0].startswith("error: "), (self.code, self.err)
        return lines[0].removeprefix("error: ")


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    """The files' bytes, encoded once."""
    named = {name: photograph for files in PICTURES.values() for name, (photograph, _) in files.items()}
    return {name: encode(load(p), Path(name).suffix, 90) for name, p in named.items()}


@pytest.fixture
def split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: dict[str, bytes]) -> Path:
    """data/yolo below the working folder, which is a new one."""
    monkeypatch.chdir(tmp_path)
    root = Path("data/yolo")
    for part, files in PICTURES.items():
        (root / "images" / part).mkdir(parents=True)
        (root / "labels" / part).mkdir(parents=True)
        for name, (photograph, boxes) in files.items():
            (root / "images" / part / name).write_bytes(pictures[name])
            h, w = load(photograph).shape[:2]
            lines = [line_of(label, box, (w, h)) for label, *box in boxes]
            (root / "labels" / part / name).with_suffix(".txt").write_text("".join(lines))
    parts = "".join(f"{part}: images/{part}\n" for part in PICTURES)
    (root / "data.yaml").write_text(f"{parts}names: [{', '.join(CLASSES)}]\nnc: 3\nkind: converted\n")
    return root


@pytest.fixture
def overlay(capsys: pytest.CaptureFixture) -> Callable[..., Ended]:
    """`generators overlay` with arguments, in this process."""
    from generators.cli import generators

    def call(*args: object) -> Ended:
        capsys.readouterr()
        code = run(generators, ["overlay", *map(str, args)])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def files() -> Callable[[Path], dict[str, bytes]]:
    return tree


@pytest.fixture
def boxes() -> Callable[[Path, str], list[tuple[int, np.ndarray]]]:
    """(class, xyxy pixels) of each line of a label file of a written split."""
    from datatools.images import decode

    def read(root: Path, picture: str) -> list[tuple[int, np.ndarray]]:
        h, w = decode(root / picture).shape[:2]
        label = root / picture.replace("images/", "labels/").rsplit(".", 1)[0]
        rows = [[float(v) for v in line.split()] for line in label.with_suffix(".txt").read_text().splitlines()]
        return [
            (int(k), np.array([(cx - bw / 2) * w, (cy - bh / 2) * h, (cx + bw / 2) * w, (cy + bh / 2) * h]))
            for k, cx, cy, bw, bh in rows
        ]

    return read
