"""Landmarks: milliseconds a face, whatever the picture's size, beside four bare calls of the predictor; detection; and,
where the real photographs are, how many annotated bare faces of each size are usable.

python tests/benchmarks/landmarks.py
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from timing import in_turns, photographs, table

from generators.faces import landmarks, predictor
from generators.faces.detect import find_faces
from generators.faces.face import Face
from generators.sample.photographs import load as photograph

BOX = np.array([(180.0, 80.0, 270.0, 179.0)])  # the astronaut's face, 512×512
REPEATS = 20
SIZES = (0, 10, 12, 16, 20, 24, 32, 48, np.inf)


def scaled(side: float) -> tuple[NDArray, NDArray]:
    """(picture, box) with a face about `side` pixels large."""
    scale = side / 94.4
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(photograph("astronaut"), None, fx=scale, fy=scale, interpolation=how), BOX * scale


def inside(pixels: NDArray, box: NDArray, size_wh: tuple[int, int]) -> tuple[NDArray, NDArray]:
    """The same face in a larger picture."""
    w, h = size_wh
    large = np.zeros((h, w, 3), np.uint8)
    large[: pixels.shape[0], : pixels.shape[1]] = pixels
    return large, box


def repeated(work: partial) -> None:
    for _ in range(REPEATS):
        work()


def floor(model: predictor.Predictor) -> None:
    """The predictor alone, four times, on a grey picture that is there already."""
    grey = cv2.cvtColor(photograph("astronaut"), cv2.COLOR_RGB2GRAY)
    for _ in range(4 * REPEATS):
        model.points(grey, (225.0, 120.0), 98.0)


def speed(model: predictor.Predictor) -> None:
    contestants = {"4 calls of the predictor": partial(floor, model)}
    for side in (20, 60, 200, 800):
        work = partial(landmarks.locate, *scaled(side), model)
        contestants[f"locate, a face of {side} px"] = partial(repeated, work)
    for size_wh in ((400, 330), (1280, 886), (6000, 4000)):
        work = partial(landmarks.locate, *inside(*scaled(60), size_wh), model)
        contestants[f"locate, 60 px in {size_wh[0]}×{size_wh[1]}"] = partial(repeated, work)
    table("landmarks", in_turns(contestants, 5), REPEATS, "faces", "4 calls of the predictor")
    pictures = {f"find_faces in {w}×{w}": cv2.resize(photograph("astronaut"), (w, w)) for w in (256, 512, 2048, 4900)}
    timed = in_turns({name: partial(find_faces, pixels, model) for name, pixels in pictures.items()}, 3)
    table("detection and landmarks", timed, 1, "pictures", "find_faces in 256×256")


def acceptance(model: predictor.Predictor) -> None:
    from datatools import formats
    from datatools.images import decode

    dataset = formats.read(photographs()).dataset
    bare = dataset.classes.index("without_mask")
    chosen = [a for a in dataset.annotations if (a.labels == bare).any()]
    boxes = [(decode(a.path), a.xyxy[a.labels == bare]) for a in chosen]
    found = [f for pixels, xyxy in boxes for f in landmarks.locate(pixels, xyxy, model, min_face=0)]
    shorter = np.array([(f.xyxy[2:] - f.xyxy[:2]).min() for f in found])
    print("\n### annotated bare faces\n\n| shorter side, px | faces | usable | refused |\n|---|---|---|---|")
    for low, high in (*pairwise(SIZES), (16, np.inf), (0, np.inf)):
        here = [f for f, s in zip(found, shorter, strict=True) if low <= s < high]
        usable = sum(isinstance(f, Face) for f in here)
        reasons = Counter(f.reason for f in here if not isinstance(f, Face))
        said = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common())
        print(f"| {low} to {high} | {len(here)} | {usable} ({usable / max(len(here), 1):.1%}) | {said} |")


def main() -> None:
    model = predictor.load(predictor.find())
    speed(model)
    acceptance(model)


if __name__ == "__main__":
    main()
