"""Contact sheets: boxes cut out of pictures, enlarged, or whole pictures; boxes in the colour of their class, and the
regions that train and judge nothing in white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray

from datatools.core import Annotation
from datatools.stats_plot import COLOURS

CELL_PX, CAPTION_PX, LINE_PX, COLUMNS = 232, 30, 13, 6
WIDE_WH, WIDE_COLUMNS = (348, 290), 4  # a cell that shows a whole picture
ROOM = 2.2  # side of what is shown, in longer sides of the box
LETTERS = 34  # of a caption's line
_WHITE, _INK, _IGNORED = 255, (60, 60, 60), (235, 235, 235)
_FAR_PX = 99_999  # of the picture; no line is drawn further out: OpenCV counts in 32 bits


@dataclass(frozen=True, eq=False, slots=True)
class Shot:
    """One box to show.  pixels: (H, W, 3) uint8 of its picture.  box: its index.  framed: are boxes drawn?"""

    pixels: NDArray
    annotation: Annotation
    box: int
    caption: str = ""
    framed: bool = True


def rgb(label: int) -> tuple[int, int, int]:
    """The colour of a class."""
    text = COLOURS[label % len(COLOURS)]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def window(box: NDArray, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the picture around a box that is shown, xyxy whole pixels: square, but for the picture's border."""
    middle, side = (box[:2] + box[2:]) / 2, ROOM * float((box[2:] - box[:2]).max())
    x1, y1 = np.clip(np.floor(middle - side / 2), 0, size_wh).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(middle + side / 2), (x1 + 1, y1 + 1), size_wh).astype(int).tolist()
    return x1, y1, x2, y2


def cell(shot: Shot, around: NDArray | None = None) -> NDArray:
    """A box with its surroundings, (CELL_PX, CELL_PX, 3).  around: what is in the middle, (4,), if not the box."""
    h, w = shot.pixels.shape[:2]
    part = window(shot.annotation.xyxy[shot.box] if around is None else around, (w, h))
    return _captioned(fitted(shot, part, (CELL_PX - CAPTION_PX,) * 2), (CELL_PX, CELL_PX), shot.caption)


def whole(shot: Shot) -> NDArray:
    """A whole picture, (h, w, 3) of WIDE_WH."""
    h, w = shot.pixels.shape[:2]
    room = WIDE_WH[0], WIDE_WH[1] - CAPTION_PX
    return _captioned(fitted(shot, (0, 0, w, h), room), WIDE_WH, shot.caption)


def row(shots: Sequence[Shot], columns: int, parts: Sequence[tuple[int, int, int, int]] = ()) -> list[NDArray]:
    """Cells of one row, at most of WIDE_WH and no larger than these pictures need; blank ones fill it up.

    parts: what of each picture is shown, xyxy whole pixels; the whole of it by default.
    """
    room = WIDE_WH[0], WIDE_WH[1] - CAPTION_PX
    parts = parts or [(0, 0, shot.pixels.shape[1], shot.pixels.shape[0]) for shot in shots]
    seen = [fitted(shot, part, room) for shot, part in zip(shots, parts, strict=True)]
    high, wide = (max(part.shape[k] for part in seen) for k in (0, 1))
    size_wh = max(wide, CELL_PX), high + CAPTION_PX + 4
    made = [_captioned(part, size_wh, shot.caption) for part, shot in zip(seen, shots, strict=True)]
    return made + [np.full_like(made[0], _WHITE)] * (columns - len(made))


def note(caption: str, size_wh: tuple[int, int] = (CELL_PX, CELL_PX)) -> NDArray:
    """A cell without a picture, (h, w, 3)."""
    return _captioned(np.zeros((0, 0, 3), np.uint8), size_wh, caption)


def fitted(shot: Shot, part: tuple[int, int, int, int], room_wh: tuple[int, int]) -> NDArray:
    """Part of a picture, xyxy, as large as fits; boxes are drawn after enlarging, so that lines stay thin."""
    import cv2

    x1, y1, x2, y2 = part
    scale = min(room_wh[0] / (x2 - x1), room_wh[1] / (y2 - y1))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale))
    seen = cv2.resize(shot.pixels[y1:y2, x1:x2], size, interpolation=how)
    if shot.framed:
        _frame(seen, shot, (x1, y1), scale)
    return seen


def _frame(seen: NDArray, shot: Shot, corner: tuple[int, int], scale: float) -> None:
    """Draw the boxes in their classes' colours, and ignored regions in white, on what is seen from `corner` on."""
    import cv2

    a = shot.annotation
    lines = [(box, _IGNORED, 1) for box in a.ignored]
    lines += [(box, rgb(int(a.labels[k])), 2 if k == shot.box else 1) for k, box in enumerate(a.xyxy)]
    for box, colour, thick in lines:
        x1, y1, x2, y2 = np.rint((box - corner * 2).clip(-_FAR_PX, _FAR_PX) * scale).astype(int).tolist()
        cv2.rectangle(seen, (x1, y1), (x2, y2), colour, thick, cv2.LINE_AA)


def _captioned(seen: NDArray, size_wh: tuple[int, int], caption: str) -> NDArray:
    """A white cell with the picture in its corner, and at most two lines of letters at its foot."""
    width, height = size_wh
    made = np.full((height, width, 3), _WHITE, np.uint8)
    made[: seen.shape[0], : seen.shape[1]] = seen[:height, :width]
    letters = LETTERS * width // CELL_PX
    lines = [part for line in caption.splitlines() for part in wrap(line, letters)]
    for k, line in enumerate(lines[:2]):
        written(made, line, (3, height - CAPTION_PX + LINE_PX * (k + 1)))
    return made


def written(canvas: NDArray, text: str, at: tuple[int, int]) -> NDArray:
    """The canvas with a line of small letters; OpenCV's letters are ASCII."""
    import cv2

    ascii_ = text.encode("ascii", "replace").decode()
    cv2.putText(canvas, ascii_, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK, 1, cv2.LINE_AA)
    return canvas


def sheet(cells: Sequence[NDArray], classes: Sequence[str], columns: int = COLUMNS) -> NDArray:
    """Cells, of one size within a row, below the colours of the classes.  Of one blank row where there is no cell."""
    blank = np.full_like(cells[0] if cells else note(""), _WHITE)
    full = [*cells, *[blank] * (-len(cells) % columns or (columns if not cells else 0))]
    rows = [
        np.hstack([part for c in full[k : k + columns] for part in (c, np.full_like(c[:, :4], _WHITE))])
        for k in range(0, len(full), columns)
    ]
    width = max(part.shape[1] for part in rows)
    padded = [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=_WHITE) for part in rows]
    return np.vstack([_legend(classes, width), *padded])


def _legend(classes: Sequence[str], width: int) -> NDArray:
    import cv2

    legend = np.full((24, width, 3), _WHITE, np.uint8)
    x = 4
    for k, name in enumerate(classes):
        cv2.rectangle(legend, (x, 6), (x + 12, 18), rgb(k), -1)
        written(legend, name, (x + 18, 16))
        x += 34 + 7 * len(name)
    return legend


def spread(things: Sequence, n: int) -> list:
    """At most n of the things, evenly spaced."""
    return [things[k] for k in np.unique(np.linspace(0, len(things) - 1, n).round().astype(int))] if things else []
