"""What a network takes over from another, what of it stands still, and how fast each part learns.

A network is its backbone, the first `cfg.backbone` layers, and its heads, all that follows; in them the output
convolutions, the only ones that know the classes. Layers are taken over by name, that is by number, from the first on
as long as shapes agree; a Darknet file may be of another of the project's networks. An output convolution of other
classes keeps the rows of boxes and objectness, and those of classes of the same name: COCO's names are known, other
Darknet files name none. Frozen layers neither learn nor gather batch norm statistics.  Source: Yosinski et al., "How
transferable are features", 2014; gradual unfreezing: Howard & Ruder, "ULMFiT", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from detector.errors import UserError, WeightsError
from detector.network.cfg import COCO_CLASSES, coco_names
from detector.network.checkpoint import is_checkpoint, load
from detector.network.model import Convolution, Darknet
from detector.network.weights import load_prefix

PARTS = ("all", "backbone", "heads", "none")
BOX_ROWS = 5  # x, y, width, height, objectness


@dataclass(frozen=True)
class Transferring:
    """transfer: which part is taken over.  freeze: the first N layers, or "backbone".  unfreeze: epochs, from 0, at
    which the frozen layers thaw, in as many parts, those nearest to the heads first; never where empty.  body_lr:
    share of the learning rate for the backbone.  freeze_norm: the backbone's batch norm statistics stay as loaded.
    fresh_heads: output convolutions begin anew even where rows of theirs fit."""

    transfer: str = "all"
    freeze: int | str = 0
    unfreeze: tuple[int, ...] = ()
    body_lr: float = 1.0
    freeze_norm: bool = False
    fresh_heads: bool = False

    def __post_init__(self) -> None:
        if self.transfer not in PARTS:
            raise UserError("--transfer", repr(self.transfer), f"one of {', '.join(PARTS)}")
        if self.freeze != "backbone" and (not isinstance(self.freeze, int) or self.freeze < 0):
            raise UserError("--freeze", repr(self.freeze), "a number of layers, or backbone")
        if any(a >= b for a, b in zip((0, *self.unfreeze), self.unfreeze, strict=False)):
            raise UserError("--unfreeze", ",".join(map(str, self.unfreeze)), "rising epochs above 0, such as 5 or 5,8")
        if self.unfreeze and not self.freeze:
            raise UserError("--unfreeze", "nothing is frozen", "--freeze N or --freeze backbone")
        if not 0 < self.body_lr <= 10:
            raise UserError("--body-lr", f"{self.body_lr:g}", "a share of the learning rate, above 0, such as 0.1")


def read_epochs(text: str) -> tuple[int, ...]:
    """The value of `--unfreeze`, from its text: epochs with commas."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UserError("--unfreeze", repr(text), "epochs with commas, such as 5 or 5,8,11") from error


def check(model: Darknet, how: Transferring, weights: Path | None) -> None:
    """Raises UserError where `how` asks of `model` what cannot be, or freezes what was never loaded."""
    last = model.layer_of(model.head_convolutions[-1])
    if isinstance(how.freeze, int) and how.freeze > last:
        raise UserError("--freeze", str(how.freeze), f"at most {last}: from there on, {model.cfg.name} must learn")
    loaded = "heads" if weights is None else how.transfer
    if (how.freeze or how.freeze_norm) and loaded in ("none", "heads"):
        what = "no --weights are given" if weights is None else f"--transfer {how.transfer} leaves the backbone random"
        raise UserError("--freeze" if how.freeze else "--freeze-norm", what, "weights to keep", "add --weights")


@dataclass(frozen=True)
class Transfer:
    """What a network took over: `loaded` of `total` convolutions; `fresh` says which began anew, and why."""

    loaded: int
    total: int
    fresh: str

    @property
    def heads_kept(self) -> bool:
        return self.loaded == self.total

    def __str__(self) -> str:
        return f"{self.loaded} of {self.total} convolutions loaded" + (f"; {self.fresh}" if self.fresh else "")


@dataclass(frozen=True)
class Source:
    """A network to take from. model: holds the weights in its first `layers` layers.  classes: None where unknown."""

    model: Darknet
    layers: int
    classes: tuple[str, ...] | None


def start(model: Darknet, classes: tuple[str, ...], path: Path, how: Transferring | None = None) -> Transfer:
    """Fill `model`, a network for `classes`, from a `.pt`, `.weights` or `.conv.N` file; say what was taken. In place.

    What is not taken keeps what it held. Raises WeightsError where the file fits nothing of the network.
    """
    how = how or Transferring()
    total = len(model.convolutions)
    if how.transfer == "none":
        return Transfer(0, total, "nothing taken over, as --transfer none says")
    source = _source(model, path)
    whole, partly = _take(model, classes, source, how)
    if not whole and not partly:
        raise WeightsError(path, f"nothing in it fits {model.cfg.name}", f"weights of {model.cfg.name}", "see --model")
    return Transfer(len(whole), total, _in_words(model, classes, source, whole, partly))


def _source(model: Darknet, path: Path) -> Source:
    if is_checkpoint(path):
        found = load(path)
        built = found.build()
        return Source(built, len(built.layers), found.classes)
    other, layers = load_prefix(model.cfg, path, elsewhere=True)
    return Source(other, layers, coco_names() if other.classes == COCO_CLASSES != model.classes else None)


def _take(
    model: Darknet, classes: tuple[str, ...], source: Source, how: Transferring
) -> tuple[list[int], dict[int, list[str]]]:
    """Layers taken over whole, and output convolutions taken in part, with the classes that kept their rows."""
    whole: list[int] = []
    partly: dict[int, list[str]] = {}
    same = source.classes == classes or (source.classes is None and source.model.classes == model.classes)
    for index, block in enumerate(model.layers):
        if not isinstance(block, Convolution):
            continue
        wanted = how.transfer == "all" or (how.transfer == "backbone") == (index < model.cfg.backbone)
        other = source.model.layers[index] if index < source.layers else None
        if index + 1 in model.cfg.heads:
            if not wanted or how.fresh_heads or not isinstance(other, Convolution):
                continue
            if same and _fits(block, other):
                block.load_state_dict(other.state_dict())
                whole.append(index)
            elif _same_anchors(model, source.model, index):
                partly[index] = _take_rows(block, other, classes, source)
        elif not isinstance(other, Convolution) or not _fits(block, other):
            break
        elif wanted:
            block.load_state_dict(other.state_dict())
            whole.append(index)
    return whole, partly


def _fits(a: nn.Module, b: nn.Module) -> bool:
    mine, theirs = a.state_dict(), b.state_dict()
    return mine.keys() == theirs.keys() and all(mine[name].shape == theirs[name].shape for name in mine)


def _same_anchors(model: Darknet, other: Darknet, index: int) -> bool:
    """Whether layer `index` is in both networks an output convolution, of as many anchors, on as many channels."""
    if index + 1 not in other.cfg.heads:
        return False
    (mine, conv), (theirs, peer) = _output(model, index), _output(other, index)
    plain = conv.bias is not None and peer.bias is not None
    return plain and mine == theirs and conv.weight.shape[1:] == peer.weight.shape[1:]


def _output(model: Darknet, index: int) -> tuple[int, nn.Conv2d]:
    number = model.cfg.heads.index(index + 1)
    return len(model.cfg.yolos[number].mask), model.head_convolutions[number].conv


@torch.no_grad()
def _take_rows(block: Convolution, other: Convolution, classes: tuple[str, ...], source: Source) -> list[str]:
    theirs = source.classes or ()
    kept = [name for name in classes if name in theirs]
    to = [*range(BOX_ROWS), *(BOX_ROWS + classes.index(name) for name in kept)]
    of = [*range(BOX_ROWS), *(BOX_ROWS + theirs.index(name) for name in kept)]
    for mine, peer in ((block.conv.weight, other.conv.weight), (block.conv.bias, other.conv.bias)):
        if mine is not None and peer is not None:
            rows, peer_rows = BOX_ROWS + len(classes), BOX_ROWS + source.model.classes
            mine.view(-1, rows, *mine.shape[1:])[:, to] = peer.view(-1, peer_rows, *peer.shape[1:])[:, of]
    return kept


def _in_words(
    model: Darknet, classes: tuple[str, ...], source: Source, whole: list[int], partly: dict[int, list[str]]
) -> str:
    said: list[str] = []
    if partly:
        kept = next(iter(partly.values()))
        new = [name for name in classes if name not in kept]
        heads = f"{len(partly)} head{'s keep their' if len(partly) > 1 else ' keeps its'} boxes and objectness"
        said += [heads + (f" and the classes {', '.join(kept)}" if kept else "")]
        said += [f"classes {', '.join(new)} begin anew"] if new else []
    fresh = [i for i, b in enumerate(model.layers) if isinstance(b, Convolution) and i not in {*whole, *partly}]
    if fresh:
        numbers = ", ".join(map(str, fresh)) if len(fresh) < 7 else f"{fresh[0]}..{fresh[-1]} ({len(fresh)} of them)"
        said.append(f"layer{'s' if len(fresh) > 1 else ''} {numbers} begin{'s' if len(fresh) == 1 else ''} anew")
    if source.classes is not None and source.classes != classes:
        said.append(f"the file's classes: {', '.join(source.classes[:5])}{', ...' if len(source.classes) > 5 else ''}")
    elif source.model.classes != model.classes:
        said.append(f"the file has {source.model.classes} classes, this network {model.classes}")
    return "; ".join(said)


def frozen_layers(model: Darknet, how: Transferring, epoch: int) -> frozenset[int]:
    """Numbers of the convolutional layers that stand still in `epoch`, counted from 0."""
    count = model.cfg.backbone if how.freeze == "backbone" else int(how.freeze)
    blocks = [i for i, b in enumerate(model.layers) if isinstance(b, Convolution) and i < count]
    thawed = sum(epoch >= one for one in how.unfreeze)
    if not thawed:
        return frozenset(blocks)
    return frozenset(blocks[: round(len(blocks) * (1 - thawed / len(how.unfreeze)))])


def apply_freeze(model: Darknet, how: Transferring, epoch: int) -> frozenset[int]:
    """Make `model` learn in `epoch` what `how` lets it, and nothing else; returns `frozen_layers`. In place.

    Call it before each epoch. Statistics stand still through every later `model.train()`.
    """
    frozen = frozen_layers(model, how, epoch)
    for index, block in enumerate(model.layers):
        block.requires_grad_(index not in frozen)
    backbone = range(model.cfg.backbone) if how.freeze_norm else ()
    model.still_norms = frozen | frozenset(backbone)
    model.train(model.training)
    return frozen


def groups(model: Darknet, how: Transferring, weight_decay: float, lr: float) -> list[dict[str, Any]]:
    """The optimiser's parameter groups: backbone and heads, of each the kernels, which are decayed, and the rest.

    Each holds `share`, by which a schedule's rate is to be multiplied; `lr` is `lr` so multiplied. Frozen parameters
    are among them, so that thawing changes no group: an optimiser passes over those without a gradient.
    """
    found: list[dict[str, Any]] = []
    for body, share in ((True, how.body_lr), (False, 1.0)):
        part = [p for i, b in enumerate(model.layers) if (i < model.cfg.backbone) == body for p in b.parameters()]
        for kernels, decay in ((True, weight_decay), (False, 0.0)):
            chosen = [parameter for parameter in part if (parameter.ndim == 4) == kernels]
            if chosen:
                found.append({"params": chosen, "weight_decay": decay, "lr": lr * share, "share": share})
    return found
