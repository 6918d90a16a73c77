import numpy as np

from detector.judging.confusion import confusion
from detector.judging.found import Found, Truth


def found(*rows):
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def truth(*rows, **flags):
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return Truth(table[:, :4], table[:, 4].astype(int), **{name: np.array(value) for name, value in flags.items()})


A, B, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60)


def test_rows_are_what_is_there_and_columns_what_was_found():
    guess = found((*A, 0, 0.9), (*B, 0, 0.8), (*FAR, 1, 0.7))
    there = truth((*A, 0), (*B, 1), (80, 80, 90, 90, 1))
    assert confusion([guess], [there], 2, 0.25).tolist() == [
        [1, 0, 0],  # class 0: found
        [1, 0, 1],  # class 1: one taken for class 0, one missed
        [0, 1, 0],  # background: one seen as class 1
    ]


def test_the_right_name_goes_before_a_better_overlap():
    guess = found((*A, 1, 0.9), (0, 0, 10, 8, 0, 0.3))
    assert confusion([guess], [truth((*A, 0))], 2, 0.25).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_what_is_below_the_confidence_was_not_found():
    assert confusion([found((*A, 0, 0.2))], [truth((*A, 0))], 1, 0.25).tolist() == [[0, 1], [0, 0]]


def test_crowds_difficult_objects_and_regions_take_no_part():
    there = truth((*A, 0), (*B, 0), crowd=[True, False], difficult=[False, True], regions=[FAR])
    guess = found((*A, 0, 0.9), (*A, 1, 0.8), (*B, 1, 0.7), (*FAR, 1, 0.6))
    assert not confusion([guess], [there], 2, 0.25).any()


def test_every_truth_and_every_detection_is_counted_once():
    rng = np.random.default_rng(0)
    detections, truths = [], []
    for _ in range(20):
        low = rng.uniform(0, 60, (9, 2))
        boxes = np.concatenate((low, low + 20), axis=1)
        truths.append(Truth(boxes, rng.integers(0, 3, 9)))
        detections.append(Found(boxes + rng.normal(0, 3, boxes.shape), rng.integers(0, 3, 9), rng.random(9)))
    matrix = confusion(detections, truths, 3, 0.25)
    assert matrix[:3].sum() == 180 and matrix[:, :3].sum() == sum((one.scores >= 0.25).sum() for one in detections)
