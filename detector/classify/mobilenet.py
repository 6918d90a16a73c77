"""MobileNetV2 with torchvision's module names, so that its state dicts load strictly.

Input (B, 3, S, S), normalised as `networks.KINDS` says; S from 32.
Source: Sandler et al., "MobileNetV2", 2018, table 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# expansion, channels, repeats, stride of the first
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FIRST, LAST = 32, 1280


def _convolution(entering: int, leaving: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(entering, leaving, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(leaving), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow again; added to what came in where the shapes are the same."""

    def __init__(self, entering: int, leaving: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = entering * expansion
        layers: list[nn.Module] = [_convolution(entering, wide, 1)] if expansion != 1 else []
        layers += [_convolution(wide, wide, 3, stride, wide), nn.Conv2d(wide, leaving, 1, bias=False)]
        self.conv = nn.Sequential(*layers, nn.BatchNorm2d(leaving))
        self.adds = stride == 1 and entering == leaving

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    """`body` gives (B, 1280), `head` the (B, classes) logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, FIRST, 3, 2)]
        width = FIRST
        for expansion, channels, repeats, stride in STAGES:
            for turn in range(repeats):
                layers.append(InvertedResidual(width, channels, stride if turn == 0 else 1, expansion))
                width = channels
        self.features = nn.Sequential(*layers, _convolution(width, LAST, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(LAST, classes))

    def body(self, pictures: Tensor) -> Tensor:
        return torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(pictures), 1), 1)

    @property
    def head(self) -> nn.Module:
        return self.classifier

    def forward(self, pictures: Tensor) -> Tensor:
        return self.classifier(self.body(pictures))
