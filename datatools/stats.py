"""Dataset -> counts: how many pictures and boxes of each class, how large, how they come together.  Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation, Dataset, class_counts

SMALL_PX = (16, 32, 96)  # 32 and 96 are COCO's limits of small and large; faces in crowds are under 16

FAR_PX = 1e9  # a corner beyond is no corner of a picture: `check` finds it, and sides and areas stay finite


@dataclass(frozen=True, slots=True)
class SplitStatistics:
    """images; negatives: images without a box; boxes: (C,) a class; per_image: (images,) boxes in each.

    sides: (N,) square root of each box's area in pixels, labels: (N,) beside it.
    together: (C, C) pictures that hold both classes; the diagonal: pictures that hold the class.
    """

    name: str
    images: int
    negatives: int
    boxes: NDArray
    per_image: NDArray
    sides: NDArray
    labels: NDArray
    together: NDArray

    def imbalance(self) -> float:
        """Most boxes of a class over fewest; inf where a class has none, nan where there are no boxes."""
        low, high = (int(self.boxes.min()), int(self.boxes.max())) if len(self.boxes) else (0, 0)
        return float("nan") if high == 0 else high / low if low else float("inf")

    def imbalance_text(self) -> str:
        ratio = self.imbalance()
        return "no boxes" if ratio != ratio else "a class has no box" if ratio == float("inf") else f"{ratio:.4g} : 1"


@dataclass(frozen=True, slots=True)
class Statistics:
    """splits: one for each split of the data set, in order.  total: all of them together."""

    classes: tuple[str, ...]
    splits: tuple[SplitStatistics, ...]
    total: SplitStatistics


def statistics(dataset: Dataset) -> Statistics:
    """Counts of every split and of the whole."""
    n = len(dataset.classes)
    splits = tuple(_of(name or "all", dataset.of_split(name), n) for name in dataset.split_names())
    return Statistics(dataset.classes, splits, _of("total", dataset.annotations, n))


def _of(name: str, annotations: Sequence[Annotation], n_classes: int) -> SplitStatistics:
    boxes = np.concatenate([a.xyxy for a in annotations]) if annotations else np.zeros((0, 4))
    boxes = boxes.clip(-FAR_PX, FAR_PX)
    labels = np.concatenate([a.labels for a in annotations]) if annotations else np.zeros(0, int)
    sides = np.sqrt(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))
    holds = np.zeros((len(annotations), n_classes), dtype=np.int64)
    for row, a in zip(holds, annotations, strict=True):
        row[a.labels] = 1
    per_image = np.array([len(a) for a in annotations], dtype=np.int64)
    counts = class_counts(annotations, n_classes)
    negatives = int((per_image == 0).sum())
    return SplitStatistics(name, len(annotations), negatives, counts, per_image, sides, labels, holds.T @ holds)


def as_json(s: Statistics) -> dict:
    """One object: classes, splits by name, total; numbers that do not exist are null."""
    total = _split_json(s.total, s.classes)
    return {"classes": list(s.classes), "splits": {p.name: _split_json(p, s.classes) for p in s.splits}, "total": total}


def _split_json(p: SplitStatistics, classes: Sequence[str]) -> dict:
    count = max(int(p.boxes.sum()), 1)
    ratio = p.imbalance()
    return {
        "images": p.images,
        "negatives": p.negatives,
        "boxes": dict(zip(classes, p.boxes.tolist(), strict=True)),
        "boxes_total": int(p.boxes.sum()),
        "share": {name: n / count for name, n in zip(classes, p.boxes.tolist(), strict=True)},
        "imbalance_ratio": ratio if np.isfinite(ratio) else None,
        "boxes_per_image": _spread(p.per_image),
        "box_side_px": {name: _sizes(p.sides[p.labels == k]) for k, name in enumerate(classes)},
        "images_with": {a: {b: int(p.together[i, j]) for j, b in enumerate(classes)} for i, a in enumerate(classes)},
    }


def _spread(values: NDArray) -> dict | None:
    if not len(values):
        return None
    return {"mean": float(values.mean()), "median": float(np.median(values)), "max": float(values.max())}


def _sizes(sides: NDArray) -> dict | None:
    if not len(sides):
        return None
    deciles = np.percentile(sides, np.arange(10, 100, 10)).round(2).tolist()
    under = {f"under_{px}": float((sides < px).mean()) for px in SMALL_PX}
    return {"median": float(np.median(sides)), "deciles": deciles, **under}


def as_table(s: Statistics, width: int = 30) -> str:
    """Tables and a bar histogram for a terminal of 80 columns and more."""
    from datatools.display import bar, grid

    parts = []
    for p in (*s.splits, s.total) if len(s.splits) > 1 else (s.total,):
        count = max(int(p.boxes.sum()), 1)
        peak = max(int(p.boxes.max(initial=0)), 1)
        rows = [
            (n, f"{k}", f"{k / count:.1%}", bar(k / peak, width))
            for n, k in zip(s.classes, p.boxes.tolist(), strict=True)
        ]
        title = f"{p.name}: {p.images} images ({p.negatives} without boxes), {int(p.boxes.sum())} boxes"
        title += f", imbalance {p.imbalance_text()}"
        parts.append(f"{title}\n{grid(('class', 'boxes', 'share', ''), rows, '<>><')}")
    parts.append(_size_table(s))
    parts.append(_together_table(s))
    return "\n\n".join(part for part in parts if part)


def _size_table(s: Statistics) -> str:
    from datatools.display import grid

    rows = []
    for k, name in enumerate(s.classes):
        sides = s.total.sides[s.total.labels == k]
        if len(sides):
            low, median, high = np.percentile(sides, (10, 50, 90))
            shares = [f"{(sides < px).mean():.0%}" for px in SMALL_PX]
            rows.append((name, f"{low:.0f}", f"{median:.0f}", f"{high:.0f}", *shares))
    head = ("box side, px", "p10", "median", "p90", *(f"< {px}" for px in SMALL_PX))
    per = s.total.per_image
    tail = (
        f"\nboxes per image: median {np.median(per):.0f}, mean {per.mean():.1f}, most {per.max()}" if len(per) else ""
    )
    return grid(head, rows, "<" + ">" * (len(head) - 1)) + tail if rows else ""


def _together_table(s: Statistics) -> str:
    from datatools.display import grid

    rows = [(name, *map(str, s.total.together[k].tolist())) for k, name in enumerate(s.classes)]
    return grid(("images that hold both", *s.classes), rows, "<" + ">" * len(s.classes)) if len(rows) > 1 else ""


def as_frame(s: Statistics):
    """One row a split and class, as a pandas DataFrame."""
    import pandas as pd

    rows = []
    for p in (*s.splits, s.total):
        said = _split_json(p, s.classes)
        for name in s.classes:
            size = said["box_side_px"][name] or {}
            row = {"split": p.name, "class": name, "boxes": said["boxes"][name], "share": said["share"][name]}
            row["images"] = said["images_with"][name][name]
            rows.append(
                row
                | {"median_side_px": size.get("median"), **{f"under_{px}": size.get(f"under_{px}") for px in SMALL_PX}}
            )
    return pd.DataFrame(rows)
