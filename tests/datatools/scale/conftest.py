"""Divided sets of small pictures, as many as a test wants: two common boxes to a rare one."""

from __future__ import annotations

from pathlib import Path

import pytest

COMMON, RARE = "0 0.25 0.5 0.3 0.4\n0 0.75 0.3 0.2 0.3\n", "1 0.5 0.7 0.4 0.4\n"


def write_split(root: Path, make, train: int) -> Path:
    """A split with `train` training pictures (every third holds the rare class alone) and two others."""
    names = [("train", f"p{k:02d}") for k in range(train)] + [("val", "v"), ("test", "t")]
    for k, (split, name) in enumerate(names):
        make.noise(root / f"images/{split}/{name}.jpg", (64, 48))
        make.put(root / f"labels/{split}/{name}.txt", RARE if k % 3 == 1 else COMMON)
    splits = "".join(f"{split}: images/{split}\n" for split in ("train", "val", "test"))
    make.put(root / "data.yaml", f"{splits}nc: 2\nnames: [common, rare]\nkind: converted\n")
    return root


@pytest.fixture
def small(make, tmp_path: Path) -> Path:
    return write_split(tmp_path / "data/yolo", make, 4)


@pytest.fixture
def many(make, tmp_path: Path) -> Path:
    return write_split(tmp_path / "data/yolo", make, 60)
