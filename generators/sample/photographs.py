"""The photographs that dependencies bring along: which, whose, under which licence, and how they are opened.

Found by file path in the installed packages, without importing them and without a network.  Each licence is what the
package's own documentation of the picture says.  Left out on purpose: scikit-image's `camera` (a man whose face would
stand there without a box), `moon` (no licence is stated) and the Middlebury motorcycle (no free licence is stated).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from numpy.typing import NDArray

from datatools.errors import PictureError

_SKIMAGE = ("skimage", "scikit-image", "data")
_MATPLOTLIB = ("matplotlib", "matplotlib", "mpl-data/sample_data")


@dataclass(frozen=True, slots=True)
class Photograph:
    """place: module, distribution and folder that hold `file`.  tints: RGB gains that make a grey texture coloured.

    region: xyxy of the part that is used, pixels; all of it where empty.
    """

    name: str
    place: tuple[str, str, str]
    file: str
    shows: str
    licence: str
    source: str
    region: tuple[int, int, int, int] | tuple[()] = ()
    tints: tuple[tuple[float, float, float], ...] = ((1.0, 1.0, 1.0),)


PORTRAITS = (
    Photograph(
        "astronaut",
        _SKIMAGE,
        "astronaut.png",
        "Eileen Collins, astronaut",
        "public domain, no known copyright restrictions (NASA)",
        "NASA Great Images database, https://flic.kr/p/r9qvLn",
    ),
    Photograph(
        "grace_hopper",
        _MATPLOTLIB,
        "grace_hopper.jpg",
        "Commodore Grace M. Hopper, computer scientist",
        "public domain (US Navy, a work of the federal government)",
        "https://commons.wikimedia.org/wiki/File:Grace_Hopper.jpg",
    ),
)
BACKGROUNDS = (
    Photograph(
        "coffee",
        _SKIMAGE,
        "coffee.png",
        "a cup of coffee on a table",
        "CC0 by the photographer, Rachel Michetti",
        "courtesy of Pikolo Espresso Bar",
    ),
    Photograph(
        "chelsea",
        _SKIMAGE,
        "chelsea.png",
        "Chelsea the cat",
        "CC0 by the photographer, Stefan van der Walt",
        "scikit-image",
    ),
    Photograph(
        "rocket",
        _SKIMAGE,
        "rocket.jpg",
        "launch of DSCOVR",
        "public domain, released by SpaceX",
        "https://www.flickr.com/photos/spacexphotos/16511594820",
    ),
    Photograph(
        "clock",
        _SKIMAGE,
        "clock_motion.png",
        "a wall clock, blurred by motion",
        "public domain, released by the photographer, Stefan van der Walt",
        "scikit-image",
        tints=((1.0, 1.0, 1.0), (1.1, 1.0, 0.85), (0.85, 1.0, 1.1)),
    ),
    Photograph(
        "brick",
        _SKIMAGE,
        "brick.png",
        "a brick wall",
        "CC0",
        "CC0Textures, https://cc0textures.com/view.php?tex=Bricks25",
        tints=((1.0, 1.0, 1.0), (1.25, 0.85, 0.7)),
    ),
    Photograph(
        "grass",
        _SKIMAGE,
        "grass.png",
        "grass",
        "CC0",
        "DeviantArt, https://www.deviantart.com/linolafett/art/Grass-01-434853879",
        tints=((0.8, 1.05, 0.55), (0.95, 1.0, 0.6)),
    ),
    Photograph(
        "gravel",
        _SKIMAGE,
        "gravel.png",
        "gravel",
        "CC0",
        "CC0Textures, https://cc0textures.com/view.php?tex=Gravel04",
        tints=((1.0, 1.0, 1.0), (1.1, 1.0, 0.85)),
    ),
    Photograph(
        "backdrop",
        _MATPLOTLIB,
        "grace_hopper.jpg",
        "the blue studio backdrop beside Grace Hopper",
        "public domain (US Navy, a work of the federal government)",
        "https://commons.wikimedia.org/wiki/File:Grace_Hopper.jpg",
        region=(384, 0, 512, 330),
        tints=((1.0, 1.0, 1.0), (1.3, 1.05, 0.75), (1.25, 1.05, 0.9)),
    ),
)
PHOTOGRAPHS = {photograph.name: photograph for photograph in (*PORTRAITS, *BACKGROUNDS)}


def path_of(photograph: Photograph) -> Path:
    """Where the file is.  Raises PictureError, naming the package, where it is not there."""
    module, distribution, folder = photograph.place
    spec = find_spec(module)
    root = Path(spec.origin).parent if spec and spec.origin else Path(module)
    path = root / folder / photograph.file
    if not path.is_file():
        raise PictureError(
            path,
            f"no such picture, and the package {distribution} should bring it",
            remedy=f"install it again: pip install --force-reinstall {distribution}",
        )
    return path


@lru_cache(maxsize=16)
def load(name: str) -> NDArray:
    """The part of a photograph that is used, (H, W, 3) uint8 RGB, read-only.  name: a key of PHOTOGRAPHS."""
    from datatools.images import decode

    photograph = PHOTOGRAPHS[name]
    pixels = decode(path_of(photograph))
    if photograph.region:
        x1, y1, x2, y2 = photograph.region
        pixels = pixels[y1:y2, x1:x2]
    pixels.setflags(write=False)
    return pixels
