import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.judging.average_precision import score_classes
from detector.judging.coco_report import COCO_SIZES, coco_report, size_bins
from detector.judging.found import Found, Truth, as_truth
from detector.judging.matching import match

pytest.importorskip("pycocotools")


def cocoeval(detections, truths, number, areas=None):
    """A COCOeval of one class, accumulated. areas: ranges of box area beside "all". Regions are crowds of the class."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    known = [as_truth(one) for one in truths]
    with contextlib.redirect_stdout(io.StringIO()):
        api, guesses = COCO(), COCO()
        frame = {"info": {}, "images": [{"id": i + 1} for i in range(len(known))], "categories": [{"id": number}]}
        api.dataset = frame | {"annotations": _truth_rows(known, number)}
        api.createIndex()
        guesses.dataset = frame | {"annotations": _rows(detections, number)}
        guesses.createIndex()
        judge = COCOeval(api, guesses, "bbox")
        if areas is not None:
            judge.params.areaRng = [[0, 1e10], *areas]
            judge.params.areaRngLbl = [str(i) for i in range(len(areas) + 1)]
        judge.evaluate()
        judge.accumulate()
    return judge.eval


def coco(detections, truths, number):
    """(AP@.5, AP@.5:.95) by pycocotools."""
    precision = cocoeval(detections, truths, number)["precision"][:, :, 0, 0, 2]
    return precision[0].mean(), precision.mean()


def _rows(many, number):
    rows = []
    for image, one in enumerate(many):
        for box, label, score in zip(one.xyxy.tolist(), one.classes.tolist(), one.scores.tolist(), strict=True):
            if label == number:
                rows.append(_row(len(rows), image, number, box) | {"score": score})
    return rows


def _truth_rows(many, number):
    rows = []
    for image, one in enumerate(many):
        crowd = one.crowd if one.crowd is not None else np.zeros(len(one.classes), bool)
        for box, label, many_ in zip(one.xyxy.tolist(), one.classes.tolist(), crowd.tolist(), strict=True):
            if label == number:
                rows.append(_row(len(rows), image, number, box) | {"iscrowd": int(many_)})
        for box in [] if one.regions is None else one.regions.tolist():
            rows.append(_row(len(rows), image, number, box) | {"iscrowd": 1})
    return rows


def _row(count, image, number, box):
    w, h = box[2] - box[0], box[3] - box[1]
    row = {"id": count + 1, "image_id": image + 1, "category_id": number, "bbox": [*box[:2], w, h]}
    return row | {"area": w * h, "iscrowd": 0}


def scene(seed, pictures, ties, crowds=False, side=80, largest=40):
    """Truths, and detections that are truths shaken, doubled, forgotten, or nothing at all."""
    rng = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(pictures):
        low = rng.uniform(0, side, (rng.integers(0, 8), 2))
        boxes = np.concatenate((low, low + rng.uniform(5, largest, low.shape)), axis=1)
        labels = rng.integers(0, 2, len(boxes))
        truths.append(Truth(boxes, labels, crowd=rng.random(len(boxes)) < (0.3 if crowds else 0)))
        picked = rng.integers(0, max(1, len(boxes)), rng.integers(0, 12)) if len(boxes) else np.zeros(0, int)
        shaken = boxes[picked] + rng.normal(0, 2.5, (len(picked), 4))
        shaken[:, 2:] = np.maximum(shaken[:, 2:], shaken[:, :2] + 1)
        scores = rng.integers(1, 6, len(picked)) / 5 if ties else rng.uniform(0, 1, len(picked))
        detections.append(Found(shaken, rng.integers(0, 2, len(picked)), scores))
    return detections, truths


def found(rows):
    """Rows of x0, y0, x1, y1, class, score."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def every_size():
    return [[low, min(high, 1e10)] for low, high in [*COCO_SIZES.values(), *size_bins((10, 16, 24, 32)).values()]]


def near(values):
    return [value if value is None else pytest.approx(value, abs=1e-9) for value in values]


def defined(values):
    """pycocotools' mean over what is not -1; None where nothing is."""
    kept = values[values > -1]
    return kept.mean() if kept.size else None


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10), st.booleans(), st.booleans())
def test_every_figure_agrees_with_pycocotools(seed, pictures, ties, crowds):
    detections, truths = scene(seed, pictures, ties, crowds)
    ours = coco_report(detections, truths, ("a", "b"), (10, 16, 24, 32))
    for number, one in enumerate(ours.classes.values()):
        theirs = cocoeval(detections, truths, number, every_size())
        precision, recall = theirs["precision"][:, :, 0], theirs["recall"][:, 0]
        expected = [defined(precision[:, :, 0, 2]), defined(precision[0, :, 0, 2]), defined(precision[5, :, 0, 2])]
        expected += [defined(recall[:, 0, limit]) for limit in range(3)]
        assert [one.ap, one.ap50, one.ap75, *one.ar] == near(expected)
        for column, size in enumerate(one.sizes.values(), start=1):
            expected = [defined(precision[:, :, column, 2]), defined(precision[0, :, column, 2])]
            expected.append(defined(recall[:, column, 2]))
            got = [size.ap, size.ap50, size.ar]
            assert got == near(expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_at_iou_half_a_region_is_a_crowd_of_every_class(seed):
    detections, truths = scene(seed, 5, ties=True)
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 80, (5, 2, 2))
    regions = np.concatenate((low, low + rng.uniform(10, 60, low.shape)), axis=2)
    held = [Truth(t.xyxy, t.classes, regions=r) for t, r in zip(truths, regions, strict=True)]
    scores = score_classes(match(detections, held), 2, 0.25)
    for number in (0, 1):
        theirs = defined(cocoeval(detections, held, number)["precision"][0, :, 0, 0, 2])
        assert scores[number].ap50 == (None if theirs is None else pytest.approx(theirs, abs=1e-9))


def test_of_equal_overlaps_the_last_is_taken_as_in_pycocotools():
    between = [found([(2, 0, 12, 10, 0, 0.9), (0, 0, 10, 10, 0, 0.8)])]
    left, right = (0, 0, 10, 10), (4, 0, 14, 10)
    for pair, expected in (((left, right), 1.0), ((right, left), 51 / 101)):
        there = [Truth(np.array(pair, dtype=float), np.zeros(2, int))]
        score = score_classes(match(between, there), 1, 0.25)[0]
        assert score.ap50 == pytest.approx(expected) == pytest.approx(coco(between, there, 0)[0])


def test_only_the_best_hundred_of_a_picture_and_class_count_as_in_pycocotools():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 900, (130, 2))
    boxes = np.concatenate((low, low + 20), axis=1)
    labels = np.zeros(130, int)
    detections = [Found(boxes + 1, labels, rng.uniform(0, 1, 130))]
    score = score_classes(match(detections, [Truth(boxes, labels)]), 1, 0.25)[0]
    theirs = coco(detections, [Truth(boxes, labels)], 0)
    assert (score.ap50, score.ap50_95) == pytest.approx(theirs, abs=1e-9) and score.ap50 < 0.78


def test_bins_meet_without_sharing_an_edge_and_cover_every_size():
    bins = size_bins((10, 16))
    assert list(bins) == ["<10", "10-16", ">=16"]
    truths = [found([(0, 0, 10, 10, 0, 0), (20, 0, 36, 16, 0, 0), (0, 40, 5, 45, 0, 0)])]
    report = coco_report(truths, truths, ("a",), (10, 16))
    assert [report.every.sizes[name].truths for name in bins] == [1, 1, 1]


def test_the_table_has_a_line_a_size_and_a_column_a_class():
    truths = [found([(0, 0, 12, 12, 0, 0.9), (20, 0, 60, 40, 1, 0.8)])]
    report = coco_report(truths, truths, ("circle", "square"), (10, 16))
    lines = report.table().splitlines()
    assert lines[0] == "AP@.5:.95 1.000   AP@.5 1.000   AP@.75 1.000   AR@1 1.000   AR@10 1.000   AR@100 1.000"
    assert lines[2].split() == ["small", "1", "1.000", "1.000", "1.000", "1.000", "-"]
    assert [line.split()[0] for line in lines[2:]] == ["small", "medium", "large", "<10", "10-16", ">=16"]
    small = report.as_json()["classes"]["square"]["sizes"]["small"]
    assert small == {"truths": 0, "ap50": None, "ap": None, "ar": None}


@pytest.mark.realdata
def test_ap_of_real_detections_agrees_with_pycocotools(tiny_weights, shared_data):
    """COCO's tiny on photographs; what it is sure of in their mirror images stands in for the truth."""
    import torch

    from detector.boxes import Letterbox
    from detector.data.pictures import pad, read_picture, shrink
    from detector.detecting.inference import Thresholds, detect_batch
    from detector.network.cfg import read_cfg
    from detector.network.model import Darknet
    from detector.network.weights import load_darknet

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
        truths.append(Truth(back, mirrored.classes))
    scores = score_classes(match(detections, truths), 80, 0.25)
    for number in sorted({c for one in truths for c in one.classes.tolist()}):
        assert (scores[number].ap50, scores[number].ap50_95) == pytest.approx(
            coco(detections, truths, number), abs=1e-9
        )
    assert sum(len(one.classes) for one in truths) > 10
