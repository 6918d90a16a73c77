"""A run's figures as TensorBoard events, in its folder (`tensorboard --logdir runs/train`). Needs the extra.

Written an epoch at a time. A resumed run goes on in a new file, whose first event says from which epoch on earlier
files no longer count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detector.errors import UserError

NAMES = {"box": "loss/box", "objectness": "loss/objectness", "class": "loss/class", "val_loss": "val/loss"}
NAMES |= {"lr": "rate", "map50": "val/mAP@.5", "map50_95": "val/mAP@.5:.95"}


class Board:
    """Events of the epochs from `first` on, counted from 0."""

    def __init__(self, folder: Path, first: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            what = f"TensorBoard is not installed ({error})"
            raise UserError("--tensorboard", what, "", "pip install 'balanced-detection[tensorboard]'") from error
        self._writer: Any = SummaryWriter(str(folder), purge_step=first)

    def write(self, line: dict[str, Any]) -> None:
        """An epoch's line of results.csv."""
        for key, value in line.items():
            if key != "epoch" and value is not None:
                self._writer.add_scalar(NAMES.get(key, f"val/{key}"), value, line["epoch"])
        self._writer.flush()
