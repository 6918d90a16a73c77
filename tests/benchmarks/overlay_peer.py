"""One mask on one face, by its size and the picture's, beside MaskTheFace's `mask_face`, both without decoding.

PEER_MASKTHEFACE=folder python tests/benchmarks/overlay_peer.py
The folder is a clone of https://github.com/aqeelanwar/MaskTheFace; it needs imutils, dotmap and requests.
Ours chooses a mask, checks it, measures the face's light and draws; theirs gets its six points beforehand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from timing import in_turns

from generators.drawing import dress
from generators.faces.face import Face
from generators.sample.people import PEOPLE
from generators.sample.photographs import load

CASES = (((400, 300), 60), ((400, 300), 100), ((1280, 886), 60), ((1280, 886), 200), ((4000, 3000), 60))
ROUNDS, TIMES = 5, 5


def scene(size_wh: tuple[int, int], face_px: int) -> tuple[NDArray, Face]:
    """A portrait in the middle of a grey picture, (H, W, 3) uint8."""
    person = PEOPLE["grace_hopper"].face
    scale = face_px / person.size
    portrait = cv2.resize(load("grace_hopper"), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    w, h = size_wh
    pixels = np.full((h, w, 3), 128, np.uint8)
    part = portrait[:h, :w]
    x, y = (w - part.shape[1]) // 2, (h - part.shape[0]) // 2
    pixels[y : y + part.shape[0], x : x + part.shape[1]] = part
    return pixels, person.moved((-x / scale, -y / scale), scale)


def theirs(peer: Any, pixels: NDArray, face: Face) -> Callable[[], object]:
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    landmarks = peer.shape_to_landmarks([tuple(int(v) for v in point) for point in face.points])
    six, angle = peer.get_six_points(landmarks, bgr)
    x1, y1, x2, y2 = face.xyxy.astype(int).tolist()
    said = SimpleNamespace(pattern="", pattern_weight=0.5, color="#0473e2", color_weight=0.5, code="")
    return lambda: [peer.mask_face(bgr, (y1, x2, y2, x1), six, angle, said, "surgical_blue") for _ in range(TIMES)]


def ours(pixels: NDArray, face: Face) -> Callable[[], object]:
    size_wh = (pixels.shape[1], pixels.shape[0])

    def draw() -> None:
        for seed in range(TIMES):
            worn = dress.draw(face, "correct", np.random.default_rng(seed), size_wh)
            if isinstance(worn, dress.Unfit):
                raise AssertionError(worn)
            dress.put_on(pixels, face, worn)

    return draw


def main() -> None:
    folder = Path(os.environ.get("PEER_MASKTHEFACE", ""))
    if not (folder / "utils").is_dir():
        sys.exit("PEER_MASKTHEFACE=folder: a clone of https://github.com/aqeelanwar/MaskTheFace")
    cv2.setNumThreads(1)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    from utils import aux_functions as peer

    print("| picture | face, px | MaskTheFace, ms | ours, ms | ratio |\n|---|---|---|---|---|")
    for size_wh, face_px in CASES:
        pixels, face = scene(size_wh, face_px)
        best = in_turns({"theirs": theirs(peer, pixels, face), "ours": ours(pixels, face)}, ROUNDS)
        a, b = (best[name] / TIMES * 1e3 for name in ("theirs", "ours"))
        print(f"| {size_wh[0]}×{size_wh[1]} | {face_px} | {a:.1f} | {b:.1f} | {b / a:.2f}× |")


if __name__ == "__main__":
    main()
