"""The pictures of a run, as its options want them: read once, and the order in which each process sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from detector.augment import Augmentation
from detector.class_weights import class_weights, count_boxes
from detector.data import Order, Pictures
from detector.errors import DataError
from detector.options import Options
from detector.ranks import Ranks
from detector.split import Split


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


def read_feed(split: Split, options: Options, ranks: Ranks, say: Callable[[str], None]) -> Feed:
    """Raises DataError for a picture or label that is broken, and where there is no box to learn from."""
    train = Pictures(split.read("train"), options.img_size, options.seed, Augmentation())
    val = Pictures(split.read("val"), options.img_size) if split.has("val") and ranks.first else None
    boxes = sum(len(one.classes) for one in train.labelled)
    if not boxes:
        raise DataError(split.path, "the training pictures hold no box at all", "labels", "check labels/train")
    say(
        f"pictures: {len(train)} to train on ({boxes} boxes, {train.cached} kept in memory), "
        f"{len(val) if val else 'none'} to validate on"
    )
    order = Order(len(train), int(options.batch), options.seed, rank=ranks.rank, size=ranks.size)
    return Feed(split.classes, train, val, order, _weights(train, len(split.classes), options))


def _weights(train: Pictures, classes: int, options: Options) -> Tensor | None:
    how = options.loss
    if how.class_weights == "none":
        return None
    counts = count_boxes([one.classes for one in train.labelled], classes)
    return torch.from_numpy(class_weights(counts.tolist(), how.class_weights, how.beta)).float()
