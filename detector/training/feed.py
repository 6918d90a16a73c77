"""The pictures of a run, as its options want them: read once, and the order in which each process sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from detector.data.cache import open_cache
from detector.data.loader import Pictures
from detector.data.order import Order, multi_scale
from detector.data.samplers import factors
from detector.data.split import Split
from detector.errors import DataError
from detector.loss.class_weights import class_weights, count_boxes
from detector.training.options import Options
from detector.training.ranks import Ranks


@dataclass(frozen=True)
class Feed:
    """train, val: val is None where the split has none.  order: of the training pictures, this process's share.

    class_weights: (C,) of the class term, None where all count alike.
    """

    classes: tuple[str, ...]
    train: Pictures
    val: Pictures | None
    order: Order
    class_weights: Tensor | None = None


def read_feed(split: Split, options: Options, stride: int, ranks: Ranks, say: Callable[[str], None]) -> Feed:
    """stride: the network's largest. Raises DataError for what is broken, and where there is no box to learn from."""
    skip = options.on_error == "skip"
    cache = open_cache(options.cache, options.cache_mb, Path(options.cache_folder) if options.cache_folder else None)
    sides = multi_scale(options.img_size, stride, options.multi_scale)
    labelled = split.read("train")
    shown = factors(options.sampler, labelled, split, options.repeat_threshold)
    train = Pictures(
        labelled,
        options.img_size,
        options.seed,
        options.augmentation,
        mixing_until=round(options.epochs * (1 - options.plain_share)),
        cache=cache,
        largest=max(sides, default=0),
        partners=shown,
        skip_broken=skip,
    )
    val = None
    if split.has("val") and ranks.first:
        val = Pictures(split.read("val"), options.img_size, cache=cache, skip_broken=skip)
    boxes = sum(len(one.classes) for one in train.labelled)
    if not boxes:
        raise DataError(split.path, "the training pictures hold no box at all", "labels", "check labels/train")
    for line in (*train.skipped, *(val.skipped if val else ())):
        say(f"skipped: {line}")
    say(
        f"pictures: {len(train)} to train on ({boxes} boxes, {train.cached} kept in {cache.place}), "
        f"{len(val) if val else 'none'} to validate on"
    )
    order = Order(
        len(train),
        int(options.batch),
        options.seed,
        factors=factors(options.sampler, train.labelled, split, options.repeat_threshold),
        epoch_size=options.epoch_size,
        rank=ranks.rank,
        world=ranks.size,
        sides=sides,
    )
    return Feed(split.classes, train, val, order, _weights(train, len(split.classes), options))


def _weights(train: Pictures, classes: int, options: Options) -> Tensor | None:
    how = options.loss
    if how.class_weights == "none":
        return None
    counts = count_boxes([one.classes for one in train.labelled], classes)
    return torch.from_numpy(class_weights(counts.tolist(), how.class_weights, how.beta)).float()
