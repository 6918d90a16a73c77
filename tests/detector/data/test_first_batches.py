import dataclasses
import io

import numpy as np
from PIL import Image

from detector.data.augmentation import STRONG
from detector.data.first_batches import first_batches
from detector.data.loader import Order, Pictures
from detector.data.split import read_split
from detector.detecting.draw import draw_regions


def test_the_sheet_shows_the_first_batches_with_boxes_and_hatched_regions(shapes_split):
    labelled = read_split(shapes_split(train=6)).read("train")
    regions = np.array([[0.5, 0.5, 1.0, 1.0]])
    plain = [dataclasses.replace(one, boxes=one.boxes[:0], classes=one.classes[:0]) for one in labelled]
    hatched = [dataclasses.replace(one, regions=regions) for one in plain]
    sheets = []
    for some in (plain, labelled, hatched):
        order = Order(6, 2, seed=0, shuffled=False)
        content = first_batches(Pictures(some, 96), order, ("circle", "square"), most=4, columns=2)
        sheets.append(np.asarray(Image.open(io.BytesIO(content))).astype(int))
    bare, boxed, striped = sheets
    assert bare.shape[0] == 2 * 100 + 4 + 26 and bare.shape[1] > 2 * 100 + 4  # as wide as its key
    tile = (slice(30 + 12, 30 + 84), slice(4, 100))  # the first picture, without its padding
    assert 0 < (bare != boxed)[tile].any(axis=2).mean() < 0.4
    assert 0.4 < (bare != striped)[tile].any(axis=2).mean() < 0.6


def test_drawing_the_sheet_changes_nothing_that_training_sees(shapes_split):
    found = Pictures(read_split(shapes_split(train=6)).read("train"), 96, 1, STRONG)
    order = Order(6, 3, seed=1)
    before = found.collate([found[key] for key in next(iter(order))])
    first_batches(found, order, ("circle", "square"))
    after = found.collate([found[key] for key in next(iter(order))])
    assert (before.pictures == after.pictures).all() and (before.truths == after.truths).all()


def test_stripes_fill_the_region_and_nothing_else():
    grey = np.full((32, 40, 3), 114, np.uint8)
    made = draw_regions(grey, np.array([[8.0, 4.0, 24.0, 20.0], [40.0, 32.0, 41.0, 33.0]]))
    changed = (made != grey).any(axis=2)
    assert not changed[:4].any() and not changed[20:].any() and not changed[:, 24:].any() and not changed[:, :8].any()
    assert (made[4:20, 8:24] == 255).all(axis=2).sum() == (made[4:20, 8:24] == 0).all(axis=2).sum() == 64
    assert (grey == 114).all()
