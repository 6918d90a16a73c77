"""Anchors for a data set: k-means over the sizes of its boxes, refined by a genetic search; and anchors from a text.

Sizes are those of the training labels, letterboxed to the network's input, in pixels. Distance is 1 - IoU of two boxes
of the same centre; the start is k-means++ in that distance, the centre of a cluster the median of its sizes. The search
multiplies some sides by factors near 1 and keeps what raises the mean IoU of boxes with their best anchor. The same
seed gives the same anchors. Limit: beyond 50,000 boxes it works on as many, drawn; the figures are of all.
Source: Redmon & Farhadi, "YOLO9000", 2017, section 2 (k-means on IoU); Arthur & Vassilvitskii, "k-means++", 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from detector.boxes import Letterbox, shape_iou
from detector.data.pictures import measure
from detector.data.split import Labelled, Split
from detector.errors import DataError, UserError
from detector.loss.settings import LossSettings
from detector.network.cfg import Cfg

MOST_BOXES, STARTS, ROUNDS = 50_000, 8, 300
MUTATED, SPREAD = 0.3, 0.1  # share of sides that a mutation changes; standard deviation of its factors
POSITIVE = LossSettings().positive
Anchors = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Fit:
    """How well anchors suit boxes. best: (N,) IoU of each box with its best anchor."""

    anchors_wh: Anchors
    best: np.ndarray

    @property
    def average(self) -> float:
        return float(self.best.mean())

    def recall(self, threshold: float = POSITIVE) -> float:
        """Share of the boxes that some anchor overlaps by more than `threshold`: the most that it can answer for."""
        return float((self.best > threshold).mean())

    def as_json(self) -> dict[str, Any]:
        return {
            "anchors": [list(pair) for pair in self.anchors_wh],
            "average_iou": round(self.average, 4),
            "recall": round(self.recall(), 4),
            "recall_50": round(self.recall(0.5), 4),
        }


def box_sizes(pictures: Sequence[Labelled], img_size: int, skip_broken: bool = False) -> np.ndarray:
    """(N, 2) float64: width and height of every box, in pixels of a letterbox of `img_size`.

    skip_broken: leave out pictures whose size cannot be read, rather than raise DataError.
    """

    def scaled(one: Labelled) -> np.ndarray:
        try:
            return one.boxes[:, 2:] * Letterbox(measure(one.path), img_size).inner_wh
        except DataError:
            if not skip_broken:
                raise
            return np.zeros((0, 2))

    with ThreadPoolExecutor() as threads:
        found = list(threads.map(scaled, [one for one in pictures if len(one.boxes)]))
    return np.concatenate(found) if found else np.zeros((0, 2))


def judge(sizes: np.ndarray, anchors_wh: Sequence[tuple[float, float]]) -> Fit:
    """How well `anchors_wh` suit boxes of `sizes` (N, 2)."""
    ordered = sorted(anchors_wh, key=lambda wh: (wh[0] * wh[1], wh))
    return Fit(tuple((float(w), float(h)) for w, h in ordered), _overlap(sizes, np.array(ordered)).max(axis=1))


def fit(sizes: np.ndarray, count: int, generations: int = 1000, seed: int = 0) -> Fit:
    """The best `count` anchors found for boxes of `sizes` (N, 2), to a tenth of a pixel, smallest first.

    Raises UserError where there are fewer different sizes than anchors.
    """
    different = len(np.unique(sizes, axis=0))
    if different < count:
        raise UserError("anchors", f"{different} different sizes of boxes", f"at least {count}, one an anchor")
    rng = np.random.default_rng(seed)
    some = sizes if len(sizes) <= MOST_BOXES else rng.choice(sizes, MOST_BOXES, replace=False)
    found = max((_k_means(some, count, rng) for _ in range(STARTS)), key=lambda anchors: _fitness(some, anchors))
    refined = _refine(some, found, generations, rng)
    return judge(sizes, [(round(w, 1), round(h, 1)) for w, h in refined.tolist()])


def _overlap(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """(N, 2) and (A, 2) to (N, A) shape IoU."""
    return shape_iou(torch.from_numpy(sizes), torch.from_numpy(anchors.astype(np.float64))).numpy()


def _fitness(sizes: np.ndarray, anchors: np.ndarray) -> float:
    return float(_overlap(sizes, anchors).max(axis=1).mean())


def _k_means(sizes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    centres = _spread(sizes, count, rng)
    owner = np.full(len(sizes), -1)
    for _ in range(ROUNDS):
        nearest = _overlap(sizes, centres).argmax(axis=1)
        if (nearest == owner).all():
            break
        owner = nearest
        for number in np.unique(owner):
            centres[number] = np.median(sizes[owner == number], axis=0)
    return centres


def _spread(sizes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """k-means++: each next centre is drawn by the square of its distance from those there."""
    chosen = [sizes[rng.integers(len(sizes))]]
    while len(chosen) < count:
        far = (1 - _overlap(sizes, np.array(chosen)).max(axis=1)).clip(min=0) ** 2
        far[(sizes[:, None] == np.array(chosen)).all(axis=2).any(axis=1)] = 0  # rounding leaves a trace of itself
        chosen.append(sizes[rng.choice(len(sizes), p=far / far.sum())])
    return np.array(chosen)


def _refine(sizes: np.ndarray, anchors: np.ndarray, generations: int, rng: np.random.Generator) -> np.ndarray:
    best, fitness = anchors, _fitness(sizes, anchors)
    for _ in range(generations):
        factors = np.where(rng.random(best.shape) < MUTATED, rng.normal(1, SPREAD, best.shape).clip(0.5, 2), 1)
        child = (best * factors).clip(min=0.1)
        value = _fitness(sizes, child)
        if value > fitness:
            best, fitness = child, value
    return best


def line(anchors_wh: Sequence[tuple[float, float]]) -> str:
    """As a cfg's `anchors=` has them, and as `parse` reads them."""
    return ", ".join(f"{w:g},{h:g}" for w, h in anchors_wh)


def choose(value: str, split: Split, cfg: Cfg, img_size: int, seed: int = 0, skip_broken: bool = False) -> Fit:
    """What `--anchors` means: `auto` (as many as `cfg` has, fitted to the training labels), a file, or a text."""
    sizes = box_sizes(split.read("train"), img_size, skip_broken)
    if not len(sizes):
        raise UserError(split.path, "the training pictures hold no box", "labels", "check labels/train")
    if value == "auto":
        return fit(sizes, number_of(cfg), seed=seed)
    return judge(sizes, parse(value, img_size))


def number_of(cfg: Cfg) -> int:
    """How many anchors the heads of `cfg` have between them."""
    return sum(len(head.mask) for head in cfg.yolos)


def parse(value: str, img_size: int | None = None) -> Anchors:
    """Anchors from a text such as "8,9 15,16 21,23", or from a file: of such a text, or a YAML of `detector anchors`.

    A YAML knows the input size that it was made for; its anchors are scaled to `img_size`.
    """
    path = Path(value)
    if path.suffix in (".yaml", ".yml", ".txt") or (not any(c in value for c in ", ") and path.is_file()):
        return _from_file(path, img_size)
    return _from_text(value, "--anchors")


def _from_file(path: Path, img_size: int | None) -> Anchors:
    if not path.is_file():
        raise UserError(path, "no such file", "auto, a file of anchors, or anchors such as 8,9 15,16 21,23")
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if path.suffix in (".yaml", ".yml") else None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(path, "is not a text of anchors", "a YAML of `detector anchors`, or `w,h w,h ...`") from error
    if content is None:
        return _from_text(text, str(path))
    pairs = content.get("anchors") if isinstance(content, dict) else None
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise UserError(path, "no list of pairs", "`anchors: [[w, h], ...]`", "write it by `detector anchors --out`")
    anchors = _from_text(" ".join(f"{w},{h}" for w, h in pairs), str(path))
    made_for = content.get("img_size")
    scale = img_size / made_for if img_size and isinstance(made_for, int) and made_for > 0 else 1.0
    return tuple((w * scale, h * scale) for w, h in anchors)


def _from_text(text: str, where: str) -> Anchors:
    expected = "pairs of sides in pixels, such as 8,9 15,16 21,23"
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise UserError(where, repr(text[:60]), expected) from error
    if not numbers or len(numbers) % 2:
        raise UserError(where, f"{len(numbers)} numbers", expected)
    if not all(0 < number < 1e5 for number in numbers):
        raise UserError(
            where, f"a side of {next(n for n in numbers if not 0 < n < 1e5):g} pixels", "above 0, below 100000"
        )
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
