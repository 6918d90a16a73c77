"""A real photograph that the camera pans and zooms over, seen by COCO's weights."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector import cli

FRAMES = 16


def pan(photograph: Path, clip: Path) -> None:
    """480 x 360 pixels, from the whole picture to two thirds of it."""
    picture = cv2.imread(str(photograph))
    height, width = picture.shape[:2]
    writer = cv2.VideoWriter(str(clip), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"vp09"), 10.0, (480, 360))
    for number in range(FRAMES):
        share = 1 - number / (3 * FRAMES)
        scale = max(480 / width, 360 / height) / share
        move = np.array([[scale, 0, 240 - scale * width / 2], [0, scale, 180 - scale * height / 2]])
        writer.write(cv2.warpAffine(picture, move, (480, 360), flags=cv2.INTER_AREA))
    writer.release()


@pytest.mark.realdata
def test_people_in_a_photograph_are_followed_through_pan_and_zoom(shared_data, tiny_weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pan(shared_data / "data" / "face-mask-detection" / "images" / "maksssksksss156.jpg", tmp_path / "pan.mp4")
    words = ["detect", "pan.mp4", "--weights", str(tiny_weights), "--runtime", "torch", "--no-video", "--quiet"]
    monkeypatch.setattr("sys.argv", ["detector", *words])
    cli.main()
    rows = [json.loads(line) for line in Path("runs/detect/1/pan/frames.jsonl").read_text().splitlines()]
    people = Counter(box["track"] for row in rows for box in row["boxes"] if box["class"] == "person")
    assert sum(looks >= FRAMES - 2 for looks in people.values()) >= 2, people  # two people are there all the time
    for track in people:  # and nobody changes to something else
        called = {box["class"] for row in rows for box in row["boxes"] if box["track"] == track}
        assert called == {"person"} or people[track] < 3
