import numpy as np
import pytest
import torch

from detector.augmentation import Augmentation
from detector.data import Order, Pictures, default_workers, loader
from detector.errors import DataError
from detector.split import read_split


def pictures(folder, subset="train", augmentation=None, **more):
    return Pictures(read_split(folder).read(subset), 96, augmentation=augmentation, **more)


def test_a_batch_holds_uint8_squares_and_truths_in_their_pixels(shapes_split):
    found = pictures(shapes_split(train=3))
    batch = next(iter(loader(found, Order(3, 2, seed=0, shuffled=False), workers=0)))
    assert (batch.pictures.shape, batch.pictures.dtype) == ((2, 3, 96, 96), torch.uint8)
    assert batch.truths.shape == (4, 6) and batch.truths[:, 0].tolist() == [0, 0, 1, 1]
    boxes = found.labelled[0].boxes[0]  # 120 x 90 becomes 96 x 72, 12 pixels from the top
    assert batch.truths[0, 2:].tolist() == pytest.approx(
        [boxes[0] * 96, boxes[1] * 72 + 12, boxes[2] * 96, boxes[3] * 72], abs=1e-3
    )
    assert batch.names[0].endswith("0.png") and batch.indices == (0, 1)
    floats = batch.floats(torch.device("cpu"), torch.channels_last)
    assert floats.dtype == torch.float32 and floats.min() >= 0 and floats.max() <= 1


def epoch(found, order, workers):
    return [(batch.pictures, batch.truths) for batch in loader(found, order, workers)]


@pytest.mark.parametrize("budget_mb", [0, 2048])
def test_neither_workers_nor_the_cache_change_what_is_seen(shapes_split, budget_mb):
    folder = shapes_split(train=5)
    order = Order(5, 2, seed=7)
    order.epoch = 3
    plain = epoch(pictures(folder, augmentation=Augmentation(), seed=7), order, 0)
    other = epoch(pictures(folder, augmentation=Augmentation(), seed=7, budget_mb=budget_mb), order, 2)
    assert len(plain) == len(other) == 3
    assert all(torch.equal(a, b) and torch.equal(s, t) for (a, s), (b, t) in zip(plain, other, strict=True))


def test_an_epoch_taken_up_in_its_middle_goes_on_as_it_would_have():
    order = Order(10, 3, seed=1)
    whole = list(order)
    order.start = 2
    assert list(order) == whole[2:] and len(order) == 4
    assert sorted(index for batch in whole for _, index, _, _ in batch) == list(range(10))


def test_epochs_and_seeds_differ_in_order():
    def first(epoch, seed):
        order = Order(50, 50, seed)
        order.epoch = epoch
        return [index for _, index, _, _ in next(iter(order))]

    assert first(0, 0) == first(0, 0) != first(1, 0)
    assert first(0, 0) != first(0, 1)


def test_a_broken_picture_stops_the_run_before_it_begins(shapes_split):
    folder = shapes_split(train=3)
    (folder / "images" / "train" / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"train/1\.png: not a picture \(0 bytes\)"):
        pictures(folder)


def test_the_budget_bounds_what_is_kept(shapes_split):
    folder = shapes_split(train=60)
    assert pictures(folder, budget_mb=2048).cached == 60
    assert pictures(folder, budget_mb=1).cached == 2**20 // (96 * 72 * 3)
    assert pictures(folder, budget_mb=0).cached == 0


def test_a_negative_is_a_picture_without_rows(shapes_split):
    folder = shapes_split(train=1)
    (folder / "labels" / "train" / "0.txt").write_text("")
    batch = next(iter(loader(pictures(folder), Order(1, 1, 0), 0)))
    assert batch.truths.shape == (0, 6)


def test_truths_are_in_the_pictures_own_pixels(shapes_split):
    found = pictures(shapes_split(train=1))
    line = (found.labelled[0].path.parents[2] / "labels" / "train" / "0.txt").read_text().split()
    cx, cy, w, h = (float(cell) for cell in line[1:5])
    expected = [(cx - w / 2) * 120, (cy - h / 2) * 90, (cx + w / 2) * 120, (cy + h / 2) * 90]
    assert np.allclose(found.truths_xyxy(0)[0], expected)


def test_beside_a_busy_cpu_there_are_no_workers():
    assert default_workers(torch.device("cpu")) == 0
    assert 1 <= default_workers(torch.device("cuda")) <= 8
