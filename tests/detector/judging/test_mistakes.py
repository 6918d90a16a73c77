import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.data.loader import Pictures
from detector.data.split import read_split
from detector.judging.found import Found, Truth, truths_of
from detector.judging.matching import match
from detector.judging.mistakes import mistakes
from detector.judging.mistakes_sheet import SIDE, mistakes_png
from detector.judging.per_image import per_image_csv
from detector.judging.sheets import judging_sheets

CLASSES = ("cat", "dog")


def found(*rows):
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def truth(*rows, **flags):
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return Truth(table[:, :4], table[:, 4].astype(int), **{name: np.array(value) for name, value in flags.items()})


A, B, C, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (70, 70, 90, 90)


def test_false_alarms_come_surest_first_and_say_why():
    guess = found((*A, 0, 0.9), (0, 0, 10, 9, 0, 0.5), (*B, 0, 0.8), (44, 0, 54, 10, 0, 0.7), (*FAR, 1, 0.6))
    wrong = mistakes([guess], [truth((*A, 0), (*B, 1), (*C, 0))], CLASSES, 0.25)
    assert [(one.score, one.why) for one in wrong.alarms] == [
        (0.8, "truth: dog"),
        (0.7, "badly placed, IoU 0.43"),
        (0.6, "nothing is there"),
        (0.5, "a second box on an object"),
    ]


def test_misses_come_largest_first_and_say_what_was_seen_instead():
    guess = found((*A, 0, 0.1), (*B, 1, 0.8), (44, 0, 54, 10, 0, 0.7))
    wrong = mistakes([guess], [truth((*A, 0), (*B, 0), (*C, 0), (*FAR, 1))], CLASSES, 0.25)
    assert [(one.side, one.why) for one in wrong.misses] == [
        (20, "nothing found there"),
        (10, "at most cat 0.10"),
        (10, "found as dog 0.80"),
        (10, "badly placed: 0.70, IoU 0.43"),
    ]


def test_what_is_passed_over_is_no_mistake():
    there = truth((*A, 0), (*B, 0), crowd=[True, False], difficult=[False, True], regions=[FAR])
    wrong = mistakes([found((*A, 0, 0.9), (*FAR, 1, 0.8))], [there], CLASSES, 0.25)
    assert wrong.misses == [] and wrong.alarms == []


def test_a_row_a_picture_counts_right_wrong_and_missed():
    guess = [found((*A, 0, 0.9), (*FAR, 0, 0.8), (*FAR, 1, 0.2)), found()]
    there = [truth((*A, 0), (*B, 1)), truth()]
    text = per_image_csv(match(guess, there), [Path("a, b.jpg"), Path("c.jpg")], 0.25).decode()
    assert text == (
        'picture,truths,tp,fp,fn,worst_false_alarm,least_sure_hit\n"a, b.jpg",2,1,1,1,0.8000,0.9000\nc.jpg,0,0,0,0,,\n'
    )


@pytest.fixture
def shapes(shapes_split):
    return Pictures(read_split(shapes_split(train=1, val=3)).read("val"), 96)


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_a_sheet_shows_truth_left_and_guess_right_of_the_object_in_question(shapes):
    there = truths_of(shapes)
    nothing = [found() for _ in there]
    worst = mistakes(nothing, there, ("circle", "square"), 0.25).misses
    sheet = opened(
        mistakes_png(
            [one.path for one in shapes.labelled], nothing, there, ("circle", "square"), worst[:1], 0.25, "missed"
        )
    )
    tile = sheet[-SIDE - 10 : -10, 10 : 10 + 2 * SIDE + 2].astype(int)
    left, right = tile[:, :SIDE], tile[:, SIDE + 2 :]
    shape_colour = (220, 40, 30) if worst[0].number == 0 else (30, 60, 200)
    assert abs(left[SIDE // 2, SIDE // 2] - shape_colour).max() < 12
    assert abs(right[SIDE // 2, SIDE // 2] - shape_colour).max() < 12
    assert (abs(left - right).max(axis=2) > 60).sum() > 100  # the truth is drawn on the left alone


def test_all_sheets_are_made_with_and_without_mistakes(shapes):
    there = truths_of(shapes)
    right = [Found(one.xyxy, one.classes, np.full(len(one.classes), 0.9)) for one in there]
    for guess in (right, [found() for _ in there]):
        made = judging_sheets(shapes, guess, there, ("circle", "square"), 0.25)
        assert list(made) == ["pr-f1.png", "confusion.png", "calibration.png", "misses.png", "false-alarms.png"]
        assert all(opened(data).std() > 5 for data in made.values())


def test_a_confusion_of_eighty_classes_and_curves_of_eighty_are_drawn():
    from detector.judging.curves import curve_of
    from detector.judging.plots import confusion_png, curves_png

    names = tuple(f"class {number}" for number in range(80))
    assert opened(confusion_png(np.eye(81, dtype=int), names, 0.5)).shape[0] > 1000
    one = curve_of(np.array([True]), np.array([False]), np.array([0.5]), 2)
    assert opened(curves_png(dict.fromkeys(names, one))).std() > 5
