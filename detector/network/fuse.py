"""Batch norm folded into the convolution before it: the same network with less to compute, for inference only.

With scale g, shift b, mean m, variance v: the kernel is multiplied by g / sqrt(v + eps), and the bias becomes
b - m g / sqrt(v + eps). Computed in double precision. What is folded can be neither trained on nor unfolded.
Source: Ioffe & Szegedy, "Batch Normalization", 2015, section 3.1.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from detector.network.model import Convolution, Darknet


def fuse(model: Darknet) -> Darknet:
    """A copy of `model` in eval mode, without batch norms; `model` stays as it is. Fusing twice changes nothing."""
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for block in folded.layers:
        if isinstance(block, Convolution) and isinstance(block.norm, nn.BatchNorm2d):
            block.conv, block.norm = fold(block.conv, block.norm), nn.Identity()
    return folded


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution that does what `conv` and then `norm`, with its running statistics, do."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics has nothing to fold")
    one = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        (conv.kernel_size[0], conv.kernel_size[1]),
        (conv.stride[0], conv.stride[1]),
        conv.padding if isinstance(conv.padding, str) else (conv.padding[0], conv.padding[1]),
        groups=conv.groups,
    ).to(conv.weight)
    with torch.no_grad():
        factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        bias = norm.bias.double() - norm.running_mean.double() * factor
        if conv.bias is not None:
            bias = bias + conv.bias.double() * factor
        one.weight.copy_(conv.weight.double() * factor[:, None, None, None])
        if one.bias is not None:  # always: Conv2d makes one
            one.bias.copy_(bias)
    return one.requires_grad_(False).train(conv.training)
