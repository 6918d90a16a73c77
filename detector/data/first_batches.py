"""The first pictures of an epoch as the network sees them, with their boxes, and hatched where nothing is trained.

What is wrong with labels or too much of an augmentation shows here at once, before a run is spent.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain, islice

import numpy as np
from PIL import Image

from detector.data.loader import Pictures
from detector.data.order import Key
from detector.data.scene import Scene
from detector.detecting.draw import draw_boxes, draw_key, draw_regions, key_width

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
    width = max(columns * side + GAP, key_width(classes, HATCHED, GAP))
    sheet = Image.new("RGB", (width, rows * side + GAP + HEAD), "white")
    draw_key(sheet, classes, HATCHED, GAP)
    for place, tile in enumerate(tiles):
        corner = (GAP + place % columns * side, GAP + HEAD + place // columns * side)
        sheet.paste(Image.fromarray(tile), corner)
    stream = io.BytesIO()
    sheet.save(stream, format="PNG")
    return stream.getvalue()


def _tile(scene: Scene, classes: tuple[str, ...]) -> np.ndarray:
    hatched = draw_regions(scene.picture, scene.regions)
    return draw_boxes(hatched, scene.xyxy, scene.classes, classes)
