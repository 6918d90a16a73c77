"""Run a trained network on pictures: boxes drawn, as JSON, as YOLO label files.

Everything goes into one new folder: `<name>` of each picture with its boxes, `labels/<stem>.txt` on request,
`detections.json` on request. Names in it come from the pictures' own names and never lead out of it; where two
pictures would collide, the later gets `-2`, `-3`, ... A picture that cannot be read stops the run, or, if the user
says so, is skipped and counted.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from detector.atomic import write_atomically
from detector.boxes import Letterbox
from detector.data.pictures import pad, read_picture, shrink
from detector.data.split import SUFFIXES
from detector.detecting.draw import draw_boxes
from detector.detecting.inference import Thresholds, as_runtime, detect_batch
from detector.detecting.runtime import Runtime
from detector.errors import DataError
from detector.judging.average_precision import Found
from detector.network.model import Darknet


@dataclass(frozen=True)
class Seen:
    """A picture and what was found in it, in its own pixels."""

    path: Path
    size_wh: tuple[int, int]
    found: Found

    def as_json(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """path, width, height, and boxes: xyxy pixels, class, score; best first."""
        rows = zip(self.found.xyxy, self.found.classes, self.found.scores, strict=True)
        boxes = [
            {"xyxy": [round(float(v), 2) for v in xyxy], "class": classes[int(c)], "score": round(float(score), 5)}
            for xyxy, c, score in rows
        ]
        return {"path": str(self.path), "width": self.size_wh[0], "height": self.size_wh[1], "boxes": boxes}

    def as_yolo(self) -> str:
        """`class cx cy w h` lines, shares of the picture."""
        boxes = self.found.xyxy / np.tile(self.size_wh, 2)
        middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        rows = zip(self.found.classes, np.concatenate((middle, size), axis=1), strict=True)
        return "".join(f"{int(c)} {' '.join(f'{v:.6f}' for v in row)}\n" for c, row in rows)


@dataclass(frozen=True)
class Summary:
    """What a run did: `skipped` are the pictures that could not be read, with the reason."""

    folder: Path
    seen: tuple[Seen, ...]
    skipped: tuple[str, ...]


def find_pictures(source: Path) -> list[Path]:
    """The picture `source`, or every picture in that folder and below, sorted. Links to folders are not followed."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(source, "no such file or folder", "a picture, or a folder of pictures")
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise DataError(source, "no pictures", f"at least one of {' '.join(SUFFIXES)}")
    return found


def look(run: Runtime, path: Path, side: int, how: Thresholds) -> tuple[Seen, np.ndarray]:
    """Detect in one picture file; returns what was found and the picture, (H, W, 3) uint8."""
    picture = read_picture(path)
    size_wh = (picture.shape[1], picture.shape[0])
    return Seen(path, size_wh, found_in(run, picture, side, how)), picture


def found_in(run: Runtime, picture: np.ndarray, side: int, how: Thresholds) -> Found:
    """What is found in a picture, (H, W, 3) uint8, RGB; boxes in its own pixels."""
    # Divided by numpy, in one thread: for so little, waiting for torch's threads takes longer on a busy machine.
    square = np.divide(pad(shrink(picture, side), side), np.float32(255), dtype=np.float32)
    ready = torch.from_numpy(square).permute(2, 0, 1)[None].to(run.device)
    return detect_batch(run, ready, [Letterbox((picture.shape[1], picture.shape[0]), side)], how)[0]


def detect(
    model: Darknet | Runtime,
    classes: tuple[str, ...],
    pictures: list[Path],
    side: int,
    how: Thresholds,
    folder: Path,
    *,
    txt: bool = False,
    skip_broken: bool = False,
    progress: Callable[[list[Path]], Iterator[Path]] = iter,
) -> Summary:
    """Detect in `pictures` and write into `folder`, which is there. Raises DataError at a broken picture."""
    run = as_runtime(model)
    names = _names(pictures)
    seen, skipped = [], []
    for path in progress(pictures):
        try:
            one, picture = look(run, path, side, how)
        except DataError as error:
            if not skip_broken:
                raise
            skipped.append(str(error))
            continue
        seen.append(one)
        drawn = draw_boxes(picture, one.found.xyxy, one.found.classes, classes, one.found.scores)
        write_atomically(folder / names[path], _encode(drawn, names[path]))
        if txt:
            (folder / "labels").mkdir(exist_ok=True)
            write_atomically(folder / "labels" / f"{Path(names[path]).stem}.txt", one.as_yolo().encode())
    content = json.dumps([one.as_json(classes) for one in seen], ensure_ascii=False, indent=1)
    write_atomically(folder / "detections.json", content.encode())
    return Summary(folder, tuple(seen), tuple(skipped))


def _names(pictures: list[Path]) -> dict[Path, str]:
    """A file name a picture; unlike in their stems too, without regard to case, since label files have only those."""
    taken: set[str] = set()
    names: dict[Path, str] = {}
    for path in pictures:
        suffix = path.suffix if path.suffix.lower() in SUFFIXES else ".png"
        stem, number = path.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem}-{number}"
        taken.add(stem.casefold())
        names[path] = stem + suffix
    return names


def _encode(picture: np.ndarray, name: str) -> bytes:
    stream = io.BytesIO()
    kind = Image.registered_extensions()[Path(name).suffix.lower()]
    Image.fromarray(picture).save(stream, format=kind, **({"quality": 95} if kind in ("JPEG", "WEBP") else {}))
    return stream.getvalue()
