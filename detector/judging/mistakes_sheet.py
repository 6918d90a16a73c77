"""A sheet of mistakes, for people: each cut out with its surroundings, the truth left, what was found right.

The object or the box in question is framed in the middle of its cut; a caption says picture, class, size or confidence,
and what is likely to have happened.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detector.data.pictures import read_picture
from detector.detecting.draw import colour, draw_boxes
from detector.judging.found import Found, Least, Truth, as_truth, sure_of
from detector.judging.mistakes import Mistake

SIDE, GAP, LINE, HEAD, COLUMNS = 220, 10, 18, 30, 3
CONTEXT = 3.0  # sides of the box that a cut shows, at least
LEAST = 64  # pixels of the photograph that a cut shows, at least


def mistakes_png(
    paths: Sequence[Path],
    detections: Sequence[Found],
    truths: Sequence[Found | Truth],
    classes: tuple[str, ...],
    worst: Sequence[Mistake],
    least: Least,
    title: str,
    count: int = 12,
) -> bytes:
    """The first `count` of `worst`; boxes found below `least` are not drawn. paths: of all pictures, in order."""
    shown = worst[:count]
    tiles = [_tile(paths, detections, truths, classes, one, least) for one in shown]
    wide, high = 2 * SIDE + 2, SIDE + 2 * LINE + 4
    columns, rows = min(COLUMNS, max(1, len(tiles))), max(1, -(-len(tiles) // COLUMNS))
    sheet = Image.new("RGB", (columns * (wide + GAP) + GAP, rows * (high + GAP) + GAP + 2 * HEAD), "white")
    _heading(sheet, f"{title}: {len(shown)} of {len(worst)}" if worst else f"{title}: none", classes)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        sheet.paste(tile, (GAP + column * (wide + GAP), 2 * HEAD + GAP + row * (high + GAP)))
    stream = io.BytesIO()
    sheet.save(stream, format="png")
    return stream.getvalue()


def _heading(sheet: Image.Image, title: str, classes: tuple[str, ...]) -> None:
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(15), GAP
    pen.text((GAP, 7), title, fill="black", font=font)
    for number, name in enumerate(classes):
        pen.rectangle((x, HEAD + 3, x + 13, HEAD + 16), fill=colour(number), outline="black")
        pen.text((x + 19, HEAD + 1), name, fill="black", font=font)
        x += 40 + round(font.getlength(name))


def _tile(
    paths: Sequence[Path],
    detections: Sequence[Found],
    truths: Sequence[Found | Truth],
    classes: tuple[str, ...],
    one: Mistake,
    least: Least,
) -> Image.Image:
    path, found, truth = paths[one.picture], detections[one.picture], as_truth(truths[one.picture])
    cut, corner, scale = _cut(read_picture(path), one.box)
    cut = _bracketed(cut, (one.box - corner) * scale)
    there = _in_cut(truth.xyxy, corner, scale)
    here = _in_cut(found.xyxy, corner, scale) & sure_of(found.scores, found.classes, least)
    left = draw_boxes(cut, (truth.xyxy[there] - corner) * scale, truth.classes[there], classes)
    right = draw_boxes(cut, (found.xyxy[here] - corner) * scale, found.classes[here], classes, found.scores[here])
    tile = Image.new("RGB", (2 * SIDE + 2, SIDE + 2 * LINE + 4), "white")
    for x, half in ((0, left), (SIDE + 2, right)):
        tile.paste(Image.fromarray(half), (x, 2 * LINE + 4))
    pen, font = ImageDraw.Draw(tile), ImageFont.load_default(13)
    what = f"{one.score:.2f}" if one.score is not None else "missed"
    first = f"{what} {classes[one.number]}, {one.side:.0f} px: {one.why}"
    pen.text((1, 1), _shortened(first, font, tile.width), fill="black", font=font)
    pen.text((1, 1 + LINE), _shortened(path.name, font, tile.width), fill="dimgrey", font=font)
    return tile


def _in_cut(xyxy: np.ndarray, corner: np.ndarray, scale: float) -> np.ndarray:
    """(N,) bool: boxes whose middle is in the cut."""
    middle = ((xyxy[:, :2] + xyxy[:, 2:]) / 2 - corner[:2]) * scale
    return ((middle >= 0) & (middle < SIDE)).all(axis=1)


def _cut(picture: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """A square around `box`, grey beyond the picture, as (SIDE, SIDE, 3); its corner, twice; and the scale."""
    middle = (box[:2] + box[2:]) / 2
    side = max(CONTEXT * float((box[2:] - box[:2]).max()), LEAST)
    x, y = (middle - side / 2).round().astype(int).tolist()
    whole = Image.fromarray(picture).crop((x, y, x + round(side), y + round(side)))
    mask = Image.new("L", (picture.shape[1], picture.shape[0]), 255).crop((x, y, x + round(side), y + round(side)))
    ground = Image.new("RGB", whole.size, (114, 114, 114))
    ground.paste(whole, mask=mask)
    cut = ground.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(cut), np.array([x, y, x, y], dtype=np.float64), SIDE / round(side)


def _bracketed(cut: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The cut with white corners, edged black, around the box in question."""
    canvas = Image.fromarray(cut)
    pen = ImageDraw.Draw(canvas)
    x0, y0, x1, y1 = (float(value) for value in (box + np.array([-8, -8, 7, 7])).clip(1, SIDE - 2))
    arm = max(8.0, min(x1 - x0, y1 - y0) / 4)
    for width, paint in ((5, "black"), (2, "white")):
        for x, dx in ((x0, arm), (x1, -arm)):
            for y, dy in ((y0, arm), (y1, -arm)):
                pen.line((x, y, x + dx, y), fill=paint, width=width)
                pen.line((x, y, x, y + dy), fill=paint, width=width)
    return np.asarray(canvas)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """`text`, or as much of its beginning as fits in `width` pixels, with an ellipsis."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
