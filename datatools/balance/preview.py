"""A contact sheet of copies with their boxes, to look at before a full run is spent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datatools.balance.apply import Settings
from datatools.balance.augment import Augmenter
from datatools.balance.copies import Copier, Copy, tasks_of
from datatools.balance.run import Balance
from datatools.images import encode
from datatools.stats_plot import COLOURS

CELL_W_PX, CELL_H_PX = 360, 290
COLUMNS = 4


def contact_sheet(balance: Balance, settings: Settings, cells: int = 16) -> bytes:
    """PNG of `cells` copies, spread over the plan; each exactly as the full run will write it."""
    tasks = tasks_of(balance.plan, balance.dataset.of_split("train"))
    pairs = [(task, number) for task in tasks for number in range(1, len(task.kept) + 1)]
    chosen = [pairs[k] for k in np.unique(np.linspace(0, len(pairs) - 1, cells).round().astype(int))] if pairs else []
    augmenter = Augmenter(settings.policy, settings.min_visibility)
    copies = [Copier(task, augmenter, settings.seed).make(number) for task, number in chosen]
    classes = balance.plan.classes
    rows = [
        np.hstack(_padded([_cell(c, classes) for c in copies[k : k + COLUMNS]])) for k in range(0, len(copies), COLUMNS)
    ]
    sheet = np.vstack([_legend(classes), *rows])
    return encode(sheet, ".png")


def _padded(cells: list[NDArray]) -> list[NDArray]:
    blank = np.full((CELL_H_PX, CELL_W_PX, 3), 255, np.uint8)
    return [*cells, *[blank] * (COLUMNS - len(cells))]


def _rgb(label: int) -> tuple[int, int, int]:
    text = COLOURS[label % len(COLOURS)]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _cell(copy: Copy, classes: tuple[str, ...]) -> NDArray:
    """The copy scaled into a white cell, its boxes drawn after scaling so that the lines stay thin."""
    import cv2

    height, width = copy.pixels.shape[:2]
    scale = min((CELL_W_PX - 8) / width, (CELL_H_PX - 28) / height)
    size = (round(width * scale), round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cell = np.full((CELL_H_PX, CELL_W_PX, 3), 255, np.uint8)
    x0, y0 = (CELL_W_PX - size[0]) // 2, (CELL_H_PX - 20 - size[1]) // 2
    cell[y0 : y0 + size[1], x0 : x0 + size[0]] = cv2.resize(copy.pixels, size, interpolation=method)
    for label, box in zip(copy.annotation.labels.tolist(), copy.annotation.xyxy, strict=True):
        x1, y1, x2, y2 = np.rint(box * scale + np.array([x0, y0, x0, y0])).astype(int).tolist()
        cv2.rectangle(cell, (x1, y1), (x2, y2), _rgb(label), 2, cv2.LINE_AA)
    erased = len(copy.recipe.get("erased", ()))
    name = copy.annotation.id.split("/")[-1].encode("ascii", "replace").decode()  # OpenCV's letters are ASCII
    notes = [name, f"{erased} erased" if erased else "", "flips only" if "flips_only" in copy.recipe else ""]
    text = ", ".join(note for note in notes if note)
    cv2.putText(cell, text, (6, CELL_H_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (60, 60, 60), 1, cv2.LINE_AA)
    return cell


def _legend(classes: tuple[str, ...]) -> NDArray:
    import cv2

    legend = np.full((34, CELL_W_PX * COLUMNS, 3), 255, np.uint8)
    x = 10
    for k, name in enumerate(classes):
        cv2.rectangle(legend, (x, 9), (x + 18, 25), _rgb(k), -1)
        text = name.encode("ascii", "replace").decode()
        cv2.putText(legend, text, (x + 26, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
        x += 50 + 9 * len(text)
    return legend
