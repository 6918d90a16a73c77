from dataclasses import replace

import numpy as np
import pytest
import torch

from detector.data.augmentation import NONE, PRESETS, preset
from detector.data.cache import KINDS, open_cache
from detector.data.loader import Key, Order, Pictures, default_workers, loader
from detector.data.split import read_split
from detector.errors import DataError


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PRESETS)
def test_neither_workers_nor_the_cache_change_what_is_seen(shapes_split, tmp_path, name, kind):
    folder, sides = shapes_split(train=6), (64, 96, 128)
    order = Order(6, 2, seed=7, factors=np.array([1, 2.5, 1, 1, 0.5, 1]), sides=sides)
    order.epoch = 3
    how = {"augmentation": preset(name), "seed": 7, "largest": 128}
    plain = epoch(pictures(folder, **how, budget_mb=0), order, 0)
    cache = open_cache(kind, 64, tmp_path / "cache")
    other = epoch(pictures(folder, **how, cache=cache), order, 2)
    assert len(plain) == len(other) == 4
    assert all(torch.equal(a, b) and torch.equal(s, t) for (a, s), (b, t) in zip(plain, other, strict=True))
    assert len({a.shape[-1] for a, _ in plain}) > 1


def test_a_picture_shown_twice_in_an_epoch_is_shown_differently_and_the_same_the_next_time(shapes_split):
    found = pictures(shapes_split(train=2), augmentation=preset("default"), seed=1)
    first, second, again = (found[Key(4, 0, turn)][1].picture for turn in (0, 1, 0))
    assert (first == again).all() and (first != second).any()


def test_from_a_given_epoch_on_pictures_are_no_longer_mixed(shapes_split):
    folder, how = shapes_split(train=4), replace(NONE, mosaic=1.0, mixup=1.0)
    mixed = pictures(folder, augmentation=how, mixing_until=3)
    plain = pictures(folder)
    for key in [(3, 0), (3, 1), (9, 2)]:
        assert (mixed[Key(*key)][1].picture == plain[Key(*key)][1].picture).all()
    assert (mixed[Key(2, 0)][1].picture != plain[Key(2, 0)][1].picture).any()


def test_partners_of_a_mosaic_come_in_proportion_to_their_weights(shapes_split):
    found = pictures(shapes_split(train=4), augmentation=preset("default"), partners=np.array([0, 3.0, 0, 1.0]))
    drawn = np.bincount([found._partner(np.random.default_rng(seed)) for seed in range(800)], minlength=4)
    assert drawn[0] == drawn[2] == 0 and drawn[1] / 800 == pytest.approx(0.75, abs=0.05)


def test_ignore_regions_go_along_with_their_picture(shapes_split):
    folder = shapes_split(train=2)
    (folder / "ignore" / "train").mkdir(parents=True)
    (folder / "ignore" / "train" / "1.txt").write_text("0.25 0.5 0.5 1\n")
    found = pictures(folder)
    batch = next(iter(loader(found, Order(2, 2, 0, shuffled=False), 0)))
    assert batch.regions.tolist() == [[1, 24, 48, 48, 72]]  # 120 x 90 becomes 96 x 72, 12 pixels from the top
    mirrored = pictures(folder, augmentation=replace(NONE, flip=1.0))
    batch = next(iter(loader(mirrored, Order(2, 2, 0, shuffled=False), 0)))
    assert batch.regions.tolist() == [[1, 72, 48, 48, 72]]


@pytest.mark.parametrize("side", [64, 96, 160])
def test_at_another_side_a_picture_is_its_letterbox_there(shapes_split, side):
    found = pictures(shapes_split(train=1), largest=160)
    shown = found[Key(0, 0, 0, side)][1]
    own = found.letterbox(0)
    assert shown.picture.shape == (side, side, 3)
    at_own = found[Key(0, 0)][1].xyxy
    assert shown.xyxy == pytest.approx(at_own * side / 96, abs=1)
    assert own.side == 96


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


def test_broken_pictures_are_left_out_and_listed_on_request(shapes_split):
    folder = shapes_split(train=4)
    (folder / "images" / "train" / "1.png").write_bytes(b"")
    content = (folder / "images" / "train" / "3.png").read_bytes()
    (folder / "images" / "train" / "3.png").write_bytes(content[: len(content) // 2])
    found = pictures(folder, skip_broken=True, partners=np.array([1.0, 5, 2, 5]))
    assert [one.path.name for one in found.labelled] == ["0.png", "2.png"] and len(found) == 2
    assert found._partners.tolist() == [1, 3]
    assert [line.split(": ")[0].rsplit("/", 1)[1] for line in found.skipped] == ["1.png", "3.png"]
    assert "not a picture (0 bytes)" in found.skipped[0] and "broken picture" in found.skipped[1]
    for name in ("0.png", "2.png"):
        (folder / "images" / "train" / name).write_bytes(b"")
    with pytest.raises(DataError, match="train: none of 4 pictures can be read, expected whole pictures"):
        pictures(folder, skip_broken=True)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("skip_broken", [False, True])
def test_a_picture_that_vanishes_during_the_run_stops_it_by_name(shapes_split, workers, skip_broken):
    folder = shapes_split(train=4)
    found = pictures(folder, budget_mb=0, skip_broken=skip_broken)
    (folder / "images" / "train" / "2.png").unlink()
    with pytest.raises(DataError, match=r"train/2\.png: no such picture, expected a JPEG"):
        list(loader(found, Order(4, 2, 0), workers))


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
