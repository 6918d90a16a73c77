"""A split small enough to count by hand: photographs, copies and a synthetic picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CORNER = "0 0.03 0.04 0.05 0.06\n"  # a cat of 2×1.8 px in the upper left corner of 40×30
CAT, DOG = "0 0.5 0.5 0.4 0.4\n", "1 0.9 0.5 0.2 0.5\n"
PICTURES = (
    ("train", "a", "copy", "old/a", CORNER + DOG),
    ("train", "a__1", "augment", "old/a", CAT),
    ("train", "a__2", "augment", "old/a", CAT),
    ("train", "b", "copy", "old/b", CAT),
    ("train", "b__1", "synthetic", "old/b", DOG),
    ("val", "v", "copy", "old/v", CAT),
)


@pytest.fixture
def balanced(make, tmp_path: Path) -> Path:
    """data/balanced: photographs a and b in train, two copies of a, one picture made from b; v in val."""
    root = tmp_path / "data" / "balanced"
    entries = []
    for split, stem, recipe, source, text in PICTURES:
        image = f"images/{split}/{stem}.jpg"
        make.noise(root / image)
        make.put(root / f"labels/{split}/{stem}.txt", text)
        entries.append({"image": image, "split": split, "sources": [source], "recipe": recipe})
    make.put(root / "manifest.jsonl", "".join(json.dumps(e) + "\n" for e in entries))
    make.put(root / "data.yaml", "train: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\nkind: balanced\n")
    return root
