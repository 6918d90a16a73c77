"""How well each `--box-fit` guesses the box of a shape that was turned or sheared, when it knows the shape's box alone.

The shapes' outlines are known, so their true boxes are, too: IoU of the guessed box with the true one, mean over the
shapes of a kind and their aspect ratios.  No picture is needed.

python tests/benchmarks/box_fit.py
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from datatools.balance.pixels.box_fit import BOX_FITS, moved_boxes

ANGLES = (2, 5, 10, 15, 20, 30, 45)
SHEARS = (3, 6, 12)
ASPECTS = (0.7, 0.8, 1.0, 1.2)  # width of a shape by its height
Outline = Callable[[NDArray], NDArray]


def superellipse(power: float) -> NDArray:
    """|x|^p + |y|^p = 1 as 720 points: 2 is an ellipse; the larger the power, the squarer."""
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.sign(cos) * np.abs(cos) ** (2 / power), np.sign(sin) * np.abs(sin) ** (2 / power)], axis=1)


def face(brow: float, jaw: float, lean: float) -> NDArray:
    """A head: a superellipse of power `brow` above its middle and `jaw` below, whose chin stands `lean` to the side."""
    above, below = superellipse(brow), superellipse(jaw)
    outline = np.concatenate([above[above[:, 1] <= 0], below[below[:, 1] > 0]])
    outline[:, 0] += lean * np.maximum(outline[:, 1], 0) ** 2
    return outline


KINDS = {
    "ellipses": [superellipse(2)],
    "faces": [face(brow, jaw, lean) for brow in (2.0, 2.5, 3.0) for jaw in (1.5, 1.8, 2.2) for lean in (0, 0.15, -0.3)],
    "rounded rectangles": [superellipse(4), superellipse(6)],
    "rectangles": [np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])],
}


def box_of(points: NDArray) -> NDArray:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def overlap(a: NDArray, b: NDArray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = float(np.prod(np.maximum(high - low, 0)))
    return both / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both)


def turned(angle_deg: float) -> NDArray:
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])


def sheared(angle_deg: float) -> NDArray:
    return np.array([[1.0, -np.tan(np.radians(angle_deg)), 0.0], [0.0, 1.0, 0.0]])


def score(shapes: list[NDArray], matrix: Callable[[float], NDArray], angle: float, fit: str) -> tuple[float, float]:
    """Mean over the shapes: (IoU with the true box, area of the guessed box in areas of the true one)."""
    found = []
    for shape in shapes:
        for aspect in ASPECTS:
            for sign in (1, -1):
                points, moving = shape * [aspect, 1], matrix(sign * angle)
                true = box_of(points @ moving[:, :2].T)
                guess = moved_boxes(moving, box_of(points)[None], fit)[0]
                area = np.prod(guess[2:] - guess[:2]) / np.prod(true[2:] - true[:2])
                found.append((overlap(guess, true), float(area)))
    iou, area = np.mean(found, axis=0)
    return float(iou), float(area)


def main() -> None:
    for what, matrix, angles in (("turned by", turned, ANGLES), ("sheared by", sheared, SHEARS)):
        print(f"\n| {what} | fit | {' | '.join(KINDS)} |\n|---|---|{'---|' * len(KINDS)}")
        for angle in angles:
            for fit in BOX_FITS:
                cells = [score(shapes, matrix, angle, fit) for shapes in KINDS.values()]
                print(f"| {angle}° | {fit} | {' | '.join(f'{iou:.3f} ({area:.2f})' for iou, area in cells)} |")


if __name__ == "__main__":
    main()
