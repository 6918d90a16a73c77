"""The networks that are exported: a Darknet with its decoding, or its bare head convolutions.

Both are for one input size: cells and anchors are constants, so that the exported graph computes no shapes, and the
batch is the only axis that may vary. Decoding is `boxes.decode`'s (a test holds them together).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detector.boxes import SIZE_LOGIT_LIMIT
from detector.network.fuse import fuse
from detector.network.model import Darknet


class Heads(nn.Module):
    """The head convolutions' own outputs: (B, A (5 + C), side / stride, side / stride), a head each. Fused."""

    def __init__(self, model: Darknet) -> None:
        super().__init__()
        self.model = fuse(model)
        self._caught: list[Tensor] = []
        for block in self.model.head_convolutions:
            block.register_forward_hook(lambda module, given, out: self._caught.append(out))

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        self._caught.clear()
        self.model(pictures)
        found = tuple(self._caught)
        self._caught.clear()
        return found


class Decoded(nn.Module):
    """Boxes (B, N, 4), xyxy pixels of the input, and scores (B, N, C). N runs over heads, anchors, rows, columns."""

    cells: Tensor
    strides: Tensor
    halves: Tensor

    def __init__(self, model: Darknet, side: int) -> None:
        super().__init__()
        self.heads = Heads(model)
        self.values = 5 + model.classes
        self.counts = [len(anchors) for anchors in model.anchors_wh]
        cells, strides, halves = [], [], []
        for anchors, stride in zip(model.anchors_wh, model.strides, strict=True):
            rows, columns = torch.meshgrid(*[torch.arange(side // stride)] * 2, indexing="ij")
            own = torch.stack((columns, rows), dim=-1).reshape(1, -1, 2).float().repeat(len(anchors), 1, 1)
            cells.append(own.reshape(-1, 2))
            strides.append(torch.full((own.shape[0] * own.shape[1], 1), float(stride)))
            halves.append((anchors.float().cpu() / 2).repeat_interleave(own.shape[1], dim=0))
        for name, parts in (("cells", cells), ("strides", strides), ("halves", halves)):
            self.register_buffer(name, torch.cat(parts), persistent=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        flat = []
        for raw, count in zip(self.heads(pictures), self.counts, strict=True):
            cells = raw.shape[2] * raw.shape[3]
            flat.append(
                raw.reshape(-1, count, self.values, int(cells))
                .transpose(2, 3)
                .reshape(-1, count * int(cells), self.values)
            )
        every = torch.cat(flat, dim=1)
        middle = (every[..., :2].sigmoid() + self.cells) * self.strides
        half = every[..., 2:4].clamp(max=SIZE_LOGIT_LIMIT).exp() * self.halves
        boxes = torch.cat((middle - half, middle + half), dim=-1)
        return boxes, every[..., 4:5].sigmoid() * every[..., 5:].sigmoid()
