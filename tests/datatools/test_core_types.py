"""Claims about Annotation and Dataset: what they promise, and what they refuse to be."""

from __future__ import annotations

import re

import numpy as np
import pytest

from datatools.core import Annotation, Dataset, Flag, areas, clip_boxes

A = Annotation("a", "a.jpg", (40, 30), [[1, 2, 3, 4], [5, 6, 7, 8]], [1, 0], [Flag.CROWD, 0], "a.xml", [7, 0])


def test_arrays_are_read_only_and_copied():
    corners = np.zeros((1, 4))
    a = Annotation("a", "", (4, 3), corners, [0])
    corners[0, 0] = 9
    assert a.xyxy[0, 0] == 0
    for array in (a.xyxy, a.labels, a.flags, a.lines):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_annotations_are_compared_by_what_they_say_and_not_where_they_were_read():
    same = Annotation("a", "a.jpg", (40, 30), A.xyxy, A.labels, A.flags, "elsewhere.json")
    assert same == A and Annotation("b", "a.jpg", (40, 30), A.xyxy, A.labels, A.flags) != A and A != "a"
    assert Annotation("a", "a.jpg", (40, 30), A.xyxy + 1e-12, A.labels, A.flags) != A


def test_boxes_are_taken_by_mask_or_index_with_all_that_belongs_to_them():
    for chosen in ([False, True], [1]):
        one = A.take(chosen)
        assert (one.xyxy.tolist(), one.labels.tolist(), one.flags.tolist(), one.lines.tolist()) == (
            [[5, 6, 7, 8]], [0], [0], [0],
        )  # fmt: skip
    assert len(A.take([])) == 0 and len(A) == 2


def test_a_box_knows_where_it_was_read():
    assert A.where(0) == "a.xml:7" and A.where(1) == "a.xml: box 2"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Annotation("a", "", (4, 3), [[0, 0, 1, 1]], []), "a: 1 boxes but 0 labels"),
        (lambda: Annotation("a", "", (4, 3), [[0, 0, 1, 1]], [0], [0, 0]), "a: 1 boxes but 2 flags"),
        (lambda: Dataset(("x",), (A,)), "a: a label is outside 0..0"),
        (lambda: Dataset(("x", "y"), (A, A)), "two annotations have the same id"),
        (lambda: Dataset(("x", "y"), (A,), ("train", "val")), "1 annotations but 2 splits"),
    ],
)
def test_what_contradicts_itself_is_refused(make, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        make()


def test_a_set_counts_its_boxes_and_names_its_splits_in_order():
    others = tuple(Annotation(n, "", (4, 3), [[0, 0, 1, 1]], [0]) for n in "bcd")
    dataset = Dataset(["x", "y", "z"], (A, *others), ("test", "train", "extra", "test"))
    assert dataset.split_names() == ("train", "test", "extra")
    assert dataset.counts().tolist() == [4, 1, 0] and dataset.counts("test").tolist() == [2, 1, 0]
    assert dataset.counts("val").tolist() == [0, 0, 0]
    assert [a.id for a in dataset.of_split("test")] == ["a", "d"]
    assert Dataset(()).counts().tolist() == [] and Dataset(("x",)).split_names() == ()


def test_clipped_boxes_and_areas():
    boxes = np.array([[-5.0, -5, 5, 5], [35, 25, 45, 35], [50, 50, 60, 60], [8, 8, 4, 4]])
    clipped = clip_boxes(boxes, (40, 30))
    assert clipped.tolist() == [[0, 0, 5, 5], [35, 25, 40, 30], [40, 30, 40, 30], [8, 8, 4, 4]]
    assert areas(clipped).tolist() == [25, 25, 0, 0] and areas(np.zeros((0, 4))).tolist() == []


def test_a_picture_without_boxes_is_true():
    empty = Annotation("a", "", (4, 3))
    assert len(empty) == 0 and bool(empty) and empty.flags.tolist() == empty.lines.tolist() == []
