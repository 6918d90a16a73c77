"""The public face-mask-detection set, downloaded with kagglehub into the folder for raw data.

853 photographs (PNG) with Pascal VOC XML, CC0.  kagglehub keeps its own copy in its cache; ours is a plain copy of
`images/` and `annotations/`, put in place in one step and counted against the published numbers.
Source: https://www.kaggle.com/datasets/andrewmvd/face-mask-detection
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from datatools import outputs, raw
from datatools.display import grid
from datatools.errors import UserError

HANDLE = "andrewmvd/face-mask-detection"
URL = f"https://www.kaggle.com/datasets/{HANDLE}"
PICTURES = 853
BOXES = {"mask_weared_incorrect": 123, "with_mask": 3232, "without_mask": 717}
FOLDERS = ("images", "annotations")


class FetchError(UserError):
    """The data set cannot be downloaded, or what came is not it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came.  boxes: class -> number."""

    pictures: int
    boxes: Mapping[str, int]

    @property
    def as_published(self) -> bool:
        return self.pictures == PICTURES and dict(self.boxes) == BOXES


def fetch(out: Path, *, overwrite: bool = False, quiet: bool = False) -> Fetched:
    """Download the set and put it into `out`, all or nothing.

    Raises FetchError without kagglehub, without a network, or where the download holds something else;
    OutputError where something of the user's would be lost.
    """
    raw.refuse_overwrite(out, overwrite=overwrite)
    source = _downloaded(out)
    files = [(folder, path) for folder in FOLDERS for path in _files(source, folder)]
    with outputs.staged(out) as staging:
        for folder, path in files:
            outputs.place(path, staging / folder / path.name, "copy")
        outputs.put(staging / outputs.MANIFEST, "".join(_line(p.name) for folder, p in files if folder == "images"))
        for name, data in raw.kept(out):
            outputs.put(staging / name, data)
        return _counted(staging, quiet)


def _downloaded(out: Path) -> Path:
    """Folder that kagglehub put the set into.  Whatever it prints goes to stderr."""
    try:
        import kagglehub
    except ImportError:
        raise FetchError(
            "kagglehub", "is not installed", remedy='pip install "balanced-detection[kaggle]", or ' + _by_hand(out)
        ) from None
    try:
        with redirect_stdout(sys.stderr):
            return Path(kagglehub.dataset_download(HANDLE))
    except Exception as error:  # whatever a network and a foreign library can do, the way out is the same
        said = " ".join(str(error).split())[:160]
        raise FetchError(HANDLE, f"cannot be downloaded ({type(error).__name__}: {said})", "", _by_hand(out)) from error


def _by_hand(out: Path) -> str:
    return f"download {URL} by hand and unpack it, so that there are {out / 'images'} and {out / 'annotations'}"


def _files(source: Path, folder: str) -> list[Path]:
    found = sorted((source / folder).iterdir()) if (source / folder).is_dir() else []
    if not found:
        raise FetchError(source, f"the download holds no {folder}/", "images/ and annotations/", f"see {URL}")
    return [path for path in found if path.is_file()]


def _line(name: str) -> str:
    return json.dumps({"image": f"images/{name}", "sources": [URL], "recipe": "fetch"}, ensure_ascii=False) + "\n"


def _counted(folder: Path, quiet: bool) -> Fetched:
    from datatools import formats

    dataset = formats.read(folder, "voc", quiet=quiet).dataset
    boxes = dict(zip(dataset.classes, dataset.counts().tolist(), strict=True))
    return Fetched(sum(1 for _ in (folder / "images").iterdir()), boxes)


def report(fetched: Fetched, out: Path) -> tuple[str, dict]:
    """A table beside the published numbers, and the same as one JSON object."""
    names = sorted({*BOXES, *fetched.boxes})
    rows = [["pictures", str(fetched.pictures), str(PICTURES)]]
    rows += [[name, str(fetched.boxes.get(name, 0)), str(BOXES.get(name, 0))] for name in names]
    verdict = "as published" if fetched.as_published else f"NOT as published: compare with {URL} before you rely on it"
    text = f"wrote {out}: {verdict}\n\n{grid(['', 'here', 'published'], rows, '<>>')}"
    data = {
        "out": str(out),
        "source": URL,
        "images": fetched.pictures,
        "boxes": dict(fetched.boxes),
        "as_published": fetched.as_published,
    }
    return text, data
