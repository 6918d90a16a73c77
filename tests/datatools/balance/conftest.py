"""A small divided set with three unbalanced classes, made anew for each test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datatools.images import encode

BOXES = {  # split -> picture -> boxes "class x1 y1 x2 y2" in a picture of 96×64
    "train": {
        "a": ["0 10 10 30 30", "0 40 10 60 30", "1 66 30 90 60"],
        "b": ["0 5 5 25 25", "2 50 20 80 50"],
        "c": ["0 30 20 50 40", "0 60 20 80 40", "0 2 2 20 20"],
        "d": ["1 20 20 50 50"],
        "none": [],
    },
    "val": {"v": ["0 10 10 30 30", "1 50 20 80 50"]},
    "test": {"t": ["2 10 10 30 30"]},
}
COLOURS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))


def line(words: str) -> str:
    label, x1, y1, x2, y2 = (int(v) for v in words.split())
    return f"{label} {(x1 + x2) / 192:.6f} {(y1 + y2) / 128:.6f} {(x2 - x1) / 96:.6f} {(y2 - y1) / 64:.6f}\n"


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    """data/yolo with 6 : 2 : 1 boxes in train."""
    root = tmp_path / "data" / "yolo"
    rng = np.random.default_rng(0)
    for split, pictures in BOXES.items():
        (root / "images" / split).mkdir(parents=True)
        (root / "labels" / split).mkdir(parents=True)
        for name, boxes in pictures.items():
            pixels = rng.integers(100, 140, (64, 96, 3)).astype(np.uint8)
            for box in boxes:
                label, x1, y1, x2, y2 = (int(v) for v in box.split())
                pixels[y1:y2, x1:x2] = COLOURS[label]
            (root / "images" / split / f"{name}.jpg").write_bytes(encode(pixels, ".jpg"))
            (root / "labels" / split / f"{name}.txt").write_text("".join(map(line, boxes)))
    names = "names: [many, some, few]\nnc: 3\n"
    splits = "".join(f"{split}: images/{split}\n" for split in BOXES)
    (root / "data.yaml").write_text(f"path: .\n{splits}{names}kind: converted\n")
    return root
