"""The copies of one picture: decoded once, its faces dressed, each copy written with its labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation
from datatools.formats import yolo
from datatools.images import compression, decode, encode
from datatools.outputs import put
from datatools.resumable import PROGRESS, once
from generators.drawing import dress
from generators.drawing.masks import NO_OWN, Texture
from generators.drawing.overlay import Survey, survey
from generators.making.plan import Use


@dataclass(frozen=True, eq=False)
class Task:
    """One picture and its copies.  copies: number -> its uses.  stem: path of a copy without its number.

    suffix: of the copies.  sources, split: of the copies, for the manifest.
    """

    annotation: Annotation
    copies: Mapping[int, tuple[Use, ...]]
    stem: str
    suffix: str
    sources: tuple[str, ...]
    split: str = "train"


@dataclass(frozen=True)
class Naming:
    """role -> class name, and the id of each class."""

    names: Mapping[str, str]
    classes: tuple[str, ...]

    def label(self, use: Use) -> int:
        return self.classes.index(self.names[use.dress.role])


class Dresser:
    """Makes the copies of one picture; each face is surveyed once."""

    def __init__(
        self, pixels: NDArray, annotation: Annotation, naming: Naming, wardrobe: Mapping[str, Texture] = NO_OWN
    ) -> None:
        self.pixels, self.annotation, self.naming, self.wardrobe = pixels, annotation, naming, wardrobe
        self._seen: dict[int, Survey] = {}

    def dressed(self, uses: tuple[Use, ...]) -> tuple[NDArray, Annotation]:
        """One copy: (its pixels (H, W, 3) uint8, its boxes).  No pixel inside the other boxes is changed."""
        a, canvas = self.annotation, self.pixels.copy()
        xyxy, labels = a.xyxy.copy(), a.labels.copy()
        for use in uses:
            keep = np.delete(a.xyxy, use.box, axis=0)
            patch = dress.put_on(canvas, use.face, use.dress, keep, self.wardrobe, self._survey(use))
            if use.dress.role != "none" and patch.seen_xyxy is None:
                raise AssertionError(f"{a.id}, copy {use.copy}, box {use.box}: nothing is seen of the {use.dress.mode}")
            patch.onto(canvas)
            labels[use.box] = self.naming.label(use)
            xyxy[use.box] = dress.box_after(xyxy[use.box], use.dress, patch, a.size_wh)
        return canvas, replace(a, xyxy=xyxy, labels=labels)

    def _survey(self, use: Use) -> Survey:
        """What the photograph, before anything was drawn, says of a face."""
        if use.box not in self._seen:
            self._seen[use.box] = survey(self.pixels, use.face)
        return self._seen[use.box]


def write_copies(
    task: Task, naming: Naming, seed: int, folder: Path, wardrobe: Mapping[str, Texture] = NO_OWN
) -> dict[str, list]:
    """Write a task's copies; returns what the manifest and the list of faces say of them."""
    mark = folder / PROGRESS / f"{PurePosixPath(task.stem).name}.json"
    return once(mark, lambda: _written(task, naming, seed, folder, wardrobe))


def _written(task: Task, naming: Naming, seed: int, folder: Path, wardrobe: Mapping[str, Texture]) -> dict[str, list]:
    a = task.annotation
    dresser = Dresser(decode(a.path), a, naming, wardrobe)
    like = compression(a.path) if task.suffix == ".jpg" else None
    said: dict[str, list] = {"pictures": [], "faces": []}
    for number, uses in task.copies.items():
        target = f"{task.stem}{number:03d}{task.suffix}"
        canvas, copy = dresser.dressed(uses)
        put(folder / target, encode(canvas, task.suffix, like=like))
        put(folder / yolo.label_path(target), yolo.text_of(copy))
        faces = [{"box": u.box, "class": naming.names[u.dress.role], **u.dress.as_dict()} for u in uses]
        entry = {"image": target, "split": task.split, "sources": list(task.sources), "recipe": "synthetic"}
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
