import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from detector.detecting.inference import Thresholds
from detector.detecting.predict import Seen, detect, find_pictures
from detector.errors import DataError
from detector.judging.average_precision import Found
from detector.network.cfg import read_cfg
from detector.network.model import Darknet, initialise

CLASSES = ("circle", "square")


@pytest.fixture
def model(small_cfg):
    found = Darknet(read_cfg(small_cfg))
    initialise(found, torch.Generator().manual_seed(0))
    return found


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def picture(path, size=(60, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "white").save(path, format="PNG" if path.suffix != ".jpg" else None)
    return path


def run(model, paths, out, **more):
    return detect(model, CLASSES, paths, 96, Thresholds(0.0, 1.0), out, **more)


def test_results_lie_beside_each_other_under_the_pictures_names(model, tmp_path, out):
    names = ["a b.jpg", "마스크.png", "🙂.png", "x.y.png"]
    paths = [picture(tmp_path / "in" / name) for name in names]
    summary = run(model, paths, out, txt=True)
    assert sorted(p.name for p in out.iterdir()) == sorted([*names, "labels", "detections.json"])
    assert sorted(p.stem for p in (out / "labels").iterdir()) == sorted(p.stem for p in paths)
    with Image.open(out / "a b.jpg") as drawn:
        assert drawn.size == (60, 40)
    entries = json.loads((out / "detections.json").read_text(encoding="utf-8"))
    assert [entry["path"] for entry in entries] == [str(path) for path in paths]
    assert (entries[0]["width"], entries[0]["height"]) == (60, 40)
    box = entries[0]["boxes"][0]
    assert set(box) == {"xyxy", "class", "score"} and box["class"] in CLASSES and len(box["xyxy"]) == 4
    assert len(summary.seen) == 4 and summary.skipped == ()


def test_the_same_name_in_two_folders_gives_two_results(model, tmp_path, out):
    for name in ("in/1/a.png", "in/2/a.png", "in/2/A.jpg"):
        picture(tmp_path / name)
    run(model, find_pictures(tmp_path / "in"), out, txt=True)
    assert {p.name for p in out.glob("*.*g")} == {"a.png", "A-2.jpg", "a-3.png"}
    assert len(list((out / "labels").iterdir())) == 3


def test_an_unreadable_picture_stops_by_default_and_is_counted_on_request(model, tmp_path, out):
    good, bad = picture(tmp_path / "in" / "a.png"), tmp_path / "in" / "b.png"
    bad.write_bytes(good.read_bytes()[:60])
    with pytest.raises(DataError, match=r"b\.png: (broken|not a) picture"):
        run(model, [good, bad], out)
    summary = run(model, [good, bad], out, skip_broken=True)
    assert len(summary.seen) == 1 and re.search(r"b\.png: (broken|not a) picture", summary.skipped[0])


def test_a_folder_without_pictures_and_a_path_to_nothing_are_said(tmp_path):
    with pytest.raises(DataError, match="no pictures, expected at least one of"):
        find_pictures(tmp_path)
    with pytest.raises(DataError, match="none: no such file or folder, expected a picture"):
        find_pictures(tmp_path / "none")


def test_a_loop_of_links_ends(tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in", target_is_directory=True)
    assert len(find_pictures(tmp_path / "in")) == 1


def test_yolo_lines_are_shares_of_the_picture(tmp_path):
    found = Found(np.array([[10.0, 10, 30, 20]]), np.array([1]), np.array([0.5]))
    seen = Seen(tmp_path, (100, 50), found)
    assert seen.as_yolo() == "1 0.200000 0.300000 0.200000 0.200000\n"
    assert seen.as_json(CLASSES)["boxes"] == [{"xyxy": [10.0, 10.0, 30.0, 20.0], "class": "square", "score": 0.5}]
