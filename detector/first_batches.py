"""The first pictures of an epoch as the network sees them, with their boxes, and hatched where nothing is trained.

What is wrong with labels or too much of an augmentation shows here at once, before a run is spent.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detector.batch import Batch
from detector.data import Pictures
from detector.draw import colour, draw_boxes, draw_regions
from detector.order import Key

GAP, HEAD = 4, 26


def first_batches(
    pictures: Pictures, batches: Iterable[list[Key]], classes: tuple[str, ...], count: int = 2, columns: int = 4
) -> bytes:
    """A PNG of the first `count` batches, `columns` pictures a row. batches: an `Order`, or lists of keys."""
    shown = [pictures.collate([pictures[key] for key in keys]) for keys in islice(iter(batches), count)]
    tiles = [tile for batch in shown if isinstance(batch, Batch) for tile in _tiles(batch, classes)]
    side = max(tile.shape[0] for tile in tiles) + GAP
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * side + GAP, rows * side + GAP + HEAD), "white")
    _key(sheet, classes)
    for place, tile in enumerate(tiles):
        corner = (GAP + place % columns * side, GAP + HEAD + place // columns * side)
        sheet.paste(Image.fromarray(tile), corner)
    stream = io.BytesIO()
    sheet.save(stream, format="PNG")
    return stream.getvalue()


def _tiles(batch: Batch, classes: tuple[str, ...]) -> list[np.ndarray]:
    return [_tile(batch, number, classes) for number in range(len(batch.names))]


def _tile(batch: Batch, number: int, classes: tuple[str, ...]) -> np.ndarray:
    truths = batch.truths[batch.truths[:, 0] == number].numpy()
    regions = batch.regions[batch.regions[:, 0] == number].numpy()
    square = np.ascontiguousarray(batch.pictures[number].permute(1, 2, 0).numpy())
    hatched = draw_regions(square, _corners(regions[:, 1:]))
    return draw_boxes(hatched, _corners(truths[:, 2:]), truths[:, 1].astype(int), classes)


def _corners(cxcywh: np.ndarray) -> np.ndarray:
    return np.concatenate((cxcywh[:, :2] - cxcywh[:, 2:] / 2, cxcywh[:, :2] + cxcywh[:, 2:] / 2), axis=1)


def _key(sheet: Image.Image, classes: tuple[str, ...]) -> None:
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(14), GAP
    for number, name in enumerate(classes):
        pen.rectangle((x, 6, x + 12, 18), fill=colour(number), outline="black")
        pen.text((x + 18, 4), name, fill="black", font=font)
        x += 36 + round(font.getlength(name))
    pen.text((x, 4), "hatched: nothing is trained there", fill="dimgrey", font=font)
