"""Context windows: what a cropped copy shows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datatools.balance.planning.plan import Run
from datatools.balance.planning.shapes import distortion, shaped
from datatools.balance.planning.windows import cut, enlarged, inside, window_of
from datatools.core import Annotation


def found(boxes: list, kept: list[int], size_wh: tuple[int, int]):
    xyxy = np.array(boxes, dtype=np.float64)
    return window_of(xyxy, np.isin(np.arange(len(xyxy)), kept), size_wh)


def test_a_window_leaves_a_neighbour_outside_and_is_as_large_as_it_can_be() -> None:
    # the neighbour ends at x = 99; a pixel of room is left, and everything to the right of it is shown
    assert found([[150, 100, 190, 140], [40, 80, 99, 120]], [0], (300, 200)) == (100, 0, 300, 200)


def test_a_box_that_stands_within_the_context_is_inside_wholly() -> None:
    # context of the kept box: 130..210; the neighbour, 100 to 140, reaches into it; the far one does not
    window = found([[150, 100, 190, 140], [100, 100, 140, 130], [40, 80, 60, 120]], [0], (300, 200))
    assert window == (61, 0, 300, 200)


def test_only_the_whole_picture_will_do_where_every_other_box_is_too_near() -> None:
    assert found([[10, 10, 90, 90], [91, 10, 99, 90]], [0], (100, 100)) is None


def test_a_window_is_no_strip() -> None:
    # without shortening 101..179 × 0..400; 2.5 times as high as wide, with the box's place in the height kept
    x1, y1, x2, y2 = found([[130, 190, 150, 210], [60, 0, 100, 400], [180, 0, 200, 400]], [0], (300, 400))
    assert (x1, x2) == (101, 179) and y2 - y1 == 195 and y1 < 168 and y2 > 232


def test_enlarging_is_by_the_longer_side() -> None:
    assert enlarged(None, (400, 300)) == 1 and enlarged((0, 0, 100, 200), (400, 300)) == 2


sides = st.tuples(st.integers(0, 60), st.integers(0, 56), st.integers(2, 30), st.integers(2, 30))


def naive_area(xyxy: np.ndarray, kept: np.ndarray, others_inside: np.ndarray, size_wh: tuple[int, int]) -> int:
    """Area of the largest window: every one of whole pixels is looked at."""
    w, h = size_wh
    best = 0
    for x1, x2 in itertools.combinations(range(w + 1), 2):
        for y1, y2 in itertools.combinations(range(h + 1), 2):
            if (x2 - x1) * (y2 - y1) <= best or x2 - x1 < min(64, w) or y2 - y1 < min(64, h):
                continue
            window = (x1, y1, x2, y2)
            roomy = xyxy + np.array([-1, -1, 1, 1])
            clear = ~((np.minimum(roomy[:, 2:], window[2:]) > np.maximum(roomy[:, :2], window[:2])).all(axis=1))
            if inside(xyxy[kept | others_inside], window).all() and clear[~(kept | others_inside)].all():
                best = (x2 - x1) * (y2 - y1)
    return best


@settings(deadline=None, max_examples=25)
@given(st.lists(sides, min_size=1, max_size=5))
def test_no_box_is_cut_and_no_larger_window_leaves_the_same_boxes_outside(rows: list) -> None:
    w, h = 72, 70
    xyxy = np.array([[x, y, min(x + a, w), min(y + b, h)] for x, y, a, b in rows], dtype=np.float64)
    kept = np.arange(len(rows)) == 0
    window = window_of(xyxy, kept, (w, h))
    if window is None:
        return
    x1, y1, x2, y2 = window
    assert inside(xyxy[kept], window).all() and not cut(xyxy, window).any()
    assert x2 - x1 >= 64 and y2 - y1 >= 64
    (bx1, by1, bx2, by2), (bw, bh) = xyxy[0], (xyxy[0, 2:] - xyxy[0, :2]) / 2
    assert x1 <= max(bx1 - bw, 0) and x2 >= min(bx2 + bw, w) and y1 <= max(by1 - bh, 0) and y2 >= min(by2 + bh, h)
    assert (x2 - x1) * (y2 - y1) == naive_area(xyxy, kept, inside(xyxy, window) & ~kept, (w, h))


def test_a_copy_is_cropped_only_where_that_distorts_less() -> None:
    boxes = [[150, 100, 190, 140], [20, 80, 99, 160]]
    a = Annotation("a", "", (300, 200), boxes, [0, 1])
    kept = np.array([True, False])
    assert distortion(a, kept) == pytest.approx(79 * 80 / 60_000)
    assert distortion(a, kept, (100, 0, 300, 200)) == pytest.approx(0.03 * np.log2(1.5))
    both = Run(2, np.array([True, True]))
    one, other = shaped(a, [both, Run(3, kept)])
    assert one.window is None and other.window == (100, 0, 300, 200) and other.times == 3
    # a small neighbour: erasing it costs less than enlarging everything by half
    a = Annotation("a", "", (300, 200), [boxes[0], [90, 100, 99, 109]], [0, 1])
    assert shaped(a, [Run(1, kept)])[0].window is None
