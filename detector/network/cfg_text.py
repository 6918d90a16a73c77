"""The text of a Darknet cfg: sections and keys, each known or refused with its line; and the same text, changed.

Convention: `[section]` heads with `key=value` lines, `#` or `;` opening a comment line. A key is one of four kinds:
it makes the network (a field of `cfg_layers`); it trains, and is accepted, since users' files hold it; it would change
the network in a way that is not built here, and is accepted at the value that changes nothing; or it is refused.
Source: Darknet's parser.c of 2018, and its later forks for keys that their files hold.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from detector.errors import CfgError
from detector.network.cfg_layers import ACTIVATIONS, Convolutional, Maxpool, Net, Route, Shortcut, Upsample, Yolo

Reader = Callable[[str], Any]


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.rstrip(", ").split(","))


def _pairs(text: str) -> tuple[tuple[float, float], ...]:
    numbers = [float(part) for part in text.rstrip(", ").split(",")]
    if len(numbers) % 2:
        raise ValueError("an odd count of numbers")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


@dataclass(frozen=True)
class Kind:
    """One kind of section. fields: key -> (field, reader).  needed: keys without a default.  training: keys accepted
    and left to the options of `detector train`.  neutral: key -> the only value at which it is accepted."""

    make: type
    fields: Mapping[str, tuple[str, Reader]]
    needed: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    neutral: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.fields, *self.training, *self.neutral)


ANYWHERE = ("learning_rate", "smooth", "stopbackward", "onlyforward", "clip", "train")
# These change which floats a file of weights holds, or what a layer is for.
NOWHERE = {"dontload": "0", "dontsave": "0", "dontloadscales": "0", "numload": "0", "truth": "0"}
NET_TRAINING = (
    *("batch", "subdivisions", "learning_rate", "momentum", "decay", "burn_in", "max_batches", "policy", "power"),
    *("steps", "scales", "step", "scale", "gamma", "angle", "aspect", "saturation", "exposure", "hue", "random"),
    *("adam", "B1", "B2", "eps", "max_crop", "min_crop", "max_ratio", "min_ratio", "center", "clip", "notruth"),
    *("flip", "blur", "gaussian_noise", "mixup", "cutmix", "mosaic", "mosaic_bound", "letter_box", "label_smooth_eps"),
    *("sgdr_cycle", "sgdr_mult", "resize_step", "ema_alpha", "loss_scale", "max_chart_loss", "dynamic_minibatch"),
    *("optimized_memory", "workspace_size_limit_MB", "augment_speed", "num_sigmas_reject_badlabels"),
    *("inputs", "track", "contrastive", "try_fix_nan", "init_sequential_subdivisions", "use_cuda_graph"),
    *("badlabels_rejection_percentage", "equidistant_point", "weights_reject_freq", "adversarial_lr"),
)
YOLO_TRAINING = (
    *("max", "map", "background", "max_delta", "iou_loss", "iou_normalizer", "cls_normalizer", "obj_normalizer"),
    *("delta_normalizer", "iou_thresh_kind", "focal_loss", "label_smooth_eps", "objectness_smooth", "nms_kind"),
    *("beta_nms", "counters_per_class", "show_details", "resize"),
)
# Sections of Darknet that no detector of this family holds, and what to do about each.
REMEDIES = {
    "dropout": "take it out, and count the layers that route and shortcut name anew: detection drops nothing",
    "avgpool": "it ends a classifier; a detector ends in [yolo]",
    "softmax": "it ends a classifier; a detector ends in [yolo]",
    "connected": "it makes the input's size part of the network; use [convolutional]",
    "region": "that is YOLOv2's head; take a YOLOv3 cfg",
    "reorg": "that is YOLOv2's; take a YOLOv3 cfg",
    "detection": "that is YOLOv1's head; take a YOLOv3 cfg",
    "gaussian_yolo": "its heads hold variances, which are not read here; take a YOLOv3 cfg",
}


_CONVOLUTION = {k: (k, int) for k in ("filters", "size", "stride", "pad", "groups", "batch_normalize")}
_THRESHOLDS = ("ignore_thresh", "truth_thresh", "iou_thresh", "jitter", "random")
KINDS: dict[str, Kind] = {
    "net": Kind(Net, {k: (k, int) for k in ("width", "height", "channels")}, (), NET_TRAINING, {"time_steps": "1"}),
    "convolutional": Kind(
        Convolutional,
        {**_CONVOLUTION, "padding": ("padding_px", int), "activation": ("activation", str)},
        ("filters",),
        ANYWHERE,
        NOWHERE
        | dict.fromkeys(("binary", "xnor", "flipped", "dot", "antialiasing", "coordconv"), "0")
        | {"dilation": "1"},
    ),
    "maxpool": Kind(
        Maxpool,
        {k: (k, int) for k in ("size", "stride", "padding")},
        (),
        ANYWHERE,
        NOWHERE | {"maxpool_depth": "0", "antialiasing": "0"},
    ),
    "upsample": Kind(Upsample, {"stride": ("stride", int)}, (), ANYWHERE, NOWHERE | {"scale": "1"}),
    "route": Kind(
        Route,
        {"layers": ("layers", _integers), "groups": ("groups", int), "group_id": ("group_id", int)},
        ("layers",),
        ANYWHERE,
        NOWHERE,
    ),
    "shortcut": Kind(
        Shortcut,
        {"from": ("from_", int), "activation": ("activation", str)},
        ("from",),
        ANYWHERE,
        NOWHERE | {"weights_type": "none", "weights_normalization": "none"},
    ),
    "yolo": Kind(
        Yolo,
        {
            "mask": ("mask", _integers),
            "anchors": ("anchors_wh", _pairs),
            "classes": ("classes", int),
            "num": ("num", int),
            **{k: (k, float) for k in _THRESHOLDS},
        },
        ("anchors",),
        (*ANYWHERE, *YOLO_TRAINING),
        NOWHERE | {"scale_x_y": "1", "new_coords": "0", "embedding_layer": "0"},
    ),
}


@dataclass(frozen=True)
class Section:
    """head: its name.  line: where it begins.  pairs: (line, key, value)."""

    head: str
    line: int
    pairs: tuple[tuple[int, str, str], ...]


def sections(text: str, name: str) -> list[Section]:
    """The sections of `text`; `name` is what errors call it."""
    found: list[tuple[str, int, list[tuple[int, str, str]]]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            head = line[1:-1].strip()
            found.append(({"network": "net", "conv": "convolutional", "max": "maxpool"}.get(head, head), number, []))
        elif not found or "=" not in line:
            raise CfgError(f"{name}:{number}", f"{line[:40]!r}", "[section], or key=value inside one")
        else:
            key, value = line.split("=", 1)
            found[-1][2].append((number, key.strip(), value.strip()))
    return [Section(head, line, tuple(pairs)) for head, line, pairs in found]


def build(section: Section, name: str) -> Any:
    """The layer, or `Net`, of a section. Raises CfgError with the line of what is not known or cannot be read."""
    if section.head not in KINDS:
        remedy = REMEDIES.get(section.head, "")
        what = f"unknown section [{section.head}]" if not remedy else f"[{section.head}] is not built here"
        raise CfgError(f"{name}:{section.line}", what, f"one of {', '.join(KINDS)}", remedy)
    kind = KINDS[section.head]
    said: dict[str, str] = {}
    values: dict[str, Any] = {}
    for line, key, text in section.pairs:
        where = f"{name}:{line}"
        if key not in kind.keys:
            close = difflib.get_close_matches(key, kind.keys, 1)
            expected = f"one of {', '.join(kind.fields)}, or a key of Darknet's that trains"
            remedy = f"did you mean {close[0]}?" if close else ""
            raise CfgError(where, f"unknown key {key!r} in [{section.head}]", expected, remedy)
        if said.setdefault(key, text) != text:
            raise CfgError(where, f"{key}={text[:40]}, but it was {key}={said[key][:40]} before", "each key once")
        if key in kind.fields:
            target, read = kind.fields[key]
            values[target] = _value(where, key, text, read)
        elif key in kind.neutral and not _same(text, kind.neutral[key]):
            raise CfgError(where, f"{key}={text[:40]} is not built here", f"{key}={kind.neutral[key]}")
    missing = [key for key in kind.needed if key not in said]
    if missing:
        raise CfgError(f"{name}:{section.line}", f"[{section.head}] lacks a key", " and ".join(missing))
    return kind.make(line=section.line, **values)


def training_pairs(text: str, name: str) -> list[str]:
    """`key=value` of what trains in a cfg, each once: read, and left to the options of `detector train`."""
    found: dict[str, None] = {}
    for section in sections(text, name):
        kind = KINDS[section.head]
        for _, key, value in section.pairs:
            if key in kind.training or (section.head == "yolo" and key in _THRESHOLDS):
                found[f"{key}={value}"] = None
    return list(found)


def _value(where: str, key: str, text: str, read: Reader) -> Any:
    try:
        value = read(text)
    except ValueError as error:
        raise CfgError(where, f"{key}={text[:40]}", "a number, or numbers with commas") from error
    if key == "activation" and text not in ACTIVATIONS:
        raise CfgError(where, f"activation {text!r}", f"one of {', '.join(ACTIVATIONS)}")
    return value


def _same(text: str, neutral: str) -> bool:
    try:
        return float(text) == float(neutral)
    except ValueError:
        return text == neutral


def changed(text: str, name: str, edits: Mapping[int, Mapping[str, str]]) -> str:
    """`text` with other values. edits: line of a section -> key -> value; a key that is absent is added below the head.

    Every other line, comments among them, stays as it is.
    """
    lines = text.splitlines()
    added: dict[int, list[str]] = {}
    for section in sections(text, name):
        for key, value in edits.get(section.line, {}).items():
            at = [line for line, known, _ in section.pairs if known == key]
            for line in at:
                lines[line - 1] = f"{key}={value}"
            if not at:
                added.setdefault(section.line, []).append(f"{key}={value}")
    together = [[line, *added.get(number, ())] for number, line in enumerate(lines, start=1)]
    return "\n".join(line for many in together for line in many) + "\n"
