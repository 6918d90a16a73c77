"""Makers of small data sets, each small enough to check by hand, and the command line run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from PIL import Image

from datatools.core import Dataset

CLASSES = ("cat", "red dog & <co>")
# the same three pictures of 40×30 pixels in every format: boxes of a class as xyxy pixels
ANSWER = {
    "a": [("cat", (4.0, 6.0, 24.0, 18.0)), ("red dog & <co>", (0.0, 0.0, 40.0, 30.0))],
    "b c": [("cat", (10.5, 3.0, 20.5, 13.0))],
    "한글😀": [],
}
YOLO_TEXT = {
    "a": "0 0.35 0.4 0.5 0.4\n1 0.5 0.5 1 1\n",
    "b c": "0 0.3875 0.26666667 0.25 0.33333333\n",
    "한글😀": "",
}
PICTURES = {"a": "a.jpg", "b c": "b c.png", "한글😀": "한글😀.jpg"}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error of the user's; fails unless the command ended with exactly that."""
        lines = self.err.splitlines()
        assert self.code == 1 and len(lines) == 1 and lines[0].startswith("error: "), (self.code, self.err)
        return lines[0].removeprefix("error: ")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """`datatools` with arguments, in this process, in `tmp_path`."""
    from datatools.cli import datatools
    from datatools.exits import run

    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Ended:
        capsys.readouterr()
        code = run(datatools, [str(a) for a in args])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


def noise(path: Path, size_wh: tuple[int, int] = (40, 30), seed: int | None = None, mode: str = "RGB", **save) -> Path:
    """A picture of coarse noise: no two seeds are near-duplicates.  seed: by default from the file's name."""
    w, h = size_wh
    rng = np.random.default_rng(list(path.name.encode()) if seed is None else seed)
    small = rng.integers(0, 256, (18, 17, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize((w, h), Image.Resampling.BICUBIC).convert(mode).save(path, **save)
    return path


def put(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def voc_xml(
    objects: Sequence[tuple[str, Sequence[object]]] = (),
    size_wh: tuple[object, object] | None = (40, 30),
    name: str = "a.jpg",
    extra: str = "",
) -> str:
    size = f"<size><width>{size_wh[0]}</width><height>{size_wh[1]}</height><depth>3</depth></size>" if size_wh else ""
    boxes = "".join(
        f"\n<object><name>{escape(label)}</name>{extra}<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for label, (x1, y1, x2, y2) in objects
    )
    return f"<annotation><filename>{escape(name)}</filename>{size}{boxes}\n</annotation>\n"


def _voc(root: Path) -> None:
    for stem, file in PICTURES.items():
        noise(root / "images" / file)
        put(root / "annotations" / f"{stem}.xml", voc_xml(ANSWER[stem], name=file))


def _yolo(root: Path) -> None:
    for stem, file in PICTURES.items():
        noise(root / file)
        put(root / f"{stem}.txt", YOLO_TEXT[stem])
    put(root / "classes.txt", "".join(f"{name}\n" for name in CLASSES))


def _ultralytics(root: Path) -> None:
    """As Roboflow exports it: `../train/images`, and the validation split is called valid."""
    for stem, file in PICTURES.items():
        side = "valid" if stem == "b c" else "train"
        noise(root / side / "images" / file)
        put(root / side / "labels" / f"{stem}.txt", YOLO_TEXT[stem])
    names = json.dumps(list(CLASSES))
    put(root / "data.yaml", f"train: ../train/images\nval: ../valid/images\nnc: 2\nnames: {names}\n")


def _darknet(root: Path) -> None:
    """With lists that another machine wrote."""
    for stem, file in PICTURES.items():
        noise(root / "obj" / file)
        put(root / "obj" / f"{stem}.txt", YOLO_TEXT[stem])
    put(root / "obj.names", "".join(f"{name}\n" for name in CLASSES))
    lists = "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n"
    put(root / "obj.data", lists)
    put(root / "train.txt", "/home/kim/darknet/data/obj/a.jpg\nC:\\kim\\data\\obj\\한글😀.jpg\n")
    put(root / "valid.txt", "data/obj/b c.png\n")


def _coco(root: Path) -> None:
    images, objects = [], []
    for k, (stem, file) in enumerate(PICTURES.items(), 7):
        noise(root / "images" / file)
        images.append({"id": k, "file_name": file, "width": 40, "height": 30})
        for label, (x1, y1, x2, y2) in ANSWER[stem]:
            entry = {"id": len(objects), "image_id": k, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0}
            objects.append(entry | {"category_id": {"cat": 3, "red dog & <co>": 90}[label]})
    categories = [{"id": 90, "name": "red dog & <co>"}, {"id": 3, "name": "cat"}]
    document = {"images": images, "annotations": objects, "categories": categories}
    put(root / "annotations" / "all.json", json.dumps(document))


def _createml(root: Path) -> None:
    entries = []
    for stem, file in PICTURES.items():
        noise(root / file)
        objects = [
            {
                "label": label,
                "coordinates": {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1},
            }
            for label, (x1, y1, x2, y2) in ANSWER[stem]
        ]
        entries.append({"image": file, "annotations": objects})
    put(root / "_annotations.createml.json", json.dumps(entries, ensure_ascii=False))


MAKERS = {
    "voc": _voc,
    "yolo": _yolo,
    "ultralytics": _ultralytics,
    "darknet": _darknet,
    "coco": _coco,
    "createml": _createml,
}


def said_of(dataset: Dataset, digits: int = 3) -> dict[str, list]:
    """Stem of each picture -> its boxes as (class, rounded corners), in order."""
    return {
        a.id.rsplit("/", 1)[-1].removeprefix("obj__"): [
            (dataset.classes[label], tuple(round(v, digits) for v in box))
            for label, box in zip(a.labels.tolist(), a.xyxy.tolist(), strict=True)
        ]
        for a in dataset.annotations
    }


class Makers:
    """What the tests of this room build data sets from."""

    formats = tuple(MAKERS)
    answer = ANSWER
    classes = CLASSES
    noise = staticmethod(noise)
    put = staticmethod(put)
    voc_xml = staticmethod(voc_xml)
    said_of = staticmethod(said_of)

    @staticmethod
    def source(name: str, root: Path) -> Path:
        """The three pictures of ANSWER in a format."""
        MAKERS[name](root)
        return root

    @staticmethod
    def voc(root: Path, **pictures: Sequence[tuple[str, Sequence[float]]]) -> Path:
        """root/images/NAME.jpg and root/annotations/NAME.xml for each NAME=[(class, corners), ...]."""
        for stem, objects in pictures.items():
            noise(root / "images" / f"{stem}.jpg")
            put(root / "annotations" / f"{stem}.xml", voc_xml(objects, name=f"{stem}.jpg"))
        return root

    @staticmethod
    def tree(folder: Path) -> dict[str, bytes]:
        """Every file below a folder, with its bytes."""
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def make() -> type[Makers]:
    return Makers


@pytest.fixture
def refused(cli, make, tmp_path):
    """Convert `raw`, which must fail as bad input does; returns the message."""

    def call(*args: object) -> str:
        before = make.tree(tmp_path / "raw")
        message = cli("convert", *args).error
        assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())
        assert make.tree(tmp_path / "raw") == before, "the source was touched"
        return message

    return call


@pytest.fixture
def skipped(cli, make, tmp_path):
    """Convert `raw` with --on-error skip; returns (what was left out, the pictures that came through)."""

    def call(*args: object) -> tuple[list[str], list[str]]:
        ended = cli("convert", "--on-error", "skip", "--json", "--split", "none", *args)
        assert (ended.code, ended.err) == (0, "")
        there = sorted(p.stem for p in (tmp_path / "data/yolo/images/train").iterdir())
        return [line for line in json.loads(ended.out)["done"] if line.startswith("left out")], there

    return call
