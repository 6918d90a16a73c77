"""A Darknet cfg as a torch module. It returns the raw heads; `boxes.decode` turns them into boxes.

Batch norm: eps 1e-5 inside the root, momentum 0.1. Leaky slope 0.1. The 2x2 stride-1 pool of tiny looks one
cell right and down; replicate padding there gives the values of -inf padding, since every window holds the edge.
In training it is -inf: torch.compile foretells other strides for the gradient of replicate padding than it has.
Limits: input sides are multiples of the largest stride.  Source: Darknet's layers; Redmon & Farhadi, "YOLOv3", 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.network.cfg import Cfg, Convolutional, Maxpool, Route, Shortcut, Upsample, Yolo, shapes, sources

START_PROBABILITY = 0.01  # objectness of an untrained head: sigmoid(-log 99)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "leaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "logistic": nn.Sigmoid,
    "mish": lambda: nn.Mish(inplace=True),
    "swish": lambda: nn.SiLU(inplace=True),
}


class Convolution(nn.Sequential):
    """Convolution, batch norm or bias, activation, as one Darknet layer. `conv` and `norm` reach into it."""

    def __init__(self, channels: int, layer: Convolutional) -> None:
        super().__init__()
        bias, groups = not layer.batch_normalize, layer.groups
        self.conv = nn.Conv2d(
            channels, layer.filters, layer.size, layer.stride, layer.padding, groups=groups, bias=bias
        )
        self.norm = nn.BatchNorm2d(layer.filters, eps=1e-5, momentum=0.1) if layer.batch_normalize else nn.Identity()
        self.activation = ACTIVATIONS[layer.activation]()


class Pool(nn.Module):
    """Max-pool over size x size, as if -inf lay beyond the picture; the odd row and column right and below."""

    def __init__(self, layer: Maxpool) -> None:
        super().__init__()
        self.size, self.stride, self.before, self.after = layer.window, layer.stride, layer.before, layer.after

    def forward(self, x: Tensor) -> Tensor:
        if self.before == self.after:
            return F.max_pool2d(x, self.size, self.stride, self.before)
        if self.before or self.size > self.stride:  # else the last windows end inside: sides are multiples of strides
            edges = (self.before, self.after, self.before, self.after)
            x = F.pad(x, edges, value=-math.inf) if self.training else F.pad(x, edges, mode="replicate")
        return F.max_pool2d(x, self.size, self.stride)


class Darknet(nn.Module):
    """The network of `cfg`. `layers[i]` is layer i of the cfg (an empty module for route and yolo).

    anchors_wh: one (A, 2) tensor a head, pixels of the network's input.  strides: pixels a cell, a head.
    """

    def __init__(self, cfg: Cfg) -> None:
        super().__init__()
        self.cfg = cfg
        found = shapes(cfg)
        inputs = [(cfg.net.channels, 1), *found]
        self.layers = nn.ModuleList(_module(inputs[i][0], layer) for i, layer in enumerate(cfg.layers))
        self.sources = [sources(cfg, i) for i in range(len(cfg.layers))]
        self._kept = {i for many in self.sources for i in many}
        self._late = {i for i in range(len(cfg.layers)) if self._pooled_first(i)}
        self.strides = [found[i][1] for i in cfg.heads]
        self.classes = cfg.yolos[0].classes
        self.still_norms: frozenset[int] = frozenset()  # layers whose batch norm statistics `train` leaves alone
        for number, head in enumerate(cfg.yolos):
            anchors = torch.tensor([head.anchors_wh[k] for k in head.mask])
            self.register_buffer(f"anchors_{number}", anchors, persistent=False)

    @property
    def anchors_wh(self) -> list[Tensor]:
        return [getattr(self, f"anchors_{number}") for number in range(len(self.strides))]

    @property
    def convolutions(self) -> list[Convolution]:
        """In the order of Darknet's weights files."""
        return [layer for layer in self.layers if isinstance(layer, Convolution)]

    @property
    def head_convolutions(self) -> list[Convolution]:
        """The convolution before each yolo layer: the only ones that know the number of classes."""
        return [
            block for i, block in enumerate(self.layers) if i + 1 in self.cfg.heads and isinstance(block, Convolution)
        ]

    def layer_of(self, block: Convolution) -> int:
        """The number of `block` in the cfg."""
        return next(index for index, layer in enumerate(self.layers) if layer is block)

    def train(self, mode: bool = True) -> Darknet:
        """As of any module, but for `still_norms`."""
        super().train(mode)
        for index in self.still_norms:
            self.layers[index].eval()
        return self

    def _pooled_first(self, index: int) -> bool:
        """Whether layer `index` is activated after the pool that follows: the same values, at a quarter of the work.

        A rising function and a maximum may change places. In training alone: runtimes join an activation to its layer.
        """
        layer, following = self.cfg.layers[index], self.cfg.layers[index + 1 : index + 2]
        rising = isinstance(layer, Convolutional) and layer.activation in ("leaky", "relu")
        return rising and index not in self._kept and any(isinstance(one, Maxpool) for one in following)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures: (B, 3, H, W) in [0, 1], RGB. Returns a raw head each: (B, A, H / stride, W / stride, 5 + C)."""
        kept: dict[int, Tensor] = {}
        heads: list[Tensor] = []
        x = pictures
        for index, (layer, module) in enumerate(zip(self.cfg.layers, self.layers, strict=True)):
            match layer:
                case Route():
                    parts = [kept[i] for i in self.sources[index]]
                    if layer.groups > 1:
                        parts = [part.chunk(layer.groups, dim=1)[layer.group_id] for part in parts]
                    x = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
                case Shortcut():
                    x = module(x + kept[self.sources[index][0]])
                case Yolo():
                    batch, _, height, width = x.shape
                    raw = x.reshape(batch, len(layer.mask), 5 + layer.classes, height, width)
                    heads.append(raw.permute(0, 1, 3, 4, 2))
                case Convolutional() if self.training and index in self._late:
                    x = _block(module).norm(_block(module).conv(x))
                case Maxpool() if self.training and index - 1 in self._late:
                    x = _block(self.layers[index - 1]).activation(module(x))
                case _:
                    x = module(x)
            if index in self._kept:
                kept[index] = x
        return heads


def _block(module: nn.Module) -> Convolution:
    assert isinstance(module, Convolution)
    return module


def _module(channels: int, layer: object) -> nn.Module:
    match layer:
        case Convolutional():
            return Convolution(channels, layer)
        case Maxpool():
            return Pool(layer)
        case Upsample():
            return nn.Upsample(scale_factor=layer.stride, mode="nearest")
        case Shortcut():
            return ACTIVATIONS[layer.activation]()
    return nn.Identity()


def initialise(model: Darknet, generator: torch.Generator) -> None:
    """Kaiming for every convolution, biases of 0, then the heads' as `initialise_heads` says. In place."""
    for block in model.convolutions:
        nn.init.kaiming_normal_(block.conv.weight, a=0.1, nonlinearity="leaky_relu", generator=generator)
        if block.conv.bias is not None:
            nn.init.zeros_(block.conv.bias)
    initialise_heads(model, generator)


def initialise_heads(model: Darknet, generator: torch.Generator) -> None:
    """Small weights, and biases by which an untrained head says "nothing here" 99 times in 100. In place.

    Lin et al., "Focal Loss", 2017, section 3.3: the flood of empty cells would else rule the first steps.
    """
    with torch.no_grad():
        for head, block in zip(model.cfg.yolos, model.head_convolutions, strict=True):
            nn.init.normal_(block.conv.weight, std=0.01, generator=generator)
            if block.conv.bias is None:
                continue
            bias = block.conv.bias.view(len(head.mask), -1)
            bias.zero_()
            bias[:, 4] = -math.log((1 - START_PROBABILITY) / START_PROBABILITY)
