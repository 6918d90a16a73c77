import json

import numpy as np
import pytest
import torch

from detector.classify.checkpoint import Classifier, save
from detector.classify.networks import build
from detector.classify.stages import compared, named
from detector.judging.found import Found, Truth

CLASSES = ("circle", "square")


@pytest.fixture
def classifier(tmp_path):
    """A .pt that has learnt nothing and says "square" of everything."""
    network = build("mobilenet-v2", 2, seed=1).eval()
    with torch.no_grad():
        network.classifier[1].bias.copy_(torch.tensor([-50.0, 50.0]))
    save(Classifier("mobilenet-v2", CLASSES, 32, network.state_dict()), tmp_path / "best.pt")
    return tmp_path / "best.pt"


def test_names_are_judged_apart_from_the_boxes_they_name():
    """Two circles and a square. The detector finds all, a fourth box of nothing, and calls one circle a square."""
    xyxy = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 60, 70, 70]], dtype=float)
    truths = [Truth(xyxy[:3], np.array([0, 0, 1]))]
    own = Found(xyxy, np.array([0, 1, 1, 1]), np.array([0.9, 0.8, 0.7, 0.6]))
    anew = Found(xyxy, np.array([0, 0, 1, 0]), own.scores)
    one = compared([own], [anew], truths, CLASSES, 0.25)
    assert [(c.tp, c.fp, c.fn) for c in one.own] == [(1, 0, 1), (1, 2, 0)]
    assert [(c.tp, c.fp, c.fn) for c in one.anew] == [(2, 1, 0), (1, 0, 0)]
    assert (one.whole.tp, one.whole.fp, one.whole.fn) == (3, 1, 0)
    rows = [line.split() for line in one.table().splitlines()]
    assert rows[2] == ["circle", "2", "1.000", "0.500", "0.667", "0.667", "1.000", "0.800"]
    assert rows[4] == ["any", "class", "3", "0.750", "1.000", "0.857"]
    assert one.as_json()["classifier"]["square"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "tp": 1, "fp": 0, "fn": 0
    }  # fmt: skip


def test_a_classifier_sees_each_box_with_its_margin_and_nothing_else():
    """The picture is green inside the box, blue in its margin of half an edge, red everywhere else."""
    picture = np.zeros((100, 100, 3), dtype=np.uint8)
    picture[:] = (255, 0, 0)
    picture[30:70, 30:70] = (0, 0, 255)
    picture[40:60, 40:60] = (0, 255, 0)
    given = []

    class Spy:
        side = 40

        def shares_of(self, squares, batch):
            given.extend(squares)
            return torch.tensor([[0.1, 0.9]] * len(squares))

    found = Found(np.array([[40.0, 40, 60, 60]]), np.array([0]), np.array([0.5]))
    said = named(found, picture, Spy(), 0.5, 8)
    assert said.classes.tolist() == [1] and said.scores.tolist() == [0.5] and said.xyxy is found.xyxy
    assert given[0].shape == (40, 40, 3) and (given[0].reshape(-1, 3).sum(axis=0) == [0, 400 * 255, 1200 * 255]).all()
    none = Found(np.zeros((0, 4)), np.zeros(0, dtype=int), np.zeros(0))
    assert named(none, picture, Spy(), 0.5, 8) is none


def test_both_stages_name_the_same_boxes(call, small_pt, shapes_split, classifier):
    split = shapes_split(val=3)
    words = ("stages", small_pt, "--weights", classifier, "--data", split, "--conf", 0.3, "--json", "--quiet")
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["pictures"] == 3 and said["boxes"] == said["any_class"]["tp"] + said["any_class"]["fp"] > 0
    assert said["classifier"]["circle"]["tp"] + said["classifier"]["circle"]["fp"] == 0
    for who in ("detector", "classifier"):
        assert sum(said[who][name]["tp"] + said[who][name]["fp"] for name in CLASSES) == said["boxes"]
        assert sum(said[who][name]["tp"] + said[who][name]["fn"] for name in CLASSES) == 6


@pytest.mark.parametrize("which", ["detector", "classifier"])
def test_stages_of_other_classes_are_refused(call, small_pt, shapes_split, classifier, tmp_path, which):
    split = shapes_split(val=1)
    text = (split / "data.yaml").read_text()
    if which == "detector":
        (split / "data.yaml").write_text(text.replace("[circle, square]", "[square, circle]"))
        message = f"{small_pt}: classes circle, square, expected those of {split / 'data.yaml'}: square, circle"
    else:
        network = build("mobilenet-v2", 3, seed=1)
        classifier = tmp_path / "three.pt"
        save(Classifier("mobilenet-v2", ("a", "b", "c"), 32, network.state_dict()), classifier)
        message = f"{classifier}: classes a, b, c, expected those of {split / 'data.yaml'}: circle, square"
    code, out, err = call("stages", small_pt, "--weights", classifier, "--data", split, "--quiet")
    assert (code, out, err) == (1, "", f"error: {message}\n")
