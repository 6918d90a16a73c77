"""The first pictures of an epoch as the network sees them, with their boxes, and hatched where nothing is trained.

What is wrong with labels or too much of an augmentation shows here at once, before a run is spent.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain, islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detector.data.loader import Pictures
from detector.data.order import Key
from detector.data.scene import Scene
from detector.detecting.draw import colour, draw_boxes, draw_regions

GAP, HEAD = 4, 26
HATCHED = "hatched: nothing is trained there"


def first_batches(
    pictures: Pictures, batches: Iterable[list[Key]], classes: tuple[str, ...], most: int = 16, columns: int = 4
) -> bytes:
    """A PNG of the first pictures, `most` of them, `columns` a row. batches: an `Order`, or lists of keys."""
    keys = list(islice(chain.from_iterable(batches), most))
    tiles = [_tile(pictures.show(key), classes) for key in keys]
    side = max(tile.shape[0] for tile in tiles) + GAP
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    width = max(columns * side + GAP, _key_width(classes))
    sheet = Image.new("RGB", (width, rows * side + GAP + HEAD), "white")
    _key(sheet, classes)
    for place, tile in enumerate(tiles):
        corner = (GAP + place % columns * side, GAP + HEAD + place // columns * side)
        sheet.paste(Image.fromarray(tile), corner)
    stream = io.BytesIO()
    sheet.save(stream, format="PNG")
    return stream.getvalue()


def _tile(scene: Scene, classes: tuple[str, ...]) -> np.ndarray:
    hatched = draw_regions(scene.picture, scene.regions)
    return draw_boxes(hatched, scene.xyxy, scene.classes, classes)


def _key(sheet: Image.Image, classes: tuple[str, ...]) -> None:
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(14), GAP
    for number, name in enumerate(classes):
        pen.rectangle((x, 6, x + 12, 18), fill=colour(number), outline="black")
        pen.text((x + 18, 4), name, fill="black", font=font)
        x += 36 + round(font.getlength(name))
    pen.text((x, 4), HATCHED, fill="dimgrey", font=font)


def _key_width(classes: tuple[str, ...]) -> int:
    font = ImageFont.load_default(14)
    return 2 * GAP + sum(36 + round(font.getlength(name)) for name in classes) + round(font.getlength(HATCHED))
