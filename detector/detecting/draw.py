"""Boxes on pictures, for people: a colour a class, labels that are readable and do not hide small objects.

A label is put outside its box where there is room, and shortened (name and score, score alone, nothing) rather
than laid over another label or over a box. Lines and letters grow with the picture.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe & Ito's colours, which the colour-blind can tell apart, green and vermilion first.
COLOURS = [(0, 158, 115), (213, 94, 0), (240, 228, 66), (86, 180, 233), (204, 121, 167), (0, 114, 178), (230, 159, 0)]
Rectangle = tuple[float, float, float, float]


def colour(number: int) -> tuple[int, int, int]:
    return COLOURS[number % len(COLOURS)]


def _ink(paint: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white, whichever reads better on `paint`."""
    return (0, 0, 0) if np.dot(paint, (0.299, 0.587, 0.114)) > 140 else (255, 255, 255)


def draw_boxes(
    picture: np.ndarray,
    xyxy: np.ndarray,
    numbers: np.ndarray,
    classes: tuple[str, ...],
    scores: np.ndarray | None = None,
) -> np.ndarray:
    """A copy of `picture` ((H, W, 3) uint8, RGB) with boxes, the best on top, and labels where they fit.

    xyxy: (N, 4) pixels.  numbers: (N,) classes.  scores: (N,), or None for truths.
    """
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    size = max(canvas.size)
    width, letters = max(2, round(size / 300)), max(10, round(size / 45))
    font = ImageFont.load_default(letters)
    order = range(len(xyxy)) if scores is None else np.argsort(-scores, kind="stable").tolist()
    for i in reversed(list(order)):
        _frame(pen, xyxy[i], colour(int(numbers[i])), width)
    taken: list[Rectangle] = [tuple(box) for box in xyxy]
    for i in order:
        name = classes[int(numbers[i])]
        texts = [name, ""] if scores is None else [f"{name} {scores[i]:.2f}", f"{scores[i]:.2f}"]
        _label(pen, font, tuple(xyxy[i]), texts, colour(int(numbers[i])), taken, canvas.size)
    return np.asarray(canvas)


def draw_key(sheet: Image.Image, classes: tuple[str, ...], note: str, left: int) -> None:
    """The colours of the classes, and what else is to be known, along the top edge of a sheet."""
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(14), left
    for number, name in enumerate(classes):
        pen.rectangle((x, 6, x + 12, 18), fill=colour(number), outline="black")
        pen.text((x + 18, 4), name, fill="black", font=font)
        x += 36 + round(font.getlength(name))
    pen.text((x, 4), note, fill="dimgrey", font=font)


def key_width(classes: tuple[str, ...], note: str, left: int) -> int:
    """Pixels that `draw_key` takes, with as much room on the right as on the left."""
    font = ImageFont.load_default(14)
    return 2 * left + sum(36 + round(font.getlength(name)) for name in classes) + round(font.getlength(note))


def _frame(pen: ImageDraw.ImageDraw, box: np.ndarray, paint: tuple[int, int, int], width: int) -> None:
    """A line just outside the box, with a thin dark edge, so that it shows on any ground and hides no small face."""
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    for grow, tone in ((width + 1, (0, 0, 0)), (width, paint)):
        pen.rectangle((x0 - grow, y0 - grow, x1 - 1 + grow, y1 - 1 + grow), outline=tone, width=grow)


def _label(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    box: Rectangle,
    texts: list[str],
    paint: tuple[int, int, int],
    taken: list[Rectangle],
    size_wh: tuple[int, int],
) -> None:
    for text in filter(None, texts):
        left, top, right, bottom = font.getbbox(text)
        wide, high = right - left + 4, bottom - top + 4
        for place in _places(box, wide, high, size_wh):
            if not any(_overlap(place, other) for other in taken if other != box):
                pen.rectangle(place, fill=paint)
                pen.text((place[0] + 2 - left, place[1] + 2 - top), text, fill=_ink(paint), font=font)
                taken.append(place)
                return


def _places(box: Rectangle, wide: float, high: float, size_wh: tuple[int, int]) -> Iterator[Rectangle]:
    """Above, below, right, left; then inside a box that is large enough."""
    x0, y0, x1, y1 = box
    gap = 2
    corners = [
        (x0, y0 - high - gap),
        (x0, y1 + gap),
        (x1 - wide, y0 - high - gap),
        (x1 + gap, y0),
        (x0 - wide - gap, y0),
    ]
    if x1 - x0 > 2 * wide and y1 - y0 > 4 * high:
        corners.append((x0 + gap, y0 + gap))
    for x, y in corners:
        x = min(max(0.0, x), size_wh[0] - wide)
        if x >= 0 and y >= 0 and y + high <= size_wh[1]:
            yield (round(x), round(y), round(x + wide), round(y + high))


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def draw_regions(picture: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
    """A copy of `picture` with regions, (R, 4) xyxy pixels, hatched in white on black: here nothing is judged."""
    made = picture.copy()
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    stripe = (rows + columns) % 8
    for x0, y0, x1, y1 in np.rint(xyxy).astype(int):
        inside = (rows >= y0) & (rows < max(y1, y0 + 1)) & (columns >= x0) & (columns < max(x1, x0 + 1))
        made[inside & (stripe < 2)] = 255
        made[inside & (stripe >= 2) & (stripe < 4)] = 0
    return made
