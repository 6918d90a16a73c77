"""Darknet's arithmetic, against a slow reference that walks box by box and rank by rank as its C code does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.judging.darknet_report import DarknetClass, DarknetReport, darknet_report, listed
from detector.judging.found import Found, Truth


def box_iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w < 0 or h < 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def slow_report(detections, truths, classes, conf=0.25):
    """(aps, TP and FP by class, average IoU), as `validate_detector_map` counts them."""
    ranked, tp, fp, total, before = [], [0] * classes, [0] * classes, 0.0, 0
    for found, truth in zip(detections, truths, strict=True):
        seen_here = []
        for box, number, score in zip(found.xyxy, found.classes, found.scores, strict=True):
            best, index = 0.0, -1
            for j, (there, label) in enumerate(zip(truth.xyxy, truth.classes, strict=True)):
                overlap = box_iou(box, there)
                if overlap > 0.5 and number == label and overlap > best:
                    best, index = overlap, before + j
            if score > conf:
                if index >= 0 and index not in seen_here:
                    tp[number] += 1
                    total += best
                else:
                    fp[number] += 1
            seen_here.append(index)
            ranked.append((score, number, index))
        before += len(truth.classes)
    average = total / (sum(tp) + sum(fp)) if sum(tp) + sum(fp) else 0.0
    ranked.sort(key=lambda row: -row[0])
    there = [sum(int((t.classes == c).sum()) for t in truths) for c in range(classes)]
    return [slow_ap(ranked, c, there[c]) for c in range(classes)], tp, fp, average


def slow_ap(ranked, number, there):
    right = wrong = 0
    taken, curve = set(), []
    for _, label, index in ranked:
        if label == number:
            if index >= 0 and index not in taken:
                taken.add(index)
                right += 1
            else:
                wrong += 1
        precision = right / (right + wrong) if right + wrong else 0
        curve.append((precision, right / there if there else 0))
    if not curve:
        return 0.0
    best, last = curve[-1]
    area = 0.0
    for precision, recall in reversed(curve[:-1]):
        step, last = last - recall, recall
        best = max(best, precision)
        area += step * best
    return area + last * best


def scene(seed, pictures):
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(pictures):
        low = rng.uniform(0, 60, (rng.integers(0, 6), 2))
        boxes = np.concatenate((low, low + rng.uniform(8, 30, low.shape)), axis=1)
        truths.append(Truth(boxes, rng.integers(0, 3, len(boxes))))
        count = rng.integers(0, 12) if len(boxes) else 0
        picked = rng.integers(0, max(1, len(boxes)), count)
        shaken = boxes[picked] + rng.normal(0, 2, (count, 4))
        labels = np.where(rng.random(count) < 0.7, truths[-1].classes[picked], rng.integers(0, 3, count))
        detections.append(Found(shaken, labels, rng.random(count)))
    return detections, truths


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_every_figure_is_darknets(seed, pictures):
    detections, truths = scene(seed, pictures)
    ours = darknet_report(detections, truths, ("a", "b", "c"))
    aps, tp, fp, average = slow_report(detections, truths, 3)
    assert [one.ap for one in ours.classes] == pytest.approx(aps, abs=1e-12)
    assert [one.tp for one in ours.classes] == tp and [one.fp for one in ours.classes] == fp
    assert ours.average_iou == pytest.approx(average, abs=1e-12)
    assert ours.detections == sum(len(one.scores) for one in detections)


def test_the_lines_are_darknets_own():
    """The report of the second study, from its counts."""
    classes = (
        DarknetClass("cor_mask", 0.9858, 96, 6, 98),
        DarknetClass("incor_mask", 0.9414, 94, 24, 100),
        DarknetClass("no_mask", 0.9678, 101, 14, 103),
    )
    lines = DarknetReport(classes, 540, 0.25, 0.6952, corrected=False).lines().splitlines()
    assert [line.strip() for line in lines if line] == [
        "detections_count = 540, unique_truth_count = 301",
        "class_id = 0, name = cor_mask, ap = 98.58%   \t (TP = 96, FP = 6)",
        "class_id = 1, name = incor_mask, ap = 94.14%   \t (TP = 94, FP = 24)",
        "class_id = 2, name = no_mask, ap = 96.78%   \t (TP = 101, FP = 14)",
        "for conf_thresh = 0.25, precision = 0.87, recall = 0.97, F1-score = 0.92",
        "for conf_thresh = 0.25, TP = 291, FP = 44, FN = 10, average IoU = 69.52 %",
        "IoU threshold = 50 %, used Area-Under-Curve for each unique Recall",
        "mean average precision (mAP@0.50) = 0.965000, or 96.50 %",
    ]


TEN = np.array([[0.0, 0, 10, 10]])


def one(*rows):
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4].astype(int), table[:, 5])


def test_a_box_below_the_confidence_that_is_listed_first_takes_the_truth_unless_corrected():
    guess = [one((0, 0, 10, 10, 0, 0.1), (0, 0, 10, 9, 0, 0.9))]
    there = [Truth(TEN, np.array([0]))]
    as_it_is, right = (darknet_report(guess, there, ("a",), corrected=way) for way in (False, True))
    assert as_it_is.counts == (0, 1, 1) and as_it_is.average_iou == 0
    assert right.counts == (1, 0, 0) and right.average_iou == pytest.approx(0.9)


def test_the_average_iou_is_over_right_and_wrong_unless_corrected():
    guess = [one((0, 0, 10, 8, 0, 0.9), (50, 0, 60, 8, 0, 0.8))]
    there = [Truth(TEN, np.array([0]))]
    assert darknet_report(guess, there, ("a",)).average_iou == pytest.approx(0.4)
    assert darknet_report(guess, there, ("a",), corrected=True).average_iou == pytest.approx(0.8)


def test_a_class_without_truths_lowers_the_mean_unless_corrected():
    guess, there = [one((0, 0, 10, 10, 0, 0.9))], [Truth(TEN, np.array([0]))]
    assert darknet_report(guess, there, ("a", "b")).mean_ap == 0.5
    assert darknet_report(guess, there, ("a", "b"), corrected=True).mean_ap == 1


def test_an_overlap_of_exactly_half_and_a_score_of_exactly_the_confidence_do_not_count():
    there = [Truth(TEN, np.array([0]))]
    assert darknet_report([one((0, 0, 10, 5, 0, 0.9))], there, ("a",)).counts == (0, 1, 1)
    assert darknet_report([one((0, 0, 10, 10, 0, 0.25))], there, ("a",)).counts == (0, 0, 1)


def test_difficult_objects_and_regions_take_no_part():
    difficult = Truth(TEN, np.array([0]), difficult=np.array([True]), regions=np.array([[50.0, 0, 80, 30]]))
    found = darknet_report([one((0, 0, 10, 10, 0, 0.9), (55, 5, 60, 9, 0, 0.8))], [difficult], ("a",))
    assert (found.detections, found.truths, found.counts) == (0, 0, (0, 0, 0))


def test_nothing_found_is_zero_and_json_has_no_nan():
    found = darknet_report([one()], [Truth(TEN, np.array([0]))], ("a",)).as_json()
    assert (found["map50"], found["precision"], found["f1"], found["fn"]) == (0.0, None, None, 1)


def slow_listed(xyxy, scores):
    """Darknet's suppression: sort by each class in turn, thin that class; then box by box, class by class."""
    rows = [[b, [s if s > 0.005 else 0.0 for s in p]] for b, p in zip(xyxy.tolist(), scores.tolist(), strict=True)]
    rows = [row for row in rows if any(row[1])]
    for number in range(scores.shape[1]):
        rows.sort(key=lambda row: -row[1][number])
        for i, (box, probability) in enumerate(rows):
            if probability[number]:
                for other, theirs in rows[i + 1 :]:
                    if box_iou(box, other) > 0.45:
                        theirs[number] = 0.0
    return [(box, c, p) for box, probability in rows for c, p in enumerate(probability) if p > 0]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 25))
def test_boxes_are_listed_in_darknets_order(seed, count):
    g = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=g, dtype=torch.float64) * 40
    xyxy = torch.cat((low, low + 5 + torch.rand(count, 2, generator=g, dtype=torch.float64) * 20), dim=1)
    scores = torch.rand(count, 3, generator=g, dtype=torch.float64) ** 8
    found, expected = listed(xyxy, scores), slow_listed(xyxy, scores)
    assert found.classes.tolist() == [c for _, c, _ in expected]
    assert found.scores.tolist() == [p for _, _, p in expected]
    assert found.xyxy.tolist() == [box for box, _, _ in expected]
