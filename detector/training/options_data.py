"""The part of `Options` that says which pictures are seen, how, and how often. No heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from detector.data.augmentation import PRESETS, Augmentation, preset
from detector.training.setting import PICTURES, SAMPLING, setting

AMOUNTS = ("hue", "saturation", "value", "noise", "flip", "scale", "shift", "rotate_deg", "shear_deg")
MIXES = ("mosaic", "mixup", "copy_paste", "pasted", "close_up", "min_visible")


def _amount(help: str, kind: type = float) -> Any:
    """One of `Augmentation`'s, which knows its limits."""
    return setting(PICTURES, None, f"{help} [as --augment]", kind, low=1 if kind is int else 0)


@dataclass(frozen=True)
class DataOptions:
    data: str = setting(PICTURES, None, "Split: a folder with data.yaml, or the file. [newest of data/*]", str)
    img_size: int = setting(PICTURES, 416, "Side of the network's input, pixels.", low=32)
    multi_scale: float = setting(
        PICTURES, 0.0, "Each batch has a side within this share of --img-size either way; 0: its own.", low=0, high=0.9
    )
    augment: str = setting(PICTURES, "light", "What training does to a picture.", words=tuple(PRESETS))
    hue: float | None = _amount("Share of change either way.")
    saturation: float | None = _amount("The same.")
    value: float | None = _amount("The same.")
    noise: float | None = _amount("Highest standard deviation, as a share of white.")
    flip: float | None = _amount("Probability.")
    scale: float | None = _amount("0.5 draws a zoom from 1/1.5 to 1.5.")
    shift: float | None = _amount("Share of the side either way.")
    rotate_deg: float | None = _amount("Either way.")
    shear_deg: float | None = _amount("Either way.")
    mosaic: float | None = _amount("Probability of four pictures in one.")
    mixup: float | None = _amount("Probability of two pictures through each other.")
    copy_paste: float | None = _amount("Probability of pasted objects.")
    pasted: int | None = _amount("Most objects pasted at once.", int)
    close_up: float | None = _amount("Probability that a picture is shown close, one of its objects large.")
    min_visible: float | None = _amount("Share of a box that has to be left for it to stay one.")
    plain_share: float = setting(
        PICTURES, 0.1, "Share of the epochs, at the end, without mosaic, mixup and pasting.", low=0, high=1
    )
    cache: str = setting(PICTURES, "ram", "Where decoded pictures are kept.", words=("ram", "disk", "none"))
    cache_mb: int = setting(PICTURES, 2048, "How much of it.", low=0)
    cache_folder: str | None = setting(PICTURES, None, "Of --cache disk. [below ~/.cache]", str)
    on_error: str = setting(
        PICTURES,
        "fail",
        "What a picture that cannot be read does: it is counted and left out, or stops the run.",
        words=("fail", "skip"),
    )

    sampler: str = setting(
        SAMPLING,
        "uniform",
        "How often an epoch shows a picture: once, by its rarest class, or by the split's weights.txt.",
        words=("uniform", "repeat-factor", "plan"),
    )
    repeat_threshold: float = setting(
        SAMPLING,
        0.5,
        "Of repeat-factor: a class in a smaller share of the pictures is shown more often.",
        low=0,
        high=1,
        open_low=True,
    )
    epoch_size: int | None = setting(
        SAMPLING, None, "Pictures that make an epoch. [all, as often as drawn]", int, low=1
    )

    @property
    def augmentation(self) -> Augmentation:
        given = {name: getattr(self, name) for name in (*AMOUNTS, *MIXES)}
        return replace(preset(self.augment), **{name: value for name, value in given.items() if value is not None})
