"""Claims about the figures of the report: counted by hand on a split of six pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datatools import formats
from datatools.core import Annotation
from datatools.provenance import Origin, Provenance, read_provenance
from datatools.report.figures import Figures, examples, figures
from datatools.report.heat import CELLS, drawings, grids
from datatools.report.repetition import families, repetition


def of(folder: Path) -> Figures:
    return figures(folder, formats.read(folder), read_provenance(folder))


def test_before_and_after_are_the_photographs_alone_and_all(balanced) -> None:
    found = of(balanced)
    assert dict(found.recipes) == {"augment": 2, "copy": 3, "synthetic": 1}
    assert list(found.alone) == ["train"], "val holds photographs only"
    assert (found.alone["train"].images, found.alone["train"].boxes.tolist()) == (2, [2, 1])
    assert found.counted.splits[0].boxes.tolist() == [4, 2]


def test_a_picture_that_appears_three_times_is_repeated_three_times(balanced) -> None:
    found = of(balanced).repeated
    assert list(found) == ["train"], "in val each photograph is shown once"
    cat, dog = found["train"]
    assert (cat.boxes, cat.distinct, cat.photographs, cat.most, cat.photograph) == (4, 2, 2, 3, "train/a")
    assert cat.effective == pytest.approx((3 + 1) ** 2 / (3**2 + 1**2))
    assert (dog.boxes, dog.distinct, dog.photographs, dog.most, dog.effective) == (2, 2, 2, 1, 2.0)


def pictures(**labels: list[int]) -> list[Annotation]:
    return [
        Annotation(name, "", (10, 10), [[0, 0, 5, 5]] * len(said), np.array(said, int)) for name, said in labels.items()
    ]


def test_each_box_of_a_repeated_picture_counts() -> None:
    shown = repetition(pictures(a=[0, 0], b=[0, 0], c=[0], d=[]), ["a", "a", "c", "d"], 2)
    assert (shown[0].boxes, shown[0].distinct, shown[0].most) == (5, 3, 2)
    assert shown[0].effective == pytest.approx((2 + 2 + 1) ** 2 / (4 + 4 + 1))
    assert (shown[1].boxes, shown[1].most, shown[1].photograph, shown[1].effective) == (0, 0, "", 0.0)
    assert repetition([], [], 2)[1].boxes == 0


def test_without_repetition_the_effective_sample_is_the_number_of_boxes() -> None:
    shown = repetition(pictures(a=[0, 0, 0], b=[0]), ["a", "b"], 1)
    assert (shown[0].effective, shown[0].most) == (4.0, 1)


def test_a_family_is_found_through_earlier_sets() -> None:
    """s was made from a, when a was called old/a; t is a copy of s; lost has no photograph in the set."""
    known = Provenance(
        {
            "a": Origin(("mid/a", "old/a"), "copy"),
            "s": Origin(("old/a",), "synthetic"),
            "t": Origin(("mid/s", "old/a", "mid/a"), "augment"),
            "lost": Origin(("mid/x", "old/x"), "augment"),
            "again": Origin(("old/a",), "copy"),
        }
    )
    shown = pictures(a=[0], s=[0], t=[0], lost=[0], again=[0], foreign=[0])
    assert families(shown, known) == ["a", "a", "a", "old/x", "a", "foreign"]


def test_a_box_in_the_upper_left_corner_lights_the_upper_left_cell(balanced) -> None:
    position, size = of(balanced).position, of(balanced).size
    assert position.shape == size.shape == (2, CELLS, CELLS)
    assert position[0, 0, 0] == 1 and position[0].sum() == 5
    assert position[0, CELLS // 2, CELLS // 2] == 4
    assert position[1, CELLS // 2, int(0.9 * CELLS)] == 2, "rows go down, columns to the right"
    assert size[0, 0, 0] == 1, "2×1.8 px: smaller than the first edge"
    assert size[1, 3, 2] == 2 and size[1].sum() == 2, "a dog is 8×15 px: 2² to 2³ in 2 half octaves, 15 < 2⁴"


def test_boxes_beyond_every_edge_are_counted_in_the_last_cells() -> None:
    far = Annotation("x", "", (10, 10), [[-1e300, -5, -1e299, -4], [1e5, 1e5, 2e5, 2e5]], [0, 0])
    position, size = grids([far], 1)
    assert position[0, 0, 0] == 1 and position[0, -1, -1] == 1 and position.sum() == 2
    assert size[0, -1, -1] == 1 and size.sum() == 2
    assert grids([], 1)[0].sum() == 0 and grids([], 0)[0].shape == (0, CELLS, CELLS)


def test_heat_maps_are_drawn_four_classes_at_a_time_and_always_alike(balanced) -> None:
    names = ("a", "$b$", "_c", "고양이", "e")
    one = np.ones((5, CELLS, CELLS), int)
    first = list(drawings(names, one, one))
    assert [some for some, _ in first] == [names[:4], names[4:]]
    assert all(png.startswith(b"\x89PNG") for _, png in first)
    assert list(drawings(names, one, one)) == first


def test_problems_are_those_of_reading_and_of_the_boxes(make, balanced) -> None:
    make.put(balanced / "labels/train/b.txt", "0 0.5 0.5 0.4 0.4\n7 0.5 0.5 0.1 0.1\n0 0.9 0.5 0.4 0.4\n")
    found = examples(of(balanced).problems)
    assert list(found) == ["class-unknown", "box-outside"]
    assert [(p.file.endswith("labels/train/b.txt"), p.line) for some in found.values() for p in some] == [
        (True, 2),
        (True, 3),
    ]


def test_no_more_than_the_first_five_of_a_code_are_shown(make, balanced) -> None:
    make.put(balanced / "labels/train/b.txt", "7 0.5 0.5 0.1 0.1\n" * 8)
    assert [p.line for p in examples(of(balanced).problems)["class-unknown"]] == [1, 2, 3, 4, 5]


def test_what_no_manifest_says_is_absent(balanced) -> None:
    (balanced / "manifest.jsonl").unlink()
    found = of(balanced)
    assert not found.recipes and not found.alone and not found.repeated
