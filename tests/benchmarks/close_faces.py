"""How a model does on faces that are close: each labelled face of a split, in a window that it fills to a share.

    python tests/benchmarks/close_faces.py shipped --data data/yolo [--split test] [--shares 0.25 0.45 0.7]
        [--sizes 736 416] [--least 40]

Every box of at least `--least` pixels is cut out with what is round it, 4:3, so that its longer side is a share of the
window's height, and enlarged to 480 pixels of height, as a webcam gives. Other boxes in the window count where 0.3 of
them is seen. The windows of one photograph overlap, and enlarged pictures are soft: figures compare models and input
sizes, and are no measure of a webcam.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import yaml

from detector.boxes import corners
from detector.data.pictures import read_picture
from detector.data.scene import Scene
from detector.data.split import read_split

HEIGHT, WIDTH = 480, 640
VISIBLE = 0.3
CONF = "0.35"


def windows(scene: Scene, share: float, least: float) -> list[Scene]:
    """One of each box whose longer side has `least` pixels."""
    found = []
    size = np.array(scene.picture.shape[1::-1])
    for box in scene.xyxy:
        longer = max(box[2] - box[0], box[3] - box[1])
        if longer < least:
            continue
        span = longer / share * np.array([WIDTH / HEIGHT, 1.0])
        first = np.clip((box[:2] + box[2:] - span) / 2, 0, np.maximum(size - span, 0))
        x0, y0, x1, y1 = np.concatenate((first, np.minimum(first + span, size))).astype(int)
        found.append(replace(scene.moved(-x0, -y0), picture=scene.picture[y0:y1, x0:x1]).seen(VISIBLE))
    return found


def write(data: Path, subset: str, out: Path, share: float, least: float) -> int:
    """The windows as a split whose val they are; how many."""
    split, number = read_split(data), 0
    for kind in ("images", "labels"):
        (out / kind / "val").mkdir(parents=True)
    for one in split.read(subset):
        picture = read_picture(one.path)
        size = (picture.shape[1], picture.shape[0])
        scene = Scene(picture, one.classes, corners(one.boxes, size), corners(one.regions, size))
        for part in windows(scene, share, least):
            high, wide = part.picture.shape[:2]
            shown = cv2.resize(part.picture, (round(wide * HEIGHT / high), HEIGHT), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(out / "images" / "val" / f"{number}.jpg"), shown[..., ::-1])
            x0, y0, x1, y1 = part.xyxy.T / np.array([[wide], [high], [wide], [high]])
            rows = np.column_stack((part.classes, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0))
            lines = [f"{int(row[0])} " + " ".join(f"{value:.6f}" for value in row[1:]) for row in rows]
            (out / "labels" / "val" / f"{number}.txt").write_text("\n".join(lines) + "\n")
            number += 1
    told = {"train": "images/val", "val": "images/val", "nc": len(split.classes), "names": list(split.classes)}
    (out / "data.yaml").write_text(yaml.safe_dump(told))
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.45, 0.7])
    parser.add_argument("--sizes", type=int, nargs="+", default=[736, 416])
    parser.add_argument("--least", type=float, default=40)
    given = parser.parse_args()
    for share in given.shares:
        with tempfile.TemporaryDirectory() as folder:
            number = write(given.data, given.split, Path(folder), share, given.least)
            for size in given.sizes:
                words = ["evaluate", given.model, "--data", folder, "--img-size", str(size), "--conf", CONF, "--json"]
                command = [sys.executable, "-m", "detector.cli", *words, "--quiet"]
                said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
                classes = ", ".join(f"{name} {one['ap50']:.3f}" for name, one in said["classes"].items())
                print(f"share {share:g} ({number} windows), {size} px: mAP@0.5 {said['map50']:.3f} ({classes})")


if __name__ == "__main__":
    main()
