"""The pictures of a run: its curves, and a sheet of validation pictures, truth beside prediction."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detector.boxes import Letterbox
from detector.data.loader import Pictures
from detector.data.pictures import read_picture, shrink
from detector.detecting.draw import colour, draw_boxes, draw_key
from detector.judging.found import Found

CONFIDENCE = 0.25  # what predictions.png shows
TILE_WH, GAP, LINE = (400, 300), 6, 22
PICTURES = 8


def curves_png(history: list[dict[str, Any]], classes: tuple[str, ...]) -> bytes:
    """Loss terms, mAP and each class's AP by epoch, the best epoch marked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    for name in ("box", "objectness", "class"):
        _line(left, history, name, name)
    left.set(title="training loss", xlabel="epoch", ylim=(0, None))
    for name, label in (("map50", "mAP@0.5"), ("map50_95", "mAP@0.5:0.95")):
        _line(middle, history, name, label)
    known = [line for line in history if line["map50"] is not None]
    if known:
        best = max(known, key=lambda line: line["map50"])
        middle.plot(best["epoch"], best["map50"], "k*", markersize=12, label=f"best: {best['map50']:.3f}")
    middle.set(title="validation", xlabel="epoch", ylim=(0, 1.04))
    for number, name in enumerate(classes):
        _line(right, history, f"ap50_{name}", name, color=[part / 255 for part in colour(number)])
    right.set(title="AP@0.5 by class", xlabel="epoch", ylim=(0, 1.04))
    for axis in (left, middle, right):
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _line(axis: Any, history: list[dict[str, Any]], key: str, label: str, **style: Any) -> None:
    points = [(line["epoch"], line[key]) for line in history if line[key] is not None]
    if points:
        axis.plot(*zip(*points, strict=True), marker=".", label=label, **style)


def predictions_png(val: Pictures, found: list[Found], classes: tuple[str, ...]) -> bytes:
    """Up to eight validation pictures, spread over the set: the truth left, what was found right, and a key."""
    chosen = np.unique(np.linspace(0, len(val) - 1, min(PICTURES, len(val))).round().astype(int))
    tiles = [_tile(val, int(index), found[index], classes) for index in chosen]
    rows = [tiles[i : i + 2] for i in range(0, len(tiles), 2)]
    heights = [max(tile.height for tile in row) for row in rows]
    width = max(sum(tile.width for tile in row) + GAP * (len(row) + 1) for row in rows)
    sheet = Image.new("RGB", (width, sum(heights) + GAP * (len(rows) + 1) + LINE), "white")
    draw_key(sheet, classes, f"found: confidence {CONFIDENCE} and above", GAP)
    y = LINE + GAP
    for row, height in zip(rows, heights, strict=True):
        x = GAP
        for tile in row:
            sheet.paste(tile, (x, y))
            x += tile.width + GAP
        y += height + GAP
    stream = io.BytesIO()
    sheet.save(stream, format="png")
    return stream.getvalue()


def _tile(val: Pictures, index: int, found: Found, classes: tuple[str, ...]) -> Image.Image:
    """Truth and prediction side by side, under a line that names the picture."""
    one = val.labelled[index]
    picture = read_picture(one.path)
    size_wh = picture.shape[1], picture.shape[0]
    side = round(max(size_wh) * min(TILE_WH[0] / size_wh[0], TILE_WH[1] / size_wh[1]))
    small, scale = shrink(picture, side), np.tile(Letterbox(size_wh, side).scale, 2)
    sure = found.scores >= CONFIDENCE
    truth = draw_boxes(small, val.truths_xyxy(index) * scale, one.classes, classes)
    guess = draw_boxes(small, found.xyxy[sure] * scale, found.classes[sure], classes, found.scores[sure])
    tile = Image.new("RGB", (2 * small.shape[1] + 2, small.shape[0] + LINE), "white")
    pen, font = ImageDraw.Draw(tile), ImageFont.load_default(13)
    pen.text((2, 3), f"{one.path.name[:40]}: truth ({len(one.classes)})", fill="black", font=font)
    pen.text((small.shape[1] + 4, 3), f"found ({int(sure.sum())})", fill="black", font=font)
    tile.paste(Image.fromarray(truth), (0, LINE))
    tile.paste(Image.fromarray(guess), (small.shape[1] + 2, LINE))
    return tile
