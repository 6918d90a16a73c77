import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.average_precision import THRESHOLDS, ClassScore, Found, match, mean, overlaps, score_class

pycocotools = pytest.importorskip("pycocotools")


def found(rows):
    """Rows of x0, y0, x1, y1, class, score."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def coco(detections, truths, number):
    """(AP@.5, AP@.5:.95) by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(many, scored):
        entries = []
        for image, one in enumerate(many):
            for box, label, score in zip(one.xyxy.tolist(), one.classes.tolist(), one.scores.tolist(), strict=True):
                w, h = box[2] - box[0], box[3] - box[1]
                entry = {"id": len(entries) + 1, "image_id": image + 1, "category_id": label, "bbox": [*box[:2], w, h]}
                entries.append(entry | {"area": w * h, "iscrowd": 0} | ({"score": score} if scored else {}))
        return entries

    with contextlib.redirect_stdout(io.StringIO()):
        api = COCO()
        api.dataset = {
            "info": {},
            "images": [{"id": i + 1} for i in range(len(truths))],
            "categories": [{"id": number}],
            "annotations": [row for row in rows(truths, False) if row["category_id"] == number],
        }
        api.createIndex()
        guesses = COCO()
        guesses.dataset = api.dataset | {
            "annotations": [r for r in rows(detections, True) if r["category_id"] == number]
        }
        guesses.createIndex()
        judge = COCOeval(api, guesses, "bbox")
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, 0, 0, 2]
    return precision[0].mean(), precision.mean()


def scene(seed, pictures, ties):
    """Truths, and detections that are truths shaken, doubled, forgotten, or nothing at all."""
    rng = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(pictures):
        low = rng.uniform(0, 80, (rng.integers(0, 8), 2))
        boxes = np.concatenate((low, low + rng.uniform(5, 40, low.shape)), axis=1)
        labels = rng.integers(0, 2, len(boxes))
        truths.append(Found(boxes, labels, np.zeros(len(boxes))))
        picked = rng.integers(0, max(1, len(boxes)), rng.integers(0, 12)) if len(boxes) else np.zeros(0, int)
        shaken = boxes[picked] + rng.normal(0, 2.5, (len(picked), 4))
        shaken[:, 2:] = np.maximum(shaken[:, 2:], shaken[:, :2] + 1)
        scores = rng.integers(1, 6, len(picked)) / 5 if ties else rng.uniform(0, 1, len(picked))
        detections.append(Found(shaken, rng.integers(0, 2, len(picked)), scores))
    return detections, truths


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.booleans())
def test_ap_agrees_with_pycocotools(seed, pictures, ties):
    detections, truths = scene(seed, pictures, ties)
    for number in (0, 1):
        score = score_class(detections, truths, number, 0.25)
        theirs = coco(detections, truths, number)
        if score.ap50 is None:
            assert theirs == (-1, -1)
        else:
            assert (score.ap50, score.ap50_95) == pytest.approx(theirs, abs=1e-6)


def test_only_the_best_hundred_of_a_picture_and_class_count_as_in_pycocotools():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 900, (130, 2))
    boxes = np.concatenate((low, low + 20), axis=1)
    labels = np.zeros(130, int)
    truths = [Found(boxes, labels, labels * 0.0)]
    detections = [Found(boxes + 1, labels, rng.uniform(0, 1, 130))]
    score = score_class(detections, truths, 0, 0.25)
    assert (score.ap50, score.ap50_95) == pytest.approx(coco(detections, truths, 0), abs=1e-6)
    assert score.ap50 < 0.78


def test_overlaps_have_no_plus_one():
    assert overlaps(np.array([[0.0, 0, 8, 8]]), np.array([[3.0, 0, 11, 8], [5, 5, 5, 9]])).tolist() == [[40 / 88, 0]]


def test_a_truth_is_matched_once_and_the_better_of_two_free_ones_is_taken():
    truths = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9]])
    detections = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    hits = match(detections, truths)
    assert hits[0].tolist() == [True, True, False]  # the second takes the other truth, at IoU .9
    assert hits[-1].tolist() == [True, False, False]  # at .95 there is no other
    assert THRESHOLDS[-1] == pytest.approx(0.95)


def test_counts_are_those_at_the_confidence_asked_for():
    truths = [found([(0, 0, 10, 10, 0, 0), (20, 20, 30, 30, 0, 0), (50, 50, 60, 60, 1, 0)])]
    guess = [found([(0, 0, 10, 10, 0, 0.9), (40, 0, 50, 10, 0, 0.8), (20, 20, 30, 30, 0, 0.2)])]
    score = score_class(guess, truths, 0, 0.25)
    assert (score.tp, score.fp, score.fn) == (1, 1, 1)
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert score_class(guess, truths, 0, 0.1).tp == 2
    other = score_class(guess, truths, 1, 0.25)
    assert (other.ap50, other.tp, other.fp, other.fn, other.precision, other.recall) == (0.0, 0, 0, 1, None, 0.0)


def test_a_class_without_truth_has_no_ap_and_its_false_alarms_count():
    score = score_class([found([(0, 0, 10, 10, 0, 0.9)])], [found([])], 0, 0.25)
    assert (score.ap50, score.ap50_95, score.fp, score.recall) == (None, None, 1, None)


def test_the_mean_is_over_those_that_are_defined():
    assert mean([0.5, None, 1.0]) == 0.75 and mean([None]) is None


def test_nothing_found_and_nothing_there_is_no_score_at_all():
    score = ClassScore(None, None, 0, 0, 0)
    assert (score.precision, score.recall, score.f1) == (None, None, None)
    assert not any(isinstance(v, float) and math.isnan(v) for v in vars(score).values())


@pytest.mark.realdata
def test_ap_of_real_detections_agrees_with_pycocotools(tiny_weights, shared_data):
    """COCO's tiny on photographs; what it is sure of in their mirror images stands in for the truth."""
    import torch

    from detector.boxes import Letterbox
    from detector.cfg import read_cfg
    from detector.inference import Thresholds, detect_batch
    from detector.model import Darknet
    from detector.pictures import pad, read_picture, shrink
    from detector.weights import load_darknet

    folder = shared_data / "data" / "face-mask-detection" / "images"
    model = Darknet(read_cfg("yolov3-tiny")).eval()
    load_darknet(model, tiny_weights)
    detections, truths = [], []
    for path in sorted(folder.iterdir())[:12]:
        picture = read_picture(path)
        box = Letterbox((picture.shape[1], picture.shape[0]), 416)
        square = torch.from_numpy(pad(shrink(picture, 416), 416)).permute(2, 0, 1)[None] / 255
        detections += detect_batch(model, square, [box], Thresholds(0.001, 0.45))
        mirrored = detect_batch(model, square.flip(3), [box], Thresholds(0.3, 0.45))[0]
        back = mirrored.xyxy[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (picture.shape[1], 0, picture.shape[1], 0)
        truths.append(Found(back, mirrored.classes, mirrored.scores))
    for number in sorted({c for one in truths for c in one.classes.tolist()}):
        score = score_class(detections, truths, number, 0.25)
        assert (score.ap50, score.ap50_95) == pytest.approx(coco(detections, truths, number), abs=1e-6)
    assert sum(len(one.classes) for one in truths) > 10
