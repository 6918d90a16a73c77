"""The sections of a Darknet cfg as frozen layers, with Darknet's own defaults. `line` is where the section begins.

Source: Darknet's parser.c of 2018 (YOLOv3), and `groups`, `group_id`, `mish` and `swish` from its later forks.
"""

from __future__ import annotations

from dataclasses import dataclass

ACTIVATIONS = ("linear", "leaky", "relu", "logistic", "mish", "swish")


@dataclass(frozen=True)
class Net:
    line: int
    width: int = 416
    height: int = 416
    channels: int = 3


@dataclass(frozen=True)
class Convolutional:
    line: int
    filters: int
    size: int = 1
    stride: int = 1
    pad: int = 0
    padding_px: int = 0
    groups: int = 1
    batch_normalize: int = 0
    activation: str = "logistic"

    @property
    def padding(self) -> int:
        """Pixels on each side: `pad=1` wins over `padding=`."""
        return self.size // 2 if self.pad else self.padding_px


@dataclass(frozen=True)
class Maxpool:
    """size: that of `stride` where 0.  padding: rows and columns beyond the picture in all, the odd one right and
    below; size - 1 where -1."""

    line: int
    size: int = 0
    stride: int = 1
    padding: int = -1

    @property
    def window(self) -> int:
        return self.size or self.stride

    @property
    def before(self) -> int:
        """Columns left of the picture."""
        return self._both // 2

    @property
    def after(self) -> int:
        """Columns right of the picture."""
        return self._both - self.before

    @property
    def _both(self) -> int:
        return self.window - 1 if self.padding < 0 else self.padding


@dataclass(frozen=True)
class Upsample:
    line: int
    stride: int = 2


@dataclass(frozen=True)
class Route:
    """groups, group_id: of each source only the group_id-th of so many equal parts of its channels."""

    line: int
    layers: tuple[int, ...]
    groups: int = 1
    group_id: int = 0


@dataclass(frozen=True)
class Shortcut:
    line: int
    from_: int
    activation: str = "linear"


@dataclass(frozen=True)
class Yolo:
    """mask: which anchors are this head's; all, where the file names none.  `num`, where given, counts the anchors.
    The thresholds, jitter and random (multi-scale) are Darknet's training settings, read so that they can be shown."""

    line: int
    anchors_wh: tuple[tuple[float, float], ...]
    mask: tuple[int, ...] = ()
    classes: int = 20
    num: int = 0
    ignore_thresh: float = 0.5
    truth_thresh: float = 1.0
    iou_thresh: float = 1.0
    jitter: float = 0.2
    random: float = 0.0


Layer = Convolutional | Maxpool | Upsample | Route | Shortcut | Yolo
