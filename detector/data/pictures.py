"""The only place in `detector` that decodes pictures: RGB uint8, EXIF orientation applied, whole or refused.

PIL reads, since it raises where a file is cut off and OpenCV does not. Limit: 170 megapixels, so that a
decompression bomb is refused before it is unpacked.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from detector.boxes import Letterbox
from detector.errors import DataError

MAX_PIXELS = 170_000_000
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")  # Pillow knows more, some of which run other programs
ORIENTATION = 0x0112  # EXIF: 5 to 8 stand for a quarter turn
GREY = 114  # what pads a letterbox, as in the YOLO family


@contextmanager
def _opened(path: Path, content: bytes | None = None, most: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """The picture, its header read. What is wrong with it, then or in the block, becomes a DataError with its name.

    content: the file's bytes, where there is no file but a name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(path if content is None else io.BytesIO(content), formats=FORMATS)
        with opened as picture:
            if picture.width * picture.height > most:
                raise DataError(path, f"{picture.width} x {picture.height} pixels", f"at most {most}")
            yield picture
    except FileNotFoundError as error:
        raise DataError(path, "no such picture", "a JPEG, PNG, BMP, WebP or TIFF file") from error
    except UnidentifiedImageError as error:
        size = path.stat().st_size if content is None else len(content)
        raise DataError(path, f"not a picture ({size} bytes)", "a JPEG, PNG, BMP, WebP or TIFF file") from error
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        if isinstance(error, PermissionError | IsADirectoryError):
            raise
        raise DataError(path, f"broken picture ({error})", "a whole file", "replace or remove it") from error


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8, RGB. Raises DataError, naming the file, unless all of it can be read."""
    with _opened(path) as picture:
        return np.asarray(_rgb(ImageOps.exif_transpose(picture)))


def decode_picture(content: bytes, name: str, most: int) -> np.ndarray:
    """The same of a picture's bytes, called `name` in errors, which may have up to `most` pixels."""
    with _opened(Path(name), content, most) as picture:
        return np.asarray(_rgb(ImageOps.exif_transpose(picture)))


def measure(path: Path) -> tuple[int, int]:
    """Width and height, EXIF orientation applied, from the header alone. Raises DataError where there is none."""
    with _opened(path) as picture:
        turned = picture.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
        return (picture.height, picture.width) if turned else picture.size


def _rgb(picture: Image.Image) -> Image.Image:
    """Three channels of eight bits; 16-bit grey is scaled, which Pillow's own conversion would cut off at 255."""
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture, dtype=np.uint32) // 257).astype(np.uint8))
    return picture.convert("RGB")


def shrink(picture: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 3) scaled so that its longer edge is `side`: the inside of a letterbox."""
    height, width = picture.shape[:2]
    inner = Letterbox((width, height), side).inner_wh
    if inner == (width, height):
        return picture
    how = cv2.INTER_AREA if inner[0] < width else cv2.INTER_LINEAR
    return cv2.resize(picture, inner, interpolation=how)


def pad(inner: np.ndarray, side: int) -> np.ndarray:
    """(h, w, 3) with an edge of `side` to (side, side, 3), centred as `Letterbox` says, grey around it."""
    height, width = inner.shape[:2]
    square = np.full((side, side, 3), GREY, dtype=np.uint8)
    left, top = (side - width) // 2, (side - height) // 2
    square[top : top + height, left : left + width] = inner
    return square
