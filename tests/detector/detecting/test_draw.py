import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detecting.draw import COLOURS, draw_boxes

CLASSES = ("with_mask", "without_mask")


def test_a_frame_lies_outside_its_box_so_that_a_tiny_face_stays_visible():
    picture = np.full((60, 80, 3), 90, np.uint8)
    drawn = draw_boxes(picture, np.array([[30.0, 20, 38, 28]]), np.array([1]), CLASSES, np.array([0.9]))
    assert (drawn[20:28, 30:38] == 90).all()
    assert drawn[19, 34].tolist() == list(COLOURS[1]) == drawn[24, 38].tolist()
    assert (picture == 90).all()


def test_no_box_leaves_the_picture_as_it_was():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    assert (draw_boxes(picture, np.zeros((0, 4)), np.zeros(0, int), CLASSES) == picture).all()


def test_labels_do_not_lie_on_other_boxes():
    picture = np.full((200, 400, 3), 90, np.uint8)
    boxes = np.array([[100.0, 100, 140, 140], [100, 60, 140, 98]])  # the second is where the first's label would be
    drawn = draw_boxes(picture, boxes, np.array([0, 1]), CLASSES, np.array([0.9, 0.8]))
    assert (drawn[64:96, 104:136] == 90).all() and (drawn[104:136, 104:136] == 90).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 30))
def test_boxes_anywhere_on_a_picture_of_any_size_can_be_drawn(seed, width, height):
    rng = np.random.default_rng(seed)
    boxes = np.sort(rng.uniform(-5, 35, (6, 2, 2)), axis=1).reshape(6, 4)
    drawn = draw_boxes(np.zeros((height, width, 3), np.uint8), boxes, np.zeros(6, int), ("가🙂",), rng.uniform(0, 1, 6))
    assert drawn.shape == (height, width, 3)
