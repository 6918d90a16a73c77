"""The only place that decodes, measures, hashes and encodes pictures.

Pictures are upright RGB uint8 arrays (H, W, 3): EXIF orientation is applied here and nowhere else.  Pillow decodes,
because it refuses a truncated file where OpenCV fills it with grey; sizes are checked against a limit before a pixel
is decoded.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datatools.errors import PictureError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
MAX_PIXELS = 170_000_000  # below the number at which Pillow itself refuses
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
HASH_BITS = 256
CHROMA_444, CHROMA_422, CHROMA_420 = 0, 1, 2  # as Pillow numbers the subsampling of a JPEG's chroma
BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, struct.error, zlib.error)  # Pillow's many
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")  # MPO opens as JPEG
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A picture's header.  size_wh: upright.  orientation: EXIF, 1 to 8.  dhash: (32,) uint8, or None if not asked."""

    size_wh: tuple[int, int]
    orientation: int
    dhash: NDArray | None = None

    @property
    def stored_wh(self) -> tuple[int, int]:
        w, h = self.size_wh
        return (h, w) if self.orientation in TURNED else (w, h)


@dataclass(frozen=True, slots=True)
class Compression:
    """How strongly a JPEG file is compressed: what `encode` needs to write another one like it.

    tables: quantisation tables of luminance and chroma (or of Y, Cb and Cr, where these two differ), 64 steps each, in
    rows, 1 to 255.  subsampling: of the chroma, as Pillow numbers it: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
    """

    tables: tuple[tuple[int, ...], ...]
    subsampling: int


def _open(data: bytes, where: object) -> Image.Image:
    if not data:
        raise PictureError(where, "the file is empty", "a picture", "restore it or delete it with its annotation")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(where, "far too many pixels") from None
    except BROKEN:
        remedy = "open it in a viewer, or delete it with its annotation"
        raise PictureError(where, "no picture that can be decoded", "JPEG, PNG, BMP, WebP or TIFF", remedy) from None
    w, h = picture.size
    if w * h > MAX_PIXELS:
        raise _too_large(where, f"{w}×{h} pixels")
    return picture


def _too_large(where: object, found: str) -> PictureError:
    limit = f"at most {MAX_PIXELS / 1e6:.0f} megapixels"
    return PictureError(where, found, limit, "scale it down first", code="picture-too-large")


def _whole(read: Callable[[], object], where: object) -> None:
    """Read a picture, which may turn out to be broken."""
    try:
        read()
    except BROKEN as error:
        cut = "truncat" in str(error).lower() or "broken data stream" in str(error)
        code = "picture-truncated" if cut else "picture-unreadable"
        raise PictureError(
            where, f"the picture is broken ({error})", remedy="restore it or delete it with its annotation", code=code
        ) from None


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(0x0112, 1)
    except BROKEN:
        return 1  # what cannot be read turns nothing
    return value if value in range(1, 9) else 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    return picture if orientation == 1 else picture.transpose(_TURNS[orientation])


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes.  Raises PictureError where there is no such file, or it may not be read."""
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise PictureError(path, "no such picture", code="picture-missing") from None
    except OSError as error:
        raise PictureError(path, f"cannot be read ({error.strerror})", remedy="change its permissions") from None


def measure(path: str | Path, *, dhash: bool = False, verify: bool = False) -> Measure:
    """Size and orientation from the header; with `dhash` or `verify` the pixels are decoded, so a cut file is found.

    Raises PictureError, with the problem's code, unless it is a whole picture.
    """
    data = read_bytes(path)
    picture = _open(data, path)
    orientation = _orientation(picture)
    w, h = picture.size
    size_wh = (h, w) if orientation in TURNED else (w, h)
    bits = None
    if dhash or verify:
        if picture.format == "JPEG":
            picture.draft("L", (64, 64))  # scaled decoding: reads the whole file, transforms little of it
        elif picture.format == "PNG":
            _whole(_open(data, path).verify, path)  # checksums: Pillow decodes damaged pixels without a word
        _whole(picture.load, path)
    if dhash:
        bits = difference_hash(_upright(picture, orientation))
    return Measure(size_wh, orientation, bits)


def difference_hash(picture: Image.Image) -> NDArray:
    """Perceptual hash: sign of the horizontal brightness steps of the 17×16 thumbnail.

    Returns (32,) uint8, 256 bits; equal pictures give equal hashes, re-encoded ones differ in a few bits.
    """
    if picture.mode not in ("RGB", "L"):
        picture = _rgb(picture)
    grey = np.asarray(picture.convert("L").resize((17, 16), Image.Resampling.BOX), dtype=np.int16)
    return np.packbits(grey[:, 1:] > grey[:, :-1])


def decode(source: str | Path | bytes) -> NDArray:
    """The upright picture, (H, W, 3) uint8 RGB; grey, palette, 16-bit, CMYK and transparent pictures are converted.

    source: a path, or the file's bytes.  Raises PictureError unless it is a whole picture.
    """
    where = "picture" if isinstance(source, bytes) else source
    picture = _open(source if isinstance(source, bytes) else read_bytes(source), where)
    _whole(picture.load, where)
    return np.asarray(_rgb(_upright(picture, _orientation(picture))))


def decode_with_alpha(path: str | Path) -> NDArray | None:
    """The upright picture, (H, W, 4) uint8 RGBA; None where it says nothing of transparency."""
    picture = _open(read_bytes(path), path)
    _whole(picture.load, path)
    if not picture.has_transparency_data:
        return None
    return np.asarray(_upright(picture, _orientation(picture)).convert("RGBA"))


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16-bit and float grey: scaled to 8 bits, not cut
        grey = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if grey.max(initial=0) > 255 else 255.0
        picture = Image.fromarray((grey * (255.0 / top)).clip(0, 255).astype(np.uint8))
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def compression(path: str | Path) -> Compression | None:
    """The compression of a JPEG file, from its header; None for other types, and for CMYK, whose tables are for inks.

    Grey files have one table: it serves the chroma too.  Where the subsampling is none of the usual three, or there is
    no chroma, it is 4:2:0.  Raises PictureError unless it is a picture.
    """
    from PIL.JpegImagePlugin import JpegImageFile, get_sampling

    picture = _open(read_bytes(path), path)
    if not isinstance(picture, JpegImageFile) or picture.layers not in (1, 3) or picture.layers != len(picture.layer):
        return None
    numbers = [component[3] for component in picture.layer]
    if not set(numbers) <= set(picture.quantization):
        return None  # a file without its tables, which cannot be decoded either
    steps = [tuple(min(step, 255) for step in picture.quantization[k]) for k in numbers]
    luminance, *chroma = steps * 2 if len(steps) == 1 else steps
    sampling = get_sampling(picture)
    return Compression((luminance, *dict.fromkeys(chroma)), sampling if sampling in (0, 1, 2) else 2)


def encode(
    pixels: NDArray, suffix: str, quality: int = 95, like: Compression | None = None, *, sampling: int = CHROMA_420
) -> bytes:
    """The file's bytes for an RGB (H, W, 3) uint8 picture; suffix `.jpg` or `.png`.

    like: compress a JPEG as another one is, whatever the quality; a PNG loses nothing, and needs neither.
    sampling: of a JPEG's chroma.
    """
    if like and suffix == ".jpg":
        out = io.BytesIO()
        tables = [list(table) for table in like.tables]
        Image.fromarray(pixels).save(out, "JPEG", qtables=tables, subsampling=like.subsampling)
        return out.getvalue()
    import cv2

    chroma = (0x111111, 0x211111, 0x221111)[sampling]  # OpenCV's names of 4:4:4, 4:2:2 and 4:2:0
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, chroma]
    options = jpeg if suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(suffix, cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"cannot encode a picture of shape {pixels.shape} as {suffix}")
    return data.tobytes()


def turn_boxes(xyxy: NDArray, stored_wh: tuple[int, int], orientation: int) -> NDArray:
    """Boxes given in the stored frame, moved into the upright one.

    xyxy: (N, 4) pixels.  orientation: EXIF 1 to 8 (TIFF 6.0, tag 274).
    """
    w, h = stored_wh
    x1, y1, x2, y2 = xyxy[:, 0], xyxy[:, 1], xyxy[:, 2], xyxy[:, 3]
    corners = {
        1: (x1, y1, x2, y2),
        2: (w - x2, y1, w - x1, y2),
        3: (w - x2, h - y2, w - x1, h - y1),
        4: (x1, h - y2, x2, h - y1),
        5: (y1, x1, y2, x2),
        6: (h - y2, x1, h - y1, x2),
        7: (h - y2, w - x2, h - y1, w - x1),
        8: (y1, w - x2, y2, w - x1),
    }[orientation]
    return np.stack(corners, axis=1)
