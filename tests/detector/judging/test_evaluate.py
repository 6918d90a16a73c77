import json

import numpy as np
import pytest
import torch

from detector.data.loader import Pictures
from detector.data.split import read_split
from detector.detecting.inference import Thresholds, detect_batch
from detector.judging.average_precision import ClassScore, Found
from detector.judging.evaluate import Scores, evaluate
from detector.network.cfg import read_cfg
from detector.network.model import Darknet

SCORES = Scores(
    {"circle": ClassScore(0.5, 0.25, tp=3, fp=1, fn=3), "square": ClassScore(None, None, tp=0, fp=2, fn=0)},
    images=4,
    confidence=0.25,
    overlap=0.45,
)


def test_the_table_says_what_its_columns_mean_and_which_class_has_no_truth():
    lines = SCORES.table().splitlines()
    assert lines[1].split() == ["circle", "6", "0.500", "0.250", "0.750", "0.500", "0.600", "3", "1", "3"]
    assert lines[2].split() == ["square", "0", "-", "-", "0.000", "-", "0.000", "0", "2", "0"]
    assert lines[3].split() == ["all", "6", "0.500", "0.250", "0.500", "0.500", "0.500", "3", "3", "3"]
    assert "at confidence 0.25 and IoU .5" in lines[5]
    assert lines[6] == "No truth in this split, so no AP and no part in the mean: square."


def test_json_is_one_object_with_null_for_what_is_not_defined():
    found = json.loads(json.dumps(SCORES.as_json()))
    assert (found["map50"], found["map50_95"], found["images"], found["conf"]) == (0.5, 0.25, 4, 0.25)
    assert found["classes"]["circle"] == {
        "ap50": 0.5,
        "ap50_95": 0.25,
        "precision": 0.75,
        "recall": 0.5,
        "f1": 0.6,
        "tp": 3,
        "fp": 1,
        "fn": 3,
    }
    assert found["classes"]["square"]["ap50"] is None


class Oracle(torch.nn.Module):
    """A network that puts the truth, as it is told, into the raw head."""

    def __init__(self, cfg, truths):
        super().__init__()
        real = Darknet(cfg)
        self.register_parameter("dummy", torch.nn.Parameter(torch.zeros(1)))
        self.anchors_wh, self.strides, self.truths, self.at = real.anchors_wh, real.strides, truths, 0

    def forward(self, pictures):
        raw = torch.full((len(pictures), 3, 12, 12, 7), -20.0)
        for b in range(len(pictures)):
            for number, (cx, cy, w, h) in self.truths[self.at]:
                column, row = int(cx // 8), int(cy // 8)
                cell = raw[b, 0, row, column]
                cell[0], cell[1] = torch.logit(torch.tensor([cx / 8 - column, cy / 8 - row]))
                cell[2], cell[3] = np.log(w / 16), np.log(h / 16)
                cell[4], cell[5 + number] = 10, 10
            self.at += 1
        return [raw]


def test_a_network_that_knows_the_truth_scores_one(shapes_split, small_cfg):
    split = read_split(shapes_split(val=5))
    pictures = Pictures(split.read("val"), 96)
    truths = []
    for index, one in enumerate(pictures.labelled):
        boxes = pictures.letterbox(index).into(torch.from_numpy(pictures.truths_xyxy(index))).numpy()
        centred = np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), axis=1)
        truths.append(list(zip(one.classes.tolist(), centred.tolist(), strict=True)))
    oracle = Oracle(read_cfg(small_cfg), truths)
    scores, found = evaluate(oracle, pictures, split.classes, Thresholds(), batch=2, workers=0, quiet=True)
    assert scores.map50 == pytest.approx(1) and scores.map50_95 == pytest.approx(1)
    assert sum(score.tp for score in scores.classes.values()) == 10
    assert all(score.fp == score.fn == 0 for score in scores.classes.values())
    assert isinstance(found[0], Found) and np.allclose(
        np.sort(found[0].xyxy, 0), np.sort(pictures.truths_xyxy(0), 0), atol=0.01
    )


def test_what_is_found_in_a_region_of_the_split_is_no_false_alarm(shapes_split, small_cfg):
    """The first object of the only picture loses its label; a region stands in its place."""
    folder = shapes_split(val=1)
    before = Pictures(read_split(folder).read("val"), 96)
    boxes = before.letterbox(0).into(torch.from_numpy(before.truths_xyxy(0))).numpy()
    centred = np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), axis=1)
    known = [list(zip(before.labelled[0].classes.tolist(), centred.tolist(), strict=True))]
    first, second = (folder / "labels/val/0.txt").read_text().splitlines()
    (folder / "labels/val/0.txt").write_text(second)

    def alarms():
        pictures = Pictures(read_split(folder).read("val"), 96)
        oracle = Oracle(read_cfg(small_cfg), known)
        scores, _ = evaluate(oracle, pictures, ("circle", "square"), Thresholds(), batch=1, workers=0, quiet=True)
        return sum(score.fp for score in scores.classes.values())

    assert alarms() == 1
    (folder / "ignore/val").mkdir(parents=True)
    (folder / "ignore/val/0.txt").write_text(first.split(" ", 1)[1])
    assert alarms() == 0


def test_every_class_of_a_cell_counts_and_boxes_stay_in_the_picture(small_cfg):
    model = Oracle(read_cfg(small_cfg), [[(0, (4.0, 50.0, 30.0, 30.0)), (1, (4.0, 50.0, 30.0, 30.0))]])
    from detector.boxes import Letterbox

    found = detect_batch(model, torch.zeros(1, 3, 96, 96), [Letterbox((96, 96), 96)], Thresholds(0.25, 0.45))[0]
    assert sorted(found.classes.tolist()) == [0, 1]
    assert found.xyxy.min() >= 0 and found.xyxy[0].tolist() == pytest.approx([0, 35, 19, 65], abs=1e-3)
