"""InceptionV3 with torchvision's module names, so that its state dicts load strictly.

Input (B, 3, S, S), normalised as `networks.KINDS` says: torchvision's `transform_input` is that normalisation put
behind ImageNet's. S from 75; the auxiliary head needs a 17 x 17 map, which takes `AUXILIARY_FROM` pixels.
Source: Szegedy et al., "Rethinking the Inception Architecture", 2015, figures 5-7 and table 1.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AUXILIARY_FROM = 299
WIDTH, AUXILIARY_WIDTH = 2048, 768


class BasicConv2d(nn.Module):
    def __init__(self, entering: int, leaving: int, kernel: Any, stride: int = 1, padding: Any = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(entering, leaving, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(leaving, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def _along(entering: int, leaving: int, length: int, upright: bool = False) -> BasicConv2d:
    """A kernel `length` wide and one high, or the other way round, that keeps the size."""
    half = length // 2
    if upright:
        return BasicConv2d(entering, leaving, (length, 1), padding=(half, 0))
    return BasicConv2d(entering, leaving, (1, length), padding=(0, half))


def _pooled(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1)


class InceptionA(nn.Module):
    """Figure 5: 1 x 1, 5 x 5, two 3 x 3, and pooling, side by side."""

    def __init__(self, entering: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(entering, 64, 1)
        self.branch5x5_1 = BasicConv2d(entering, 48, 1)
        self.branch5x5_2 = BasicConv2d(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = BasicConv2d(entering, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, padding=1)
        self.branch_pool = BasicConv2d(entering, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        parts = [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(_pooled(x))]
        return torch.cat(parts, 1)


class InceptionB(nn.Module):
    """To half the size."""

    def __init__(self, entering: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(entering, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(entering, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class InceptionC(nn.Module):
    """Figure 6: kernels of 7 x 1 and 1 x 7."""

    def __init__(self, entering: int, inside: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(entering, 192, 1)
        self.branch7x7_1 = BasicConv2d(entering, inside, 1)
        self.branch7x7_2 = _along(inside, inside, 7)
        self.branch7x7_3 = _along(inside, 192, 7, upright=True)
        self.branch7x7dbl_1 = BasicConv2d(entering, inside, 1)
        self.branch7x7dbl_2 = _along(inside, inside, 7, upright=True)
        self.branch7x7dbl_3 = _along(inside, inside, 7)
        self.branch7x7dbl_4 = _along(inside, inside, 7, upright=True)
        self.branch7x7dbl_5 = _along(inside, 192, 7)
        self.branch_pool = BasicConv2d(entering, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_pooled(x))], 1)


class InceptionD(nn.Module):
    """To half the size."""

    def __init__(self, entering: int) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv2d(entering, 192, 1)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv2d(entering, 192, 1)
        self.branch7x7x3_2 = _along(192, 192, 7)
        self.branch7x7x3_3 = _along(192, 192, 7, upright=True)
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, stride=2)], 1)


class InceptionE(nn.Module):
    """Figure 7: the widest."""

    def __init__(self, entering: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(entering, 320, 1)
        self.branch3x3_1 = BasicConv2d(entering, 384, 1)
        self.branch3x3_2a = _along(384, 384, 3)
        self.branch3x3_2b = _along(384, 384, 3, upright=True)
        self.branch3x3dbl_1 = BasicConv2d(entering, 448, 1)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _along(384, 384, 3)
        self.branch3x3dbl_3b = _along(384, 384, 3, upright=True)
        self.branch_pool = BasicConv2d(entering, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(_pooled(x))]
        return torch.cat(parts, 1)


class InceptionAux(nn.Module):
    """A second head on the middle of the body, which only training uses."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv0 = BasicConv2d(AUXILIARY_WIDTH, 128, 1)
        self.conv1 = BasicConv2d(128, 768, 5)
        self.fc = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(F.avg_pool2d(x, 5, stride=3)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class InceptionV3(nn.Module):
    """`body` gives (B, 2048), `head` the (B, classes) logits; in training `forward` gives the auxiliary's too."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = InceptionA(192, 32), InceptionA(256, 64), InceptionA(288, 64)
        self.Mixed_6a, self.Mixed_6b = InceptionB(288), InceptionC(768, 128)
        self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = InceptionC(768, 160), InceptionC(768, 160), InceptionC(768, 192)
        self.AuxLogits = InceptionAux(classes)
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = InceptionD(768), InceptionE(1280), InceptionE(WIDTH)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(WIDTH, classes)

    def body(self, pictures: Tensor) -> Tensor:
        return self._upper(self._lower(pictures))

    def _lower(self, x: Tensor) -> Tensor:
        """Up to where the auxiliary head branches off: (B, 768, s, s)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, stride=2))))
        return self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))

    def _upper(self, x: Tensor) -> Tensor:
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)

    @property
    def head(self) -> nn.Module:
        return nn.Sequential(self.dropout, self.fc)

    def forward(self, pictures: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        middle = self._lower(pictures)
        logits = self.fc(self.dropout(self._upper(middle)))
        if self.training and pictures.shape[-1] >= AUXILIARY_FROM:
            return logits, self.AuxLogits(middle)
        return logits
