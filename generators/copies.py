"""The copies of one picture: decoded once, its faces dressed, each copy written with its labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation, clip_boxes
from datatools.formats import yolo
from datatools.images import compression, decode, encode
from datatools.outputs import put
from datatools.resumable import PROGRESS, once
from generators import dress
from generators.plan import Use


@dataclass(frozen=True, eq=False)
class Task:
    """One picture and its copies.  copies: number -> its uses.  stem: path of a copy without its number.

    suffix: of the copies.  sources: of the copies, for the manifest.
    """

    annotation: Annotation
    copies: Mapping[int, tuple[Use, ...]]
    stem: str
    suffix: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Naming:
    """role -> class name, and the id of each class."""

    names: Mapping[str, str]
    classes: tuple[str, ...]

    def label(self, use: Use) -> int:
        return self.classes.index(self.names[use.dress.role])


def dressed(
    pixels: NDArray, annotation: Annotation, uses: tuple[Use, ...], naming: Naming
) -> tuple[NDArray, Annotation]:
    """One copy: (its pixels (H, W, 3) uint8, its boxes).  No pixel inside the other boxes is changed."""
    canvas = pixels.copy()
    xyxy, labels = annotation.xyxy.copy(), annotation.labels.copy()
    for use in uses:
        patch = dress.put_on(canvas, use.face, use.dress, np.delete(annotation.xyxy, use.box, axis=0))
        patch.onto(canvas)
        labels[use.box] = naming.label(use)
        if use.dress.role != "none":
            xyxy[use.box] = _grown(xyxy[use.box], patch.seen_xyxy, annotation, use)
    return canvas, replace(annotation, xyxy=xyxy, labels=labels)


def _grown(box: NDArray, seen: NDArray | None, annotation: Annotation, use: Use) -> NDArray:
    if seen is None:
        raise AssertionError(f"{annotation.id}, copy {use.copy}, box {use.box}: nothing is seen of the mask")
    both = np.concatenate([np.minimum(box[:2], seen[:2]), np.maximum(box[2:], seen[2:])])
    return clip_boxes(both[None], annotation.size_wh)[0]


def write_copies(task: Task, naming: Naming, seed: int, folder: Path) -> dict[str, list]:
    """Write a task's copies; returns what the manifest and the list of faces say of them."""
    mark = folder / PROGRESS / f"{PurePosixPath(task.stem).name}.json"
    return once(mark, lambda: _written(task, naming, seed, folder))


def _written(task: Task, naming: Naming, seed: int, folder: Path) -> dict[str, list]:
    a = task.annotation
    pixels = decode(a.path)
    like = compression(a.path) if task.suffix == ".jpg" else None
    said: dict[str, list] = {"pictures": [], "faces": []}
    for number, uses in task.copies.items():
        target = f"{task.stem}{number:03d}{task.suffix}"
        canvas, copy = dressed(pixels, a, uses, naming)
        put(folder / target, encode(canvas, task.suffix, like=like))
        put(folder / yolo.label_path(target), yolo.text_of(copy))
        faces = [{"box": u.box, "class": naming.names[u.dress.role], **u.dress.as_dict()} for u in uses]
        entry = {"image": target, "split": "train", "sources": list(task.sources), "recipe": "synthetic"}
        said["pictures"].append({**entry, "copy": number, "seed": seed, "faces": faces})
        said["faces"] += _face_lines(target, a, copy, uses)
    return said


def _face_lines(target: str, before: Annotation, after: Annotation, uses: tuple[Use, ...]) -> Iterator[dict]:
    for use in uses:
        yield {
            "image": target,
            "source": use.id,
            "box": use.box,
            "landmarks": np.round(use.face.points, 2).tolist(),
            "spread": round(use.face.spread, 5),
            **use.dress.as_dict(),
            "checks": list(dress.FAULTS),
            "before": np.round(before.xyxy[use.box], 2).tolist(),
            "after": np.round(after.xyxy[use.box], 2).tolist(),
        }
