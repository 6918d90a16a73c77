import re

import pytest

from detector.errors import UserError
from detector.loss.settings import FINE_FIRST, LossSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"form": "siou"}, "loss: form: 'siou', expected one of ciou, diou, giou, iou, yolov3"),
        (
            {"class_weights": "log"},
            "loss: class_weights: 'log', expected one of none, inverse, sqrt-inverse",
        ),
        ({"objectness_over": "boxes"}, "loss: objectness_over: 'boxes', expected one of slots, cells"),
        ({"box": -1}, "loss: box: -1, expected 0 or more"),
        ({"objectness": float("nan")}, "loss: objectness: nan, expected 0 or more"),
        ({"classes_gamma": float("inf")}, "loss: classes_gamma: inf, expected 0 or more"),
        ({"ignore": 1.2}, "loss: ignore: 1.2, expected 0 to 1"),
        ({"objectness_alpha": 2}, "loss: objectness_alpha: 2, expected 0 to 1"),
        ({"smoothing": 1.0}, "loss: smoothing: 1, expected 0 to below 1"),
        ({"beta": 1}, "loss: beta: 1, expected 0 to below 1"),
        ({"balance": (1, 2)}, "loss: balance: 2 values, expected 3: for stride 8, 16 and 32"),
        ({"balance": (1, 2, -3)}, "loss: balance: -3, expected 0 or more"),
    ],
)
def test_a_value_that_makes_no_loss_is_said(wrong, message):
    with pytest.raises(UserError, match=re.escape(message)):
        LossSettings(**wrong)


def test_a_heads_weight_goes_by_its_stride():
    how = LossSettings(balance=list(FINE_FIRST))
    assert [how.head_weight(stride) for stride in (4, 8, 16, 32, 64)] == [4, 4, 1, 0.4, 0.4]
    assert how == LossSettings(balance=FINE_FIRST) and hash(how)
