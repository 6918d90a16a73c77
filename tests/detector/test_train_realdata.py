"""Training on real photographs, from COCO's weights."""

import shutil
from pathlib import Path

import pytest
from lxml import etree

from detector.network.checkpoint import load
from detector.train import train
from detector.training.options import Options

CLASSES = ("mask_weared_incorrect", "with_mask", "without_mask")


def as_yolo(xml: Path) -> str:
    """An annotation's boxes as `class cx cy w h` lines."""
    root = etree.parse(str(xml)).getroot()
    width, height = (float(root.findtext(f"size/{side}", "")) for side in ("width", "height"))
    lines = []
    for one in root.iter("object"):
        x1, y1, x2, y2 = (float(one.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax"))
        numbers = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
        lines.append(f"{CLASSES.index(one.findtext('name', ''))} " + " ".join(f"{value:.6f}" for value in numbers))
    return "\n".join(lines)


@pytest.fixture
def eight(shared_data, tmp_path):
    """Eight photographs of few large faces, of all three classes, as a split whose val is its train."""
    source, found = shared_data / "data" / "face-mask-detection", []
    for xml in sorted((source / "annotations").glob("*.xml")):
        rows = [line.split() for line in as_yolo(xml).splitlines()]
        picture = source / "images" / f"{xml.stem}.jpg"
        if picture.is_file() and 1 <= len(rows) <= 3 and all(float(row[3]) > 0.1 for row in rows):
            found.append((picture, as_yolo(xml), {row[0] for row in rows}))
    chosen = [next(one for one in found if number in one[2]) for number in "012"]
    chosen += [one for one in found if one not in chosen][:5]
    for kind in ("images", "labels"):
        (tmp_path / "eight" / kind / "train").mkdir(parents=True)
    for picture, text, _ in chosen:
        shutil.copy(picture, tmp_path / "eight" / "images" / "train")
        (tmp_path / "eight" / "labels" / "train" / f"{picture.stem}.txt").write_text(text)
    yaml = f"train: images/train\nval: images/train\nnames: [{', '.join(CLASSES)}]\n"
    (tmp_path / "eight" / "data.yaml").write_text(yaml)
    return tmp_path / "eight"


@pytest.mark.slow
@pytest.mark.realdata
def test_eight_photographs_are_learnt_by_heart(eight, tiny_weights, tmp_path, monkeypatch):
    for name in ("curves_png", "predictions_png", "first_batches", "labels_png"):
        monkeypatch.setattr(f"detector.training.record.{name}", lambda *given: b"")
    monkeypatch.setattr("detector.training.record.judging_sheets", lambda *given: {})
    folder = train(
        Options(
            data=str(eight),
            out=str(tmp_path / "runs"),
            model="yolov3-tiny",
            weights=str(tiny_weights),
            device="cpu",
            epochs=2,
            epoch_size=64,  # each is shown eight times
            batch=8,
            lr=0.003,
            freeze_norm=True,
            img_size=320,
            augment="none",
            amp="off",
        ),
    )
    history = load(folder / "last.pt").state["progress"]["history"]
    assert history[0]["map50"] < 0.1 and history[-1]["map50"] > 0.95
