"""What runs a network, whatever library does: the seam between a network and all that is done with its boxes."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Runtime(Protocol):
    """What runs a network.  device: where it wants the pictures."""

    device: torch.device

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """pictures: (B, 3, S, S) in [0, 1].

        Returns boxes (B, N, 4), xyxy pixels of the square, and scores (B, N, C), objectness x class; any device.
        """
